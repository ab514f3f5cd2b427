"""The synthetic benchmark, written by the program and read with Python's own modules."""

import json
import pathlib
import pickle
import shutil
import tempfile
import unittest

from program import Case, read_lines, read_png, run, run_well

IMAGES = 30
WORDS = set(
    "the left right on of small large solid striped dotted hollow red green blue yellow purple "
    "cyan circle square triangle cross star".split()
)


def synth(folder, *more, images=IMAGES):
    return run(
        *("-q", "--json", "data", "synth", "--out", folder),
        *("--images", images, "--dataset", "refcoco", *more),
    )


def setUpModule():
    global ROOT, SUMMARY
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_refsynth_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = folder / "tree"
    SUMMARY = json.loads(synth(ROOT).stdout)


class Tree(Case):
    def setUp(self):
        super().setUp()
        self.tables = ROOT / "refcoco"
        instances = json.loads((self.tables / "instances.json").read_text(encoding="utf-8"))
        self.images = {image["id"]: image for image in instances["images"]}
        self.annotations = {entry["id"]: entry for entry in instances["annotations"]}
        self.refs = pickle.loads((self.tables / "refs(unc).p").read_bytes())

    def test_pictures_are_whole_and_of_the_stated_size(self):
        self.assertEqual(len(self.images), IMAGES)
        for image in self.images.values():
            path = ROOT / "images/mscoco/images/train2014" / image["file_name"]
            self.assertEqual(read_png(path), (image["width"], image["height"], 3))

    def test_annotations_fit_their_boxes(self):
        for annotation in self.annotations.values():
            x, y, w, h = annotation["bbox"]
            self.assertGreater(annotation["area"], 0)
            self.assertLessEqual(annotation["area"], w * h)
            self.assertGreaterEqual(min(x, y), 4)
            if isinstance(annotation["segmentation"], dict):
                counts = annotation["segmentation"]["counts"]
                if isinstance(counts, list):
                    self.assertEqual(sum(counts[1::2]), annotation["area"])

    def test_refs_agree_with_the_annotations(self):
        for ref in self.refs:
            image, annotation = self.images[ref["image_id"]], self.annotations[ref["ann_id"]]
            self.assertEqual(annotation["image_id"], image["id"])
            self.assertEqual(annotation["category_id"], ref["category_id"])
            self.assertIsInstance(annotation["segmentation"], list, "a ref needs polygons")
            self.assertEqual(ref["file_name"], image["file_name"])
            self.assertEqual(ref["sent_ids"], [s["sent_id"] for s in ref["sentences"]])
        self.assertEqual(len({ref["ref_id"] for ref in self.refs}), len(self.refs))

    def test_sentences_are_plain_words(self):
        for sentence in (sentence for ref in self.refs for sentence in ref["sentences"]):
            self.assertEqual(sentence["raw"], sentence["sent"])
            self.assertEqual(sentence["sent"], " ".join(sentence["tokens"]))
            self.assertLessEqual(set(sentence["tokens"]), WORDS)
            self.assertIn(sentence["kind"], ("attribute", "position", "relation"))

    def test_each_picture_is_in_one_split(self):
        split_of = {}
        for ref in self.refs:
            self.assertEqual(split_of.setdefault(ref["image_id"], ref["split"]), ref["split"])
        self.assertEqual(set(split_of), set(self.images), "every image is referred to")
        counts = [list(split_of.values()).count(s) for s in ("train", "val", "testA", "testB")]
        self.assertEqual(counts, [IMAGES - 6, 2, 2, 2])

    def test_side_files_have_a_line_for_each(self):
        sentences = {s["sent_id"]: ref["ref_id"] for ref in self.refs for s in ref["sentences"]}
        cues = read_lines(self.tables / "cues.jsonl")
        self.assertEqual({line["sent_id"]: line["ref_id"] for line in cues}, sentences)
        self.assertTrue(all(len(line["cues"]) == 5 for line in cues))
        captions = read_lines(self.tables / "captions.jsonl")
        self.assertEqual([line["image_id"] for line in captions], list(self.images))
        self.assertTrue(all(len(line["captions"]) == 12 for line in captions))
        proposals = read_lines(self.tables / "proposals.jsonl")
        self.assertEqual([line["image_id"] for line in proposals], list(self.images))
        self.assertTrue(all(1 <= len(line["proposals"]) <= 20 for line in proposals))


LONG_WORDS = WORDS | set(
    "a and that which is lies little big with stripes dots to side in half at near top bottom upper "
    "lower above over higher than below under underneath".split()
)
HELD_OUT = {
    *("green circle", "blue square", "yellow triangle", "purple cross", "cyan star"),
    *("hollow square", "dotted triangle", "striped cross", "solid star"),
    *("left or right of a triangle", "above or below a circle"),
}


