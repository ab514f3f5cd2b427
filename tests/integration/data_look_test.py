"""`pcnet data check`, `stats` and `show`, on the synthetic benchmark and on a tree made by hand."""

import json
import os
import pathlib
import pickle
import shutil
import tempfile
import unittest

from program import Case, pictures_of, read_lines, read_png, run, run_well, train, write_png


def setUpModule():
    global ROOT
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_look_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = folder / "clean"
    run_well("data", "synth", "--out", ROOT, "--images", 40, "--difficulty", "easy")


def write_lines(path, entries):
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")


class Tree:
    """A copy of the benchmark that a test damages."""

    def __init__(self, root):
        shutil.copytree(ROOT, root)
        self.root = root
        self.tables = root / "refsynth"
        self.refs = pickle.loads((self.tables / "refs(unc).p").read_bytes())
        self.instances = json.loads((self.tables / "instances.json").read_text())

    def save(self):
        (self.tables / "refs(unc).p").write_bytes(pickle.dumps(self.refs, protocol=2))
        (self.tables / "instances.json").write_text(json.dumps(self.instances))

    def annotation(self, ann_id):
        return next(entry for entry in self.instances["annotations"] if entry["id"] == ann_id)


class Check(Case):
    def setUp(self):
        super().setUp()
        self.tree = Tree(self.folder / "tree")

    def check(self, *arguments):
        return run("-q", "data", "check", "--root", self.tree.root, *arguments)

    def findings(self, code=1, *arguments):
        """Findings by kind; the exit code must fit."""
        self.tree.save()
        result = self.check("--json", *arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stderr, "")
        document = json.loads(result.stdout)
        self.assertEqual(document["faults"] > 0, code == 1)
        for finding in document["findings"]:
            self.assertEqual(finding["count"], len(finding["items"]))
        return {finding["kind"]: finding for finding in document["findings"]}

    def assert_only(self, kind, *places, arguments=(), severity="fault"):
        """That kind alone is found, at these places; the text names them too."""
        found = self.findings(1 if severity == "fault" else 0, *arguments)
        self.assertEqual(list(found), [kind])
        self.assertEqual(found[kind]["severity"], severity)
        self.assertEqual([item["where"] for item in found[kind]["items"]], list(places))
        text = self.check("--all", *arguments).stdout
        self.assertIn(f"{kind}: {len(places)}\n", text)
        for place in places:
            self.assertIn(f" {place}: ", text)
        return found[kind]["items"]

    def test_a_clean_dataset_is_clean(self):
        result = run_well("-q", "data", "check", "--root", ROOT)
        self.assertTrue(result.stdout.startswith("dataset     refsynth, partition unc\n"))
        self.assertIn(f"\nimages      {ROOT}/images/", result.stdout)
        self.assertIn("\nholds       40 images, ", result.stdout)
        self.assertTrue(result.stdout.endswith("\nno fault found\n"), result.stdout)
        self.assertEqual(self.findings(0), {})
        self.assertEqual(self.findings(0, "--quick"), {})

    def test_the_counts_are_those_of_the_files(self):
        document = json.loads(self.check("--json").stdout)
        sentences = sum(len(ref["sentences"]) for ref in self.tree.refs)
        self.assertEqual(
            document["counts"],
            {
                "pictures": 40,
                "objects": len(self.tree.instances["annotations"]),
                "references": len(self.tree.refs),
                "sentences": sentences,
            },
        )

    def test_pictures_that_are_missing_damaged_or_of_another_size(self):
        missing, short, empty, large = pictures_of(self.tree.root)[:4]
        ids = {entry["file_name"]: entry["id"] for entry in self.tree.instances["images"]}
        missing.unlink()
        short.write_bytes(short.read_bytes()[:-1000])
        empty.write_bytes(b"")
        write_png(large, 31, 17)
        found = self.findings()
        places = {
            kind: [item["where"] for item in finding["items"]] for kind, finding in found.items()
        }
        where = [f"image_id {ids[path.name]}" for path in (missing, short, empty, large)]
        self.assertEqual(
            places,
            {
                "missing image": where[:1],
                "unreadable image": where[1:3],
                "image of another size": where[3:],
            },
        )
        self.assertIn(str(missing), found["missing image"]["items"][0]["what"])
        self.assertIn("31 x 17", found["image of another size"]["items"][0]["what"])
        quick = self.findings(1, "--quick")
        self.assertEqual(quick["unreadable image"]["count"], 1, "the header of one is whole")
        self.assertEqual(quick["image of another size"]["count"], 1)

    def test_an_empty_mask(self):
        ref = self.tree.refs[0]
        annotation = self.tree.annotation(ref["ann_id"])
        annotation["segmentation"] = [[5, 5, 5, 5, 5, 5]]
        self.assert_only("empty mask", f"ann_id {ref['ann_id']}")

    def test_a_broken_outline(self):
        ref = next(ref for ref in self.tree.refs if ref["split"] == "val")
        self.tree.annotation(ref["ann_id"])["segmentation"] = [[5, 5, 5]]
        (item,) = self.assert_only("broken mask", f"ann_id {ref['ann_id']}")
        self.assertIn("a polygon has 3 numbers", item["what"])
        baseline = ("-q", "--json", "eval", "--baseline", "centre", "--root", self.tree.root)
        self.assert_fails(run(*baseline), 1, f"ann_id {ref['ann_id']}", "instances.json",
                          "data.on_bad_annotation=skip")
        result = run_well(*baseline, "--set", "data.on_bad_annotation=skip")
        val = json.loads(result.stdout)["splits"]["val"]
        left_out = [other for other in self.tree.refs
                    if other["split"] == "val" and other["ann_id"] == ref["ann_id"]]
        self.assertEqual(val["left_out"], {
            "unreadable_pictures": 0,
            "broken_annotations": sum(len(other["sentences"]) for other in left_out),
        })
        wanted = sum(len(other["sentences"]) for other in self.tree.refs
                     if other["split"] == "val" and other["ann_id"] != ref["ann_id"])
        self.assertEqual(val["sentences"], wanted)
        with tempfile.TemporaryDirectory() as folder:
            trained = train(self.tree.root, folder, config="tris.yaml", changes={
                "train__max_steps": 2, "data__on_bad_annotation": "skip",
                "eval__samples": 50})
            self.assertEqual(trained.returncode, 0, trained.stderr)

    def test_a_mask_outside(self):
        ann_id = self.tree.refs[0]["ann_id"]
        polygon = self.tree.annotation(ann_id)["segmentation"][0]
        polygon[0] = 5000
        (item,) = self.assert_only("mask outside of its image", f"ann_id {ann_id}")
        self.assertIn("5000", item["what"])

    def test_duplicate_ids(self):
        first, second = self.tree.refs[:2]
        second["ref_id"] = first["ref_id"]
        image = dict(self.tree.instances["images"][0])
        self.tree.instances["images"].append(image)
        found = self.findings()
        places = [item["where"] for item in found["duplicate id"]["items"]]
        self.assertEqual(places, [f"image_id {image['id']}", f"ref_id {first['ref_id']}"])

    def test_a_reference_to_an_unknown_object(self):
        ref = self.tree.refs[3]
        ref["ann_id"] = 999999
        found = self.findings()
        (kind,) = found
        self.assertEqual(found[kind]["items"][0]["where"], f"ref_id {ref['ref_id']}")
        self.assertIn("999999", found[kind]["items"][0]["what"])

    def test_sentences_without_tokens(self):
        ref = self.tree.refs[2]
        sentence = ref["sentences"][0]
        sentence.update(sent="", raw="", tokens=[])
        self.assert_only(
            "sentence without tokens", f"sent_id {sentence['sent_id']} (ref_id {ref['ref_id']})"
        )

    def test_long_texts_are_notes(self):
        ref = self.tree.refs[2]
        sentence = ref["sentences"][0]
        sentence["sent"] = " ".join(["small"] * 30)
        where = f"sent_id {sentence['sent_id']} (ref_id {ref['ref_id']})"
        (item,) = self.assert_only("sentence that will be cut", where, severity="note")
        self.assertIn("32 tokens", item["what"])
        self.assertIn("no fault found, 1 note\n", self.check().stdout)
        room = ("--set", "data.text_length=32")
        self.assertEqual(self.findings(0, *room), {})

    def test_a_closed_vocabulary(self):
        ref = next(ref for ref in self.tree.refs if ref["split"] == "val")
        sentence = ref["sentences"][0]
        sentence["sent"] = "the wooden table"
        where = f"sent_id {sentence['sent_id']} (ref_id {ref['ref_id']})"
        kind = "sentence with words that training does not know"
        words = ("--set", "model.clip.text.tokenizer=words")
        (item,) = self.assert_only(kind, where, arguments=words, severity="note")
        self.assertEqual(item["what"], "wooden, table")
        self.assertEqual(self.findings(0), {})

    def test_leaks(self):
        train = [ref for ref in self.tree.refs if ref["split"] == "train"]
        leaked = train[0]["image_id"]
        same = [ref for ref in train if ref["image_id"] == leaked]
        self.assertGreater(len(same), 1)
        same[-1]["split"] = "val"
        (item,) = self.assert_only(
            "image in train and in an evaluation split", f"image_id {leaked}"
        )
        self.assertIn(f"val: ref_id {same[-1]['ref_id']}", item["what"])

    def test_missing_cues_and_proposals(self):
        cues = read_lines(self.tree.tables / "cues.jsonl")
        write_lines(self.tree.tables / "cues.jsonl", cues[2:])
        proposals = read_lines(self.tree.tables / "proposals.jsonl")
        write_lines(self.tree.tables / "proposals.jsonl", proposals[:-1])
        found = self.findings()
        self.assertEqual(set(found), {"sentence without cues", "image without proposals"})
        places = [item["where"].split(" (")[0] for item in found["sentence without cues"]["items"]]
        self.assertEqual(places, [f"sent_id {line['sent_id']}" for line in cues[:2]])
        (item,) = found["image without proposals"]["items"]
        self.assertEqual(item["where"], f"image_id {proposals[-1]['image_id']}")

    def test_no_cues_and_no_proposals_at_all_are_notes(self):
        (self.tree.tables / "cues.jsonl").unlink()
        (self.tree.tables / "proposals.jsonl").unlink()
        found = self.findings(0)
        self.assertEqual(list(found), ["no cues", "no proposals"])
        text = self.check().stdout
        self.assertIn("--cues", text)
        self.assertIn("no fault found, 2 notes\n", text)

    def test_a_side_file_that_cannot_be_read(self):
        path = self.tree.tables / "cues.jsonl"
        path.write_text('{"sent_id": 1, "cues": ["a"]}\nnonsense\n')
        found = self.findings()
        self.assertIn(":2", found["unreadable cues"]["items"][0]["what"])

    def test_text_is_short_unless_all_is_asked_for(self):
        for path in pictures_of(self.tree.root)[:9]:
            path.unlink()
        short = self.check()
        self.assertEqual(short.returncode, 1)
        self.assertIn("FAULT  missing image: 9\n", short.stdout)
        self.assertIn("and 4 more (--all lists them)", short.stdout)
        self.assertEqual(short.stdout.count("image_id"), 5)
        self.assertEqual(self.check("--all").stdout.count("image_id"), 9)
        self.assertTrue(short.stdout.endswith("9 faults\n"))

    def test_a_dataset_that_cannot_be_opened_is_an_error(self):
        self.assert_fails(run("data", "check", "--root", self.folder / "no"), 1, "no dataset")
        self.assert_fails(run("data", "check"), 2, "--root")
        (self.tree.tables / "instances.json").write_text("{")
        self.assert_fails(self.check(), 1, "instances.json")

    def test_a_configuration_names_the_dataset(self):
        path = self.folder / "mine.yaml"
        path.write_text(f"data:\n  root: {self.tree.root}\n  text_length: 4\n")
        result = run_well("-q", "data", "check", path)
        self.assertIn("sentence that will be cut", result.stdout)
        self.assert_fails(run("data", "check", self.folder / "none.yaml"), 2, "none.yaml")


