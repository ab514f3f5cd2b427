"""Terms that ask a second, frozen CLIP: calibration (Table 11) and the foreground clip_score."""

import json
import pathlib
import shutil
import signal
import tempfile
import unittest

from program import (
    CONFIGS,
    Case,
    make_benchmark,
    read_safetensors,
    run,
    run_well,
    settings,
    start_training,
    steps_done,
    steps_of,
    train,
    wait_for,
)

CALIBRATED = {"loss__calibration__weight": 1}
# Strides, heads and tokens are CLIP's own, as a file without configuration needs.
REAL = {
    "model__clip__text__tokenizer": "bpe",
    "model__clip__visual__strides": "[1,2,2]",
    "model__clip__visual__attention_pool": "true",
    "model__clip__visual__heads": 2,
    "model__clip__visual__output_dim": 64,
    "model__clip__visual__resolution": 96,
    "model__clip__text__heads": 1,
}


def setUpModule():
    global FOLDER, ROOT, CLIP, WHOLE
    FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_frozen_"))
    unittest.addModuleCleanup(shutil.rmtree, FOLDER)
    ROOT = make_benchmark(FOLDER / "data")
    CLIP = FOLDER / "clip"
    train_well(CLIP, config="clip_plain.yaml")
    WHOLE = FOLDER / "whole"
    train_well(WHOLE, changes={**CALIBRATED, "model__clip__weights": CLIP})


def train_well(folder, *arguments, config="pcnet.yaml", changes=None):
    result = train(ROOT, folder, *arguments, config=config, changes=changes)
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    return result


def dry_run(config="pcnet.yaml", **changes):
    command = ("--json", "train", CONFIGS / config, "--root", ROOT, "--dry-run")
    return run(*command, *settings(**changes))


def stop_after(steps, folder, changes):
    with start_training(ROOT, folder, config="pcnet.yaml", changes=changes) as process:
        wait_for(lambda: steps_done(folder) >= steps, process)
        process.send_signal(signal.SIGTERM)
        process.communicate()


def tensors_of(folder):
    return read_safetensors(folder / "checkpoints/last.safetensors")[1]


class Calibration(Case):
    def test_the_term_is_in_the_log(self):
        for step in steps_of(WHOLE):
            self.assertGreater(step["loss"]["calibration"], 0)
            self.assertLess(step["loss"]["calibration"], 9.3, "a cosine at the logarithm's end")

    def test_it_trains_the_model_and_is_no_part_of_it(self):
        train_well(self.folder / "run", changes={"model__clip__weights": CLIP})
        with_clip, without = tensors_of(WHOLE), tensors_of(self.folder / "run")
        self.assertEqual(with_clip.keys(), without.keys())
        self.assertNotEqual(with_clip["c4_vis_project.weight"], without["c4_vis_project.weight"])
        for step in steps_of(self.folder / "run"):
            self.assertNotIn("calibration", step["loss"])

    def test_nothing_is_loaded_without_a_weight(self):
        result = dry_run(loss__calibration__weights=self.folder / "none")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("frozen", result.stderr)

    def test_a_run_without_warm_start_may_have_one(self):
        result = dry_run(**CALIBRATED, loss__calibration__weights=CLIP)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("frozen CLIP from", result.stderr)
        self.assertIn("soft maximum", result.stderr)
        self.assertGreater(json.loads(result.stdout)["loss"]["calibration"], 0)

    def test_every_switch_changes_the_loss(self):
        start = {**CALIBRATED, "model__clip__weights": CLIP}
        usual = self.losses(dry_run(**start))
        for key, value in (("mask", "sigmoid"), ("negatives", 0), ("image_size", 64)):
            changed = self.losses(dry_run(**start, **{f"loss__calibration__{key}": value}))
            self.assertNotEqual(usual["calibration"], changed["calibration"], key)
            self.assertEqual(usual["classification"], changed["classification"], key)

    def losses(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)["loss"]

    def test_the_baseline_can_have_it(self):
        start = {**CALIBRATED, "model__clip__weights": CLIP}
        alone = self.losses(dry_run("tris.yaml", **start))
        self.assertEqual(set(alone), {"total", "classification", "calibration"})
        partners = self.losses(dry_run("tris.yaml", **start, data__partners=2))
        self.assertNotEqual(alone["calibration"], partners["calibration"])
        self.assertEqual(alone["classification"], partners["classification"])

    def test_a_file_of_clip_is_asked_by_its_attention_pool(self):
        train_well(
            self.folder / "real", config="clip_plain.yaml", changes={**REAL, "train__max_steps": 0}
        )
        last = self.folder / "real/checkpoints/last.safetensors"
        file = self.folder / "clip.safetensors"
        run_well("weights", "convert", last, file, "--layout", "openai-clip")
        start = {**CALIBRATED, **REAL, "model__clip__weights": file}
        result = dry_run(**start)
        self.assertGreater(self.losses(result)["calibration"], 0)
        self.assertIn("attention pool", result.stderr)
        result = dry_run(**{**start, "model__clip__visual__attention_pool": "false"})
        self.assert_fails_at_last(result, "holds encoders alone", "attention_pool", file)

    def assert_fails_at_last(self, result, *words):
        self.assertEqual(result.returncode, 2, result.stderr)
        for word in words:
            self.assertIn(str(word), result.stderr.splitlines()[-1])

    def test_no_weights_at_all(self):
        result = dry_run(**CALIBRATED)
        self.assert_fails_at_last(result, "loss.calibration.weights is empty, and so is model.clip")

    def test_missing_weights(self):
        changes = {"model__clip__weights": CLIP, "loss__calibration__weights": "nowhere"}
        result = dry_run(**CALIBRATED, **changes)
        self.assert_fails_at_last(result, "loss.calibration.weights: there is no nowhere")

    def test_a_run_with_other_words(self):
        root = make_benchmark(self.folder / "data")
        for path in root.rglob("*"):
            if path.suffix in (".jsonl", ".json") and path.name != "cues.jsonl":
                path.write_text(path.read_text(encoding="utf-8").replace("circle", "disc disk"))
        untrained = {"train__max_steps": 0}
        result = train(root, self.folder / "run", config="clip_plain.yaml", changes=untrained)
        self.assertEqual(result.returncode, 0, result.stderr)
        changes = {"model__clip__weights": CLIP, "loss__calibration__weights": self.folder / "run"}
        result = dry_run(**CALIBRATED, **changes)
        self.assert_fails_at_last(result, "with the same words", self.folder / "run")