class LongLanguage(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_long_"))
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.root = folder / "tree"
        cls.summary = json.loads(synth(cls.root, "--language", "long").stdout)
        cls.refs = pickle.loads((cls.root / "refcoco/refs(unc).p").read_bytes())

    def test_sentences_are_long_and_plain(self):
        for sentence in (sentence for ref in self.refs for sentence in ref["sentences"]):
            self.assertEqual(sentence["sent"], " ".join(sentence["tokens"]))
            self.assertIn(len(sentence["tokens"]), range(8, 15))
            self.assertLessEqual(set(sentence["tokens"]), LONG_WORDS)
            self.assertIn(sentence["kind"], ("attribute", "position", "relation", "both"))

    def test_manifest_tells_language_and_held_out_combinations(self):
        manifest = json.loads((self.root / "refcoco/refsynth.json").read_text(encoding="utf-8"))
        self.assertEqual(manifest["options"]["language"], "long")
        self.assertEqual(set(manifest["held_out"]), HELD_OUT)
        self.assertEqual(manifest["splits"], self.summary["splits"])
        for name, split in manifest["splits"].items():
            sentences = [s for ref in self.refs if ref["split"] == name for s in ref["sentences"]]
            words = [len(s["tokens"]) for s in sentences]
            self.assertEqual(split["words"], sum(words))
            self.assertEqual((split["fewest_words"], split["most_words"]), (min(words), max(words)))
            self.assertEqual(sum(split["facts_needed"]), len(sentences))
            for kind, count in split["sentences"].items():
                self.assertEqual(count, sum(s["kind"] == kind for s in sentences))

    def test_cues_are_four_or_five(self):
        for line in read_lines(self.root / "refcoco/cues.jsonl"):
            self.assertEqual(len(line["cues"]), 5)
            self.assertIn(len(set(line["cues"])), (4, 5))

    def test_rules_take_the_sentences_apart(self):
        made = self.folder / "cues.jsonl"
        run_well("-q", "cues", "make", "--root", self.root, "--dataset", "refcoco", "--out", made)
        for line in read_lines(made):
            self.assertGreaterEqual(len(set(line["cues"])), 4, line)

    def test_a_second_time_does_nothing_and_short_is_another(self):
        again = json.loads(synth(self.root, "--language", "long").stdout)
        self.assertTrue(again["already_there"])
        self.assertEqual(again["splits"], self.summary["splits"])
        self.assert_fails(synth(self.root), 1, "another benchmark")
        self.assert_fails(synth(ROOT, "--language", "long"), 1, "another benchmark")

    def test_an_unknown_language_is_wrong_usage(self):
        self.assert_fails(synth(self.folder / "x", "--language", "latin"), 2, "short or long")

    def test_table_tells_what_sentences_need(self):
        table = run_well(
            *("-q", "data", "synth", "--out", self.root, "--images", IMAGES),
            *("--dataset", "refcoco", "--language", "long"),
        ).stdout
        for row in ("  by position and relation", "fewest and most words", "that need 3 facts, %"):
            self.assertIn(row, table)
        short = run_well(
            *("-q", "data", "synth", "--out", ROOT, "--images", IMAGES, "--dataset", "refcoco")
        ).stdout
        self.assertNotIn("need", short)


class Command(Case):
    def test_json_is_the_manifest(self):
        manifest = json.loads((ROOT / "refcoco" / "refsynth.json").read_text(encoding="utf-8"))
        self.assertEqual(manifest["splits"], SUMMARY["splits"])
        self.assertFalse(SUMMARY["already_there"])

    def test_a_second_time_does_nothing(self):
        again = json.loads(synth(ROOT).stdout)
        self.assertTrue(again["already_there"])
        self.assertEqual(again["splits"], SUMMARY["splits"])

    def test_another_benchmark_is_not_overwritten(self):
        self.assert_fails(synth(ROOT, "--seed", "1"), 1, "another benchmark")

    def test_too_few_pictures_are_wrong_usage(self):
        self.assert_fails(synth(self.folder / "few", images=3), 2, "at least 4")

    def test_a_seed_gives_the_same_bytes(self):
        again = self.folder / "again"
        run_well("data", "synth", "--out", again, "--images", IMAGES, "--dataset", "refcoco")
        for path in sorted(ROOT.rglob("*")):
            if path.is_file():
                other = again / path.relative_to(ROOT)
                self.assertEqual(path.read_bytes(), other.read_bytes(), path)


if __name__ == "__main__":
    unittest.main()