class Own(Case):
    """Custom data: pictures of one's own in JSON lines."""

    def setUp(self):
        super().setUp()
        self.root = self.folder / "own"
        self.root.mkdir()
        for name in ("a.png", "b.png"):
            write_png(self.root / name, 30, 20)
        self.lines = [
            {"image": "a.png", "sentence": "the cup", "cues": ["cup"]},
            {"image": "b.png", "sentence": "the plate", "cues": ["plate"], "split": "val"},
        ]
        self.lines[1]["mask"] = {"polygons": [[2, 2, 12, 2, 12, 12, 2, 12]]}

    def findings(self, code):
        write_lines(self.root / "annotations.jsonl", self.lines)
        result = run("-q", "--json", "data", "check", "--root", self.root)
        self.assertEqual(result.returncode, code, result.stderr)
        found = json.loads(result.stdout)["findings"]
        return {
            finding["kind"]: [item["where"] for item in finding["items"]] for finding in found
        }

    def test_masks_are_missed_in_evaluation_splits_only(self):
        self.assertEqual(list(self.findings(0)), ["no proposals"])
        del self.lines[1]["mask"]
        found = self.findings(1)
        self.assertEqual(found["object without a mask in an evaluation split"], ["ref_id 2"])

    def test_cues_beside_the_sentences(self):
        del self.lines[0]["cues"]
        self.assertEqual(self.findings(1)["sentence without cues"], ["sent_id 1 (ref_id 1)"])
        del self.lines[1]["cues"]
        self.assertEqual(list(self.findings(0)), ["no cues", "no proposals"])

    def test_stats_and_show(self):
        self.findings(0)
        stats = json.loads(run_well("--json", "data", "stats", "--root", self.root).stdout)
        self.assertEqual(stats["splits"]["all"]["sentences"], 2)
        self.assertEqual(stats["mask_share_of_the_picture"]["count"], 1)
        result = run_well("--json", "data", "show", "--root", self.root, cwd=self.folder)
        shown = json.loads(result.stdout)
        self.assertEqual(shown["out"], "custom_train.png")
        size = read_png(self.folder / "custom_train.png")
        self.assertEqual(size, (shown["width"], shown["height"], 3))


