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
