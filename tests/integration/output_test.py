"""What the commands print: pure JSON on stdout, progress and log on stderr, silence with -q."""

import json
import pathlib
import re
import shutil
import tempfile
import unittest

from program import CONFIGS, Case, make_benchmark, run, run_well, settings, train

OPTIONS = {
    (): ["--verbose", "--quiet", "--device", "--threads", "--json", "--set", "--version"],
    ("train",): ["--run", "--resume", "--dry-run"],
    ("eval",): ["--split", "--segmentor", "--sam", "--embeddings", "--per-sentence", "--out", "--baseline"],
    ("predict",): ["--image", "--text", "--cue", "--out", "--segmentor", "--sam", "--embeddings"],
    ("data", "synth"): ["--out", "--images", "--seed", "--difficulty", "--dataset"],
    ("weights", "inspect"): ["--tensors", "--stats"],
    ("weights", "convert"): ["--layout", "--dtype"],
    ("weights", "diff"): ["--tolerance"],
    ("bench", "train"): ["--steps", "--warm-up", "--profile"],
    ("bench", "eval"): ["--split", "--repeats", "--profile"],
    ("bench", "load"): ["--batches"],
    ("bench", "clip"): ["--architecture", "--batch", "--image-size", "--repeats", "--warm-up"],
}
DATASET = ["--root", "--dataset", "--split-by", "--images", "--cues", "--proposals"]


def setUpModule():
    global ROOT, RUN, TRAINED, PICTURE
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_output_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    RUN = folder / "run"
    TRAINED = train(ROOT, RUN)
    PICTURE = next((ROOT / "images/mscoco/images/train2014").iterdir())