def hand_tree(root):
    """Two pictures for training, one for each of testA and testB; every number known by hand."""

    def square(x, y, side):
        return [[x, y, x + side, y, x + side, y + side, x, y + side]]

    images, annotations, refs = [], [], []
    (root / "train2014").mkdir(parents=True)
    for image_id in (1, 2, 3, 4):
        name = f"{image_id}.png"
        write_png(root / "train2014" / name, 40, 20)
        images.append({"id": image_id, "file_name": name, "width": 40, "height": 20})
    objects = ((1, 1, 4), (2, 1, 8), (3, 2, 4), (4, 3, 10), (5, 4, 20), (6, 4, 2))
    for ann_id, image_id, side in objects:
        annotations.append(
            {
                "id": ann_id,
                "image_id": image_id,
                "category_id": 1,
                "bbox": [0, 0, side, side],
                "area": side * side,
                "iscrowd": 0,
                "segmentation": square(0, 0, side),
            }
        )

    def add(ann_id, image_id, split, *texts):
        first = 10 * len(refs)
        sentences = [
            {"sent_id": first + i, "sent": text, "raw": text, "tokens": text.split()}
            for i, text in enumerate(texts)
        ]
        refs.append(
            {
                "ref_id": 100 + len(refs),
                "ann_id": ann_id,
                "image_id": image_id,
                "category_id": 1,
                "file_name": f"{image_id}.png",
                "split": split,
                "sent_ids": [sentence["sent_id"] for sentence in sentences],
                "sentences": sentences,
            }
        )

    add(1, 1, "train", "left dog", "the dog")
    add(2, 1, "train", "dog")
    add(3, 2, "train", "the big red dog on the left")
    add(4, 3, "testA", "cat")
    add(5, 4, "testB", "a cat", "the red cat")
    add(5, 4, "testB", "cat")
    tables = root / "refer" / "refcoco"
    tables.mkdir(parents=True)
    instances = {"images": images, "annotations": annotations, "categories": []}
    (tables / "instances.json").write_text(json.dumps(instances))
    (tables / "refs(unc).p").write_bytes(pickle.dumps(refs, protocol=0))
    return root