class Resuming(Case):
    def test_the_frozen_clip_is_found_again(self):
        folder = self.folder / "run"
        start = {**CALIBRATED, "model__clip__weights": CLIP}
        stop_after(5, folder, start)
        # The warm start is no longer needed, the frozen CLIP is; the run knows where it was.
        train_well(folder, "--resume", "auto", changes=CALIBRATED)
        self.assert_is_whole(folder)

    def test_the_frozen_clip_may_have_moved(self):
        folder, clip = self.folder / "run", self.folder / "clip"
        shutil.copytree(CLIP, clip)
        stop_after(5, folder, {**CALIBRATED, "model__clip__weights": clip})
        clip.rename(self.folder / "moved")
        again = ("-q", "--resume", "auto")
        result = train(ROOT, folder, *again, config="pcnet.yaml", changes=CALIBRATED)
        self.assert_fails(result, 2, "loss.calibration.weights: there is no", clip, "where it is")
        where = {"loss__calibration__weights": self.folder / "moved"}
        train_well(folder, *again, changes={**CALIBRATED, **where})
        self.assert_is_whole(folder)

    def assert_is_whole(self, folder):
        self.assertEqual(
            [(step["step"], step["loss"]) for step in steps_of(folder)],
            [(step["step"], step["loss"]) for step in steps_of(WHOLE)],
        )
        self.assertEqual(tensors_of(folder), tensors_of(WHOLE))


class Released(Case):
    CHANGES = {
        "model__profile": "released",
        "model__stages": 2,
        "loss__region_aware_shrinking__weight": 1,
    }

    def test_its_own_profile_trains(self):
        changes = {**self.CHANGES, "model__clip__weights": CLIP, "train__batch_size": 1}
        train_well(self.folder / "run", changes=changes)
        terms = {"classification", "region_aware_shrinking", "foreground_overlap", "calibration"}
        for step in steps_of(self.folder / "run"):
            self.assertEqual(set(step["loss"]), {"total", *terms})

    def test_the_foreground_follows_the_scores(self):
        start = {**self.CHANGES, "model__clip__weights": CLIP}
        chosen = [
            dry_run(**start, loss__region_aware_shrinking__foreground=foreground)
            for foreground in ("clip_score", "response")
        ]
        for result in chosen:
            self.assertEqual(result.returncode, 0, result.stderr)
        losses = [json.loads(result.stdout)["loss"] for result in chosen]
        self.assertNotEqual(losses[0]["foreground_overlap"], losses[1]["foreground_overlap"])
        self.assertEqual(losses[0]["calibration"], losses[1]["calibration"])

    def test_the_foreground_alone_asks_the_frozen_clip(self):
        asks = {**self.CHANGES, "loss__calibration__weight": 0}
        result = dry_run(**asks, model__clip__weights=CLIP)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("frozen CLIP from", result.stderr)
        self.assertNotIn("train.batch_size is 1", result.stderr)
        alone = dry_run(**asks, model__clip__weights=CLIP, train__batch_size=1)
        self.assertEqual(alone.returncode, 0, alone.stderr)
        self.assertIn("warning: train.batch_size is 1: classification", alone.stderr)
        result = dry_run(**asks)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("loss.calibration.weights is empty", result.stderr)


if __name__ == "__main__":
    unittest.main()