class Output(Case):
    def commands(self):
        """One call of every command that does work."""
        clip = CONFIGS / "clip_plain.yaml"
        data = ("--root", ROOT, *settings(train__max_steps=2))
        text = ("--text", "the star", "--out", self.folder / "out")
        return {
            "train": ("train", clip, *data, "--run", self.folder / "run"),
            "dry run": ("train", clip, *data, "--run", self.folder / "dry", "--dry-run"),
            "eval": ("eval", RUN),
            "predict": ("predict", RUN, "--image", PICTURE, *text),
            "synth": ("data", "synth", "--out", self.folder / "new", "--images", 8),
            "inspect": ("weights", "inspect", RUN),
            "convert": ("weights", "convert", RUN, self.folder / "copy.safetensors"),
            "diff": ("weights", "diff", RUN, RUN),
            "bench train": ("bench", "train", clip, *data, "--steps", 2, "--warm-up", 1, "--profile"),
            "bench eval": ("bench", "eval", RUN, "--repeats", 1, "--profile"),
            "bench load": ("bench", "load", clip, *data, "--batches", 3),
            "bench clip": ("bench", "clip", clip, "--image-size", 40, "--repeats", 1),
        }

    def test_json_is_all_that_stdout_holds(self):
        found = {
            name: json.loads(run_well(*command, "--json").stdout)
            for name, command in self.commands().items()
        }
        self.assertEqual(found["train"], {"run": str(self.folder / "run")})
        self.assertEqual(found["dry run"]["parameters"], found["dry run"]["parameters"] // 1)
        self.assertFalse((self.folder / "dry").exists())
        self.assertEqual(found["eval"]["splits"].keys(), {"val"})
        self.assertEqual(found["predict"][0]["text"], "the star")
        self.assertEqual(found["synth"]["out"], str(self.folder / "new"))
        self.check_bench(found["bench train"], found["bench eval"])
        self.check_bench_load(found["bench load"])
        encoders = found["bench clip"]
        self.assertEqual((encoders["image_size"], encoders["batch_size"]), (40, 8))
        for rate in ("pictures_per_second", "texts_per_second", "peak_memory_bytes"):
            self.assertGreater(encoders[rate], 0)

    def check_bench(self, training, evaluation):
        self.assertEqual(training["bench"], "train")
        self.assertEqual((training["warm_up_steps"], training["steps"]), (1, 2))
        self.assertEqual((training["batch_size"], training["image_size"]), (8, 96))
        spent = training["median_seconds"]
        self.assertEqual(list(spent), ["step", "data", "forward", "backward", "update"])
        self.assertTrue(all(seconds > 0 for seconds in spent.values()))
        self.assertAlmostEqual(training["images_per_second"] * training["mean_step_seconds"], 8, 6)
        self.assertEqual((evaluation["bench"], evaluation["split"]), ("eval", "val"))
        self.assertEqual(evaluation["pictures"], 2)
        self.assertAlmostEqual(
            evaluation["pictures_per_second"] * evaluation["median_seconds"], 2, 6
        )
        for document in (training, evaluation):
            self.assertEqual((document["device"], document["threads"]), ("cpu", 1))
            self.assertGreater(document["peak_memory_bytes"], 10_000_000)
            parts = {part["part"]: part for part in document["profile"]["parts"]}
            self.assertAlmostEqual(sum(part["share"] for part in parts.values()), 1, 6)
            for name in ("image encoder", "text encoder"):
                self.assertGreater(parts[name]["operations"], 0)
                self.assertGreater(parts[name]["of_peak"], 0)
                self.assertEqual(parts[name]["backward_seconds"] > 0, document is training)
        named = [part["part"] for part in training["profile"]["parts"]]
        for name in ("optimizer", "cells and texts", "contrastive", "classification"):
            self.assertIn(name, named)
        self.assertIn("scoring", [part["part"] for part in evaluation["profile"]["parts"]])

    def check_bench_load(self, load):
        self.assertEqual((load["bench"], load["batches"], load["workers"]), ("load", 3, 2))
        self.assertEqual((load["batch_size"], load["image_size"]), (8, 96))
        for name in ("cold", "warm"):
            one = load[name]
            self.assertEqual(one["images"], 24)
            self.assertAlmostEqual(one["images_per_second"] * one["seconds"], 24, 6)
        parts = load["milliseconds_per_image"]
        self.assertEqual(list(parts), ["decode", "resize", "texts", "collate"])
        self.assertTrue(all(spent > 0 for spent in parts.values()))

    def test_bench_load_feeds_cues_and_partners(self):
        arguments = ("bench", "load", "--root", ROOT, "--batches", 1)
        changes = settings(data__partners=2, data__image_size=64, data__negatives="distinct_images")
        load = json.loads(run_well(*arguments, *changes).stdout)
        self.assertEqual((load["cues_per_sentence"], load["partners"]), (5, 2))
        self.assertEqual((load["negatives"], load["objective"]), ("distinct_images", "referring"))

    def test_quiet_says_nothing(self):
        for name, command in self.commands().items():
            with self.subTest(name):
                result = run_well("-q", *command)
                self.assertEqual(result.stderr, "")
                self.assertNotEqual(result.stdout, "")

    def test_progress_is_plain_lines_where_there_is_no_terminal(self):
        self.assertEqual(TRAINED.stdout, f"{RUN}\n")
        self.assertRegex(
            TRAINED.stderr,
            r"(?m)^training \(8 images a step\): 100% 20/20 steps, .* steps/s, .*, loss \d",
        )
        self.assertRegex(TRAINED.stderr, r"(?m)^step 20: PointM [\d.]+, mIoU [\d.]+, oIoU [\d.]+$")
        self.assertNotRegex(TRAINED.stderr, r"[\x00-\x09\x0b-\x1f]")

    def test_texts_of_a_result_name_what_was_evaluated(self):
        text = run_well("-q", "eval", RUN, "--split", "val", "--split", "testA").stdout
        rows = re.findall(r"(?m)^(val|testA) +\d+ ", text)
        self.assertEqual(rows, ["val", "testA"], "in the order asked for")

    def test_help_explains_every_option(self):
        for path, options in OPTIONS.items():
            text = run_well(*path, "--help").stdout
            if path in (("train",), ("eval",), ("bench", "train"), ("bench", "eval"), ("bench", "load")):
                options = options + DATASET
            for option in options:
                self.assertRegex(text, rf"(?m)^ +(-\w,)?[ ]*{option}\b.*(\n +)?\w+", path)
            if path:
                self.assertRegex(text, rf"Examples:\n  pcnet {' '.join(path)} ")


if __name__ == "__main__":
    unittest.main()