class Stats(Case):
    def setUp(self):
        super().setUp()
        self.root = hand_tree(self.folder / "hand")

    def stats(self, *arguments):
        result = run_well("--json", "data", "stats", "--root", self.root, *arguments)
        return json.loads(result.stdout)

    def test_splits(self):
        splits = self.stats()["splits"]
        names = ("references", "objects", "pictures", "sentences")
        rows = {name: tuple(split[key] for key in names) for name, split in splits.items()}
        self.assertEqual(list(rows), ["train", "testA", "testB", "all"])
        self.assertEqual(rows["train"], (3, 3, 2, 4))
        self.assertEqual(rows["testA"], (1, 1, 1, 1))
        self.assertEqual(rows["testB"], (2, 1, 1, 3))
        self.assertEqual(rows["all"], (6, 5, 4, 8))

    def test_texts(self):
        stats = self.stats("--set", "data.text_length=6")
        self.assertEqual(stats["sentences_by_words"], {"1": 3, "2": 3, "3": 1, "7": 1})
        words = stats["words_a_sentence"]
        self.assertEqual((words["mean"], words["median"], words["maximum"]), (19 / 8, 2, 7))
        self.assertEqual(stats["vocabulary"], 8)
        # Each of these words is one token of CLIP's.
        self.assertEqual(stats["tokens_a_sentence"]["maximum"], 9)
        self.assertEqual(stats["sentences_longer_than_text_length"], 1)

    def test_objects_and_masks(self):
        stats = self.stats()
        self.assertEqual(stats["annotated_objects_a_picture"]["mean"], 6 / 4)
        self.assertEqual(stats["referred_objects_a_picture"]["mean"], 5 / 4)
        # 16, 64, 16, 100 and 400 of 800 pixels
        masks = stats["mask_share_of_the_picture"]
        self.assertEqual(masks["count"], 5)
        self.assertAlmostEqual(masks["minimum"], 0.02)
        self.assertAlmostEqual(masks["median"], 0.08)
        self.assertAlmostEqual(masks["upper_quartile"], 0.125)
        self.assertAlmostEqual(masks["mean"], 0.149)

    def test_published_counts_of_a_known_set(self):
        published = {(row["split"], row["what"]): row for row in self.stats()["published"]}
        row = published["train", "references"]
        self.assertEqual((row["here"], row["published"], row["agrees"]), (3, 42404, False))
        self.assertEqual(published["test", "references"]["here"], 3)
        text = run_well("data", "stats", "--root", self.root).stdout
        self.assertRegex(text, r"train references +3 +42404 +DIFFERENT\n")
        synthetic = json.loads(run_well("--json", "data", "stats", "--root", ROOT).stdout)
        self.assertEqual(synthetic["published"], [])

    def test_kinds_of_sentences_where_there_are_some(self):
        manifest = json.loads((ROOT / "refsynth" / "refsynth.json").read_text())
        splits = json.loads(run_well("--json", "data", "stats", "--root", ROOT).stdout)["splits"]
        self.assertEqual(sum(splits["val"]["kinds"].values()), splits["val"]["sentences"])
        self.assertIn("val", json.dumps(manifest["splits"]))
        text = run_well("data", "stats", "--root", ROOT).stdout
        table = text[text.index("\n\n") :].splitlines()
        self.assertIn("attribute", table[2])

    def test_lines_are_aligned(self):
        text = run_well("data", "stats", "--root", self.root).stdout
        self.assertTrue(text.startswith("dataset     refcoco, partition unc\n"), text)
        table = text[text.index("\n\n") :].splitlines()[2:7]
        self.assertEqual(len({len(line) for line in table}), 1, table)

    def test_a_faulty_dataset_is_one_line_of_error(self):
        path = self.root / "refer" / "refcoco" / "instances.json"
        instances = json.loads(path.read_text())
        instances["annotations"].pop(0)
        path.write_text(json.dumps(instances))
        self.assert_fails(run("data", "stats", "--root", self.root), 1, "refs(unc).p")


