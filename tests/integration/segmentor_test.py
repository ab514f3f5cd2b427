"""Masks from proposals, Segment Anything and the ground truth, in `eval` and `predict`."""

import json
import os
import pathlib
import shutil
import tempfile
import unittest
import zlib

import toy_sam
from program import (
    Case,
    make_benchmark,
    pictures_of,
    read_lines,
    run,
    run_well,
    train,
    write_safetensors,
)

ASKING = ("sam", "oracle-point", "oracle-best-of-3")  # Segment Anything


def setUpModule():
    global ROOT, RUN, SAM
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_segmentor_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    RUN = folder / "run"
    SAM = folder / "sam.safetensors"
    toy_sam.write(SAM, seed=8)  # whose masks of a click differ
    result = train(ROOT, RUN, changes={"train__max_steps": 2})
    if result.returncode != 0:
        raise AssertionError(result.stderr)


class Evaluation(Case):
    def evaluate(self, segmentor, *more):
        """Results and lines of the split train, the largest."""
        lines = self.folder / "lines.jsonl"
        arguments = ("eval", RUN, "--split", "train", "--segmentor", segmentor)
        result = run_well("-q", "--json", *arguments, "--per-sentence", lines, *more)
        return json.loads(result.stdout), read_lines(lines)

    def test_segment_anything_changes_masks_and_no_peak(self):
        plain, plain_lines = self.evaluate("none")
        for segmentor in ASKING:
            results, lines = self.evaluate(segmentor, "--sam", SAM)
            split = results["splits"]["train"]
            self.assertEqual(split["point_m"], plain["splits"]["train"]["point_m"])
            self.assertEqual([x["peak"] for x in lines], [x["peak"] for x in plain_lines])
            self.assertNotEqual(
                [x["segmentation"] for x in lines], [x["segmentation"] for x in plain_lines])
            protocol = results["protocol"]
            self.assertEqual(protocol["segmentor"], segmentor)
            self.assertEqual(protocol["sam"], {
                "file": str(SAM),
                "digest": f"crc32:{zlib.crc32(SAM.read_bytes()):08x}",
                "network": "",
                "point": "interior" if segmentor == "oracle-point" else "peak",
                "mask": "by ground truth" if segmentor == "oracle-best-of-3" else "best",
            })
            self.check_hits_and_misses(split, lines)

    def check_hits_and_misses(self, split, lines):
        for name, wanted in (("miou_hit", True), ("miou_miss", False)):
            own = [line["iou"] for line in lines if line["hit"] is wanted]
            if own:
                self.assertAlmostEqual(split[name], 100 * sum(own) / len(own), 6)
            else:
                self.assertIsNone(split[name])

    def test_the_best_of_three_is_no_worse_than_any(self):
        best = self.evaluate("oracle-best-of-3", "--sam", SAM)[1]
        differ = set()
        for rule in ("best", "largest"):
            lines = self.evaluate("sam", "--sam", SAM, "--set", f"eval.sam.mask={rule}")[1]
            for one, other in zip(best, lines, strict=True):
                self.assertGreaterEqual(one["iou"], other["iou"])
            differ.add(json.dumps([x["segmentation"] for x in lines]))
        single, lines = self.evaluate("sam", "--sam", SAM, "--set", "eval.sam.mask=single")
        self.assertEqual(single["protocol"]["sam"]["mask"], "single")
        differ.add(json.dumps([x["segmentation"] for x in lines]))
        self.assertEqual(len(differ), 3)

    def test_points_of_the_ground_truth(self):
        found = []
        for rule in ("interior", "centroid", "random", "random"):
            results, lines = self.evaluate(
                "oracle-point", "--sam", SAM, "--set", f"eval.sam.point={rule}")
            self.assertEqual(results["protocol"]["sam"]["point"], rule)
            found.append([x["segmentation"] for x in lines])
        self.assertEqual(found[2], found[3])
        self.assertNotEqual(found[0], found[2])

    def test_kept_embeddings_give_the_same(self):
        kept = self.folder / "kept"
        fresh = self.evaluate("sam", "--sam", SAM)
        images = {line["image_id"] for line in fresh[1]}
        for _ in range(2):
            self.assertEqual(self.evaluate("sam", "--sam", SAM, "--embeddings", kept), fresh)
            self.assertEqual(len(os.listdir(kept)), len(images))
        # Torn, of other bytes, of another image: each is said and made anew.
        before = {path.name: path.read_bytes() for path in kept.iterdir()}
        torn, other, foreign, *_ = sorted(kept.iterdir())
        torn.write_bytes(before[torn.name][:1000])
        other.write_bytes(before[other.name][:-1] + b"x")
        foreign.write_bytes(before[other.name])
        lines = self.folder / "lines.jsonl"
        result = run("eval", RUN, "--split", "train", "--segmentor", "sam", "--sam", SAM,
                     "--embeddings", kept, "--per-sentence", lines)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(read_lines(lines), fresh[1])
        self.assertEqual(result.stderr.count("the embedding is made anew"), 3)
        for path in (torn, other, foreign):
            self.assertIn(str(path), result.stderr)
        self.assertEqual({path.name: path.read_bytes() for path in kept.iterdir()}, before)

    def test_proposals_that_tie_and_peaks_beside_them(self):
        results, lines = self.evaluate("proposal")
        split = results["splits"]["train"]
        self.assertEqual(results["protocol"]["proposal_tie"], "smallest")
        self.assertGreater(split["ties"], 0)
        self.assertEqual(split["without_proposal"], 0)
        for line in lines:
            self.assertFalse(line["segmentation"]["counts"] == "", line)
        self.check_hits_and_misses(split, lines)
        largest, _ = self.evaluate("proposal", "--set", "eval.proposal_tie=largest")
        self.assertNotEqual(largest["splits"]["train"]["miou"], split["miou"])
        self.assertEqual(largest["splits"]["train"]["ties"], split["ties"])
        self.assertNotIn("ties", self.evaluate("oracle-proposal")[0]["splits"]["train"])
        shown = run_well("-q", "eval", RUN, "--segmentor", "proposal").stdout
        self.assertIn("no proposal at the peak", shown)
        self.assertIn("mIoU hit", shown)

    def test_what_is_missing_is_said_before_the_work(self):
        for segmentor in ASKING:
            said = run("eval", RUN, "--segmentor", segmentor)
            self.assert_fails(said, 2, segmentor, "--sam")
            self.assertNotIn("evaluating", said.stderr)
        said = run("-q", "eval", RUN, "--segmentor", "proposal", "--sam", SAM)
        self.assert_fails(said, 2, "--sam", "proposal", "wanted sam")
        self.assert_fails(run("-q", "eval", RUN, "--sam", SAM), 2, "--sam", "wanted sam")
        self.assert_fails(
            run("-q", "eval", RUN, "--segmentor", "sam", "--sam", self.folder / "none.pth"), 1,
            "none.pth")
        other = self.folder / "other.safetensors"
        write_safetensors(other, {}, {"a": ("F32", [1], b"\0\0\0\0")})
        self.assert_fails(
            run("-q", "eval", RUN, "--segmentor", "sam", "--sam", other), 1, other, "holds no SAM")

    def test_a_dataset_without_proposals(self):
        root = self.folder / "data"
        shutil.copytree(ROOT, root)
        (root / "refsynth/proposals.jsonl").unlink()
        for segmentor in ("proposal", "oracle-proposal"):
            said = run("eval", RUN, "--root", root, "--segmentor", segmentor)
            self.assert_fails(said, 1, segmentor, "--proposals")
            self.assertNotIn("evaluating", said.stderr)
        said = train(root, self.folder / "run", "-q", changes={"eval__segmentor": "proposal"})
        self.assert_fails(said, 1, "proposal", "--proposals")

    def test_a_pack_has_no_images_of_full_size(self):
        pack = self.folder / "a.pack"
        run_well("-q", "data", "pack", RUN / "config.yaml", "--out", pack)
        said = run("-q", "eval", RUN, "--pack", pack, "--segmentor", "sam", "--sam", SAM)
        self.assert_fails(said, 2, pack, "full size", "--root")

    def test_training_validates_with_it(self):
        folder = self.folder / "run"
        result = train(ROOT, folder, changes={
            "train__max_steps": 2, "eval__segmentor": "sam", "eval__sam__weights": SAM})
        self.assertEqual(result.returncode, 0, result.stderr)
        results = json.loads((folder / "results.json").read_text())
        self.assertEqual(results["protocol"]["segmentor"], "sam")
        again = json.loads(run_well("-q", "--json", "eval", folder).stdout)
        self.assertEqual(again["splits"], results["splits"])


