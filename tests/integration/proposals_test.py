"""`pcnet proposals`: made without a network, stopped at any moment, in parts, imported, checked."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import program
from program import Case, make_benchmark, pictures_of, run, run_well

IMAGES = 40


def setUpModule():
    global ROOT
    ROOT = make_benchmark(pathlib.Path(tempfile.mkdtemp(prefix="pcnet_proposals_")) / "data")


def tearDownModule():
    shutil.rmtree(ROOT.parent)


def entries(path):
    head, *lines = [json.loads(line) for line in path.read_text().splitlines()]
    return head, {line["image_id"]: line for line in lines}


class Proposals(Case):
    def make(self, *more, out=None, root=None, sheet="none", ok=True):
        command = ["proposals", "make", "--root", root or ROOT, "--source", "grid", "--out",
                   out or self.folder / "p.jsonl", "--sheet", sheet, *more]
        return run_well("-q", *command) if ok else run("-q", *command)

    def test_every_image_has_proposals_of_its_size(self):
        said = json.loads(self.make("--json").stdout)
        head, lines = entries(self.folder / "p.jsonl")
        self.assertEqual((head["format"], head["source"]), ("pcnet-proposals", "grid"))
        self.assertEqual(head["settings"]["most"], 40)
        self.assertEqual((said["images"], said["made"], said["without"]), (IMAGES, IMAGES, 0))
        self.assertEqual(len(lines), IMAGES)
        self.assertEqual(said["proposals"], sum(len(x["proposals"]) for x in lines.values()))
        files = {path.name for path in pictures_of(ROOT)}
        for line in lines.values():
            self.assertIn(line["file_name"], files)
            self.assertRegex(line["picture_digest"], "^crc32:[0-9a-f]{8}$")
            for proposal in line["proposals"]:
                inside = program.decode_rle(proposal["segmentation"])
                self.assertEqual(len(inside), proposal["area"])

    def test_they_fit_the_objects_better_than_the_synthetic_ones(self):
        self.make()
        check = ["proposals", "check", "--json", "--root", ROOT]
        made = json.loads(run_well("-q", *check, "--proposals", self.folder / "p.jsonl").stdout)
        synthetic = json.loads(run_well("-q", *check).stdout)
        self.assertEqual((made["images"], made["missing"]), (IMAGES, 0))
        self.assertEqual(made["objects"], synthetic["objects"])
        self.assertGreater(made["best_iou"], synthetic["best_iou"])

    def test_the_same_call_again_does_nothing_and_other_settings_are_refused(self):
        self.make()
        before = program.files_below(self.folder)
        again = json.loads(self.make("--json").stdout)
        self.assertTrue(again["already_there"])
        self.assertEqual((again["images"], again["made"]), (IMAGES, 0))
        self.assertEqual(program.files_below(self.folder), before)
        path = self.folder / "p.jsonl"
        text = path.read_text()
        path.write_text(text.replace('"scale":50', '"scale":51', 1))
        self.assert_fails(self.make(ok=False), 1, path, "other settings", "--replace")
        self.make("--replace")
        self.assertEqual(path.read_text(), text)

    def test_images_of_another_dataset_are_added(self):
        path, other = self.folder / "p.jsonl", self.folder / "other"
        run_well("data", "synth", "--out", other, "--images", IMAGES + 8, "--difficulty", "easy")
        self.make()
        before = path.read_text()
        said = json.loads(self.make("--json", root=other).stdout)
        _, lines = entries(path)
        self.assertEqual((said["images"], said["made"]), (len(lines), len(lines) - IMAGES))
        self.assertGreater(said["made"], 0)
        self.assertTrue(path.read_text().startswith(before))
        self.assertFalse(path.with_name("p.jsonl.partial").exists())
        for root in (ROOT, other):
            check = run_well("-q", "--json", "proposals", "check", "--root", root, "--proposals", path)
            self.assertEqual(json.loads(check.stdout)["missing"], 0)
            self.assertTrue(json.loads(self.make("--json", root=root).stdout)["already_there"])

    def test_a_device_is_no_place_for_a_store(self):
        self.assert_fails(self.make(out="/dev/full", ok=False), 1, "/dev/full")

    def test_a_killed_call_goes_on_to_the_same_bytes(self):
        whole = self.folder / "whole.jsonl"
        self.make(out=whole)
        out = self.folder / "p.jsonl"
        partial = self.folder / "p.jsonl.partial"
        lines = whole.read_bytes().splitlines(keepends=True)
        # As a kill leaves it: after no line, some, some and a torn one, all of them.
        for left in (lines[:1], lines[:7], [*lines[:20], lines[20][:30]], lines):
            partial.write_bytes(b"".join(left))
            self.make()
            self.assertEqual(out.read_bytes(), whole.read_bytes())
            self.assertFalse(partial.exists())
            out.unlink()
        command = [program.BINARY, "-q", "proposals", "make", "--root", ROOT, "--source", "grid",
                   "--out", out, "--sheet", "none", "--threads", "1"]
        for _ in range(20):
            with subprocess.Popen(list(map(str, command))) as process:
                try:
                    process.wait(timeout=0.3)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
            if out.exists():
                break
        self.make()
        self.assertEqual(out.read_bytes(), whole.read_bytes())

    def test_parts_are_the_whole(self):
        self.make(out=self.folder / "whole.jsonl")
        found = {}
        for shard in (1, 2, 3):
            part = self.folder / f"{shard}.jsonl"
            self.make("--shard", f"{shard}/3", out=part)
            head, lines = entries(part)
            self.assertEqual(head["shard"], f"{shard}/3")
            self.assertFalse(set(found) & set(lines))
            found.update(lines)
        self.assertEqual(found, entries(self.folder / "whole.jsonl")[1])
        together = self.folder / "together.jsonl"
        together.write_bytes(b"".join((self.folder / f"{i}.jsonl").read_bytes() for i in (1, 2, 3)))
        checked = run_well("-q", "proposals", "check", "--json", "--root", ROOT, "--proposals", together)
        self.assertEqual(json.loads(checked.stdout)["missing"], 0)
        for wrong in ("0/3", "4/3", "2", "a/b", "1/"):
            self.assert_fails(self.make("--shard", wrong, ok=False), 2, "--shard", wrong, "I/N")

    def test_an_image_that_cannot_be_read(self):
        root = program.broken_copy(ROOT, self.folder, 1)
        name = pictures_of(root)[0].name
        self.assert_fails(self.make(root=root, ok=False), 1, name, "--on-bad-image skip")
        said = json.loads(self.make("--on-bad-image", "skip", "--json", root=root).stdout)
        self.assertEqual((said["images"], said["unreadable"]), (IMAGES - 1, 1))

    def test_import_gives_the_same_masks(self):
        run_well("-q", "proposals", "import", ROOT / "refsynth/proposals.jsonl", "--root", ROOT, "--out",
                 self.folder / "copy.jsonl")
        masks = lambda lines: {
            key: [x["segmentation"] for x in line["proposals"]] for key, line in lines.items()}
        copied = entries(self.folder / "copy.jsonl")[1]
        first = [json.loads(x) for x in (ROOT / "refsynth/proposals.jsonl").read_text().splitlines()]
        wanted = {line["image_id"]: line for line in first if "image_id" in line}
        self.assertEqual(masks(copied), masks(wanted))
        again = run("-q", "proposals", "import", ROOT / "refsynth/proposals.jsonl", "--root", ROOT,
                    "--out", self.folder / "copy.jsonl")
        self.assert_fails(again, 1, "copy.jsonl", "is there already", "--replace")

    def test_training_takes_them(self):
        self.make()
        result = program.train(ROOT, self.folder / "run", "--proposals", self.folder / "p.jsonl",
                               "--cues", "rules", config="pcnet.yaml",
                               changes={"train__max_steps": 2})
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_sheet_is_drawn(self):
        self.make(sheet=self.folder / "sheet.png")
        self.assertGreater(program.read_png(self.folder / "sheet.png")[0], 100)

    def show(self, *more, ok=True):
        command = ["-q", "proposals", "show", "--root", ROOT, "--out", self.folder / "shown", *more]
        return run_well(*command) if ok else run(*command)

    def test_proposals_are_shown(self):
        names = [path.name for path in pictures_of(ROOT)]
        said = json.loads(self.show("--image", "2", "--image", names[4], "--image",
                                    pictures_of(ROOT)[2], "--json").stdout)
        self.assertEqual([x["file_name"] for x in said["images"]], [names[1], names[4], names[2]])
        lines = {line["image_id"]: line for line in program.read_lines(ROOT / "refsynth/proposals.jsonl")
                 if "image_id" in line}
        for image in said["images"]:
            wanted = lines[image["image_id"]]["proposals"]
            self.assertEqual([x["area"] for x in image["proposals"]], [x["area"] for x in wanted])
            width, height, _ = program.read_png(pathlib.Path(image["out"]))
            self.assertGreater(min(width, height), 700)
        files = sorted(path.name for path in (self.folder / "shown").iterdir())
        wanted = [pathlib.Path(names[i]).with_suffix(".png").name for i in (1, 2, 4)]
        self.assertEqual(files, sorted([*wanted, "sheet.png"]))
        said = json.loads(self.show("--count", "3", "--json").stdout)
        self.assertEqual(len(said["images"]), 3)
        for wrong in ("99999", "nothing.jpg"):
            self.assert_fails(self.show("--image", wrong, ok=False), 2, "--image", wrong)
        self.assert_fails(self.show("--image", "1", "--count", "2", ok=False), 2, "--count")

    def test_what_sam_says_of_a_mask_is_kept_and_shown(self):
        name = pictures_of(ROOT)[0].stem
        first = next(x for x in program.read_lines(ROOT / "refsynth/proposals.jsonl")
                     if pathlib.Path(x.get("file_name", "")).stem == name)
        folder = self.folder / "sam"
        folder.mkdir()
        masks = [{"segmentation": first["proposals"][i]["segmentation"], "predicted_iou": 0.75 + i / 8,
                  "stability_score": 0.875} for i in range(2)]
        (folder / f"{name}.json").write_text(json.dumps(masks))
        out = self.folder / "p.jsonl"
        run_well("-q", "proposals", "import", folder, "--root", ROOT, "--out", out, "--set",
                 "data.proposal_filter.apply=none")
        (line,) = entries(out)[1].values()
        self.assertEqual([x["predicted_iou"] for x in line["proposals"]], [0.75, 0.875])
        self.assertEqual([x["stability_score"] for x in line["proposals"]], [0.875, 0.875])
        said = json.loads(self.show("--proposals", out, "--json").stdout)
        (image,) = said["images"]
        self.assertEqual([x["predicted_iou"] for x in image["proposals"]], [0.75, 0.875])

    def test_sam_needs_weights_that_are_sam(self):
        command = ["proposals", "make", "--root", ROOT, "--out", self.folder / "p.jsonl"]
        self.assert_fails(run("-q", *command), 2, "--weights", "--source grid")
        other = self.folder / "other.safetensors"
        program.write_safetensors(other, {}, {"a": ("F32", [1], b"\0\0\0\0")})
        self.assert_fails(run("-q", *command, "--weights", other), 1, other, "holds no SAM")
        self.assertEqual(os.listdir(self.folder), ["other.safetensors"])


if __name__ == "__main__":
    unittest.main()