class Show(Case):
    def show(self, *arguments, root=None, **more):
        result = run_well("--json", "data", "show", "--root", root or ROOT, *arguments, **more)
        return json.loads(result.stdout)

    def test_writes_a_sheet_into_the_current_folder_and_says_where(self):
        shown = self.show("--count", "3", cwd=self.folder)
        self.assertEqual(shown["out"], "refsynth_train.png")
        size = read_png(self.folder / "refsynth_train.png")
        self.assertEqual(size, (shown["width"], shown["height"], 3))
        self.assertEqual(len(shown["ref_ids"]), 3)
        text = run_well("data", "show", "--root", ROOT, "--split", "val", cwd=self.folder).stdout
        self.assertIn("refsynth_val.png: ", text)
        self.assertTrue((self.folder / "refsynth_val.png").exists())

    def test_a_seed_draws_the_same_ones(self):
        out = self.folder / "a.png"
        first = self.show("--seed", "4", "--out", out)
        self.assertEqual(len(first["ref_ids"]), 8)
        self.assertEqual(first["ref_ids"], self.show("--seed", "4", "--out", out)["ref_ids"])
        self.assertNotEqual(first["ref_ids"], self.show("--seed", "5", "--out", out)["ref_ids"])

    def test_chosen_references(self):
        refs = pickle.loads((ROOT / "refsynth" / "refs(unc).p").read_bytes())
        ids = [refs[4]["ref_id"], refs[1]["ref_id"]]
        shown = self.show("--ref", ids[0], "--ref", ids[1], cwd=self.folder)
        self.assertEqual(shown["ref_ids"], ids)
        self.assertEqual(shown["out"], "refsynth_refs.png")
        result = run("data", "show", "--root", ROOT, "--ref", 999999, cwd=self.folder)
        self.assert_fails(result, 2, "--ref", "999999")
        self.assertEqual(os.listdir(self.folder), ["refsynth_refs.png"])

    def test_pictures_of_any_shape_and_without_cues_or_proposals(self):
        root = hand_tree(self.folder / "hand")
        instances = root / "refer" / "refcoco" / "instances.json"
        document = json.loads(instances.read_text())
        for image, (width, height) in zip(document["images"], ((3000, 20), (20, 3000), (20, 20))):
            write_png(root / "train2014" / image["file_name"], width, height)
            image.update(width=width, height=height)
        instances.write_text(json.dumps(document))
        (root / "train2014" / "4.png").write_bytes(b"no image")
        out = self.folder / "odd.png"
        refs = [part for ref_id in range(100, 106) for part in ("--ref", ref_id)]
        shown = self.show(*refs, "--out", out, root=root)
        self.assertEqual(read_png(out), (shown["width"], shown["height"], 3))
        self.assertLess(shown["width"], 1600)

    def test_wrong_usage(self):
        for arguments in (("--split", "holiday"), ("--count", "0"), ("--ref", "x")):
            result = run("data", "show", "--root", ROOT, *arguments, cwd=self.folder)
            self.assert_fails(result, 2)
        result = run("data", "show", "--root", ROOT, "--out", self.folder / "no" / "a.png")
        self.assert_fails(result, 1, "a.png")
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    unittest.main()