class Prediction(Case):
    def predict(self, *more, texts=("the star",)):
        picture = pictures_of(ROOT)[0]
        words = [part for text in texts for part in ("--text", text)]
        return run("-q", "--json", "predict", RUN, "--image", picture, *words, "--out",
                   self.folder / "out", "--replace", *more)

    def test_segment_anything_looks_once_for_all_texts(self):
        texts = ("the star", "the red circle", "the left cross")
        kept = self.folder / "kept"
        options = ("--segmentor", "sam", "--sam", SAM, "--embeddings", kept)
        plain = json.loads(self.predict(texts=texts).stdout)
        found = json.loads(self.predict(*options, texts=texts).stdout)
        self.assertEqual({x["segmentor"] for x in plain}, {"none"})
        self.assertEqual({x["segmentor"] for x in found}, {"sam"})
        self.assertEqual([x["peak"] for x in found], [x["peak"] for x in plain])
        self.assertNotEqual([x["mask_area"] for x in found], [x["mask_area"] for x in plain])
        self.assertEqual(len(os.listdir(kept)), 1)
        again = json.loads(self.predict(*options, texts=texts).stdout)
        self.assertEqual([x["mask_area"] for x in again], [x["mask_area"] for x in found])

    def test_what_needs_a_dataset_is_refused(self):
        for segmentor in ("proposal", "oracle-proposal", "oracle-point", "oracle-best-of-3"):
            sam = ("--sam", SAM) if segmentor in ASKING else ()
            said = self.predict("--segmentor", segmentor, *sam)
            self.assert_fails(said, 2, segmentor, "wanted none or sam")
        self.assert_fails(self.predict("--segmentor", "sam"), 2, "sam", "--sam")
        self.assert_fails(self.predict("--set", "eval.segmentor=oracle-proposal"), 2, "oracle-proposal")
        self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()
