"""PCNet, killed at random moments and resumed, ends bit for bit as the run that was not.

PCNET_KILLS says how often (3); what is killed most is what is rare: saving and validation.
"""

import json
import os
import pathlib
import random
import shutil
import tempfile
import time
import unittest

from program import (
    Case,
    make_benchmark,
    read_checkpoint,
    read_lines,
    start_training,
    steps_done,
    steps_of,
    text_of,
    train,
    wait_for,
)

KILLS = int(os.environ.get("PCNET_KILLS", "3"))
STEPS = 16
CHANGES = {"train__max_steps": STEPS, "train__eval_every": 4, "train__checkpoint_every": 1}


def setUpModule():
    global ROOT, WHOLE, SECONDS, SETTINGS
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_kill_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    train_well(folder / "clip", "clip_plain.yaml", {})
    SETTINGS = {**CHANGES, "model__clip__weights": folder / "clip"}
    WHOLE = folder / "whole"
    begin = time.monotonic()
    train_well(WHOLE, "pcnet.yaml", SETTINGS)
    SECONDS = time.monotonic() - begin


def train_well(folder, config, changes, *arguments):
    result = train(ROOT, folder, *arguments, config=config, changes=changes)
    if result.returncode != 0:
        raise AssertionError(result.stderr)


def events(folder, kind):
    """The events of a kind without what depends on the clock."""
    timed = {"images_per_second", "seconds"}
    lines = [event for event in read_lines(folder / "log.jsonl") if event["event"] == kind]
    return [{key: value for key, value in event.items() if key not in timed} for event in lines]


class Kill(Case):
    def setUp(self):
        super().setUp()
        self.run = self.folder / "run"
        self.checkpoints = self.run / "checkpoints"
        self.random = random.Random(KILLS)
        self.killed = {}

    def assert_same_as_whole(self):
        """Weights, moments, state, losses, validations and results."""
        for name in ("last", "best"):
            mine, whole = (
                read_checkpoint(folder / f"checkpoints/{name}.safetensors")
                for folder in (self.run, WHOLE)
            )
            self.assertEqual(mine[1], whole[1], name)
            self.assertEqual(mine[0]["state"], whole[0]["state"], name)
        for kind in ("step", "validation"):
            self.assertEqual(events(self.run, kind), events(WHOLE, kind))
        self.assertEqual(len(steps_of(self.run)), STEPS)
        mine, whole = (
            json.loads((folder / "results.json").read_text())["splits"]
            for folder in (self.run, WHOLE)
        )
        self.assertEqual(mine, whole)
        self.assert_no_leftovers(self.run)

    def is_saving(self):
        return self.checkpoints.exists() and any(
            ".tmp-" in path.name for path in self.checkpoints.iterdir()
        )

    def is_validating(self):
        """The log has the step of a validation, and not the validation."""
        lines = text_of(self.run / "log.jsonl").splitlines()
        return bool(lines) and lines[-1].startswith('{"event":"step"') and (
            json.loads(lines[-1])["step"] % CHANGES["train__eval_every"] == 0
        )

    def wait(self, process, moment):
        """Until the moment has come; False when the run ended before."""
        already = steps_done(self.run)
        end = time.monotonic() + self.random.uniform(0, SECONDS)
        conditions = {
            "any time": lambda: time.monotonic() > end,
            "in a step": lambda: steps_done(self.run) > already + end % 3,
            "while saving": lambda: steps_done(self.run) > already and self.is_saving(),
            "in a validation": self.is_validating,
        }
        try:
            wait_for(lambda: process.poll() == 0 or conditions[moment](), process)
        except AssertionError:
            if process.returncode != 0:
                raise
        time.sleep(self.random.uniform(0, 0.003))
        return process.poll() is None

    def assert_checkpoints_whole(self):
        for path in self.checkpoints.glob("*.safetensors"):
            read_checkpoint(path)

    def test_killed_at_any_moment_it_ends_as_if_never_killed(self):
        moments = ("while saving", "in a validation", "any time", "in a step")
        kills = compared = 0
        while kills < KILLS:
            moment = moments[kills % len(moments)]
            with start_training(
                ROOT, self.run, "-q", "--resume", "auto", config="pcnet.yaml", changes=SETTINGS
            ) as process:
                if self.wait(process, moment):
                    process.kill()
                    kills += 1
                _, errors = process.communicate(timeout=60)
            self.assertIn(process.returncode, (0, -9), errors)
            self.assert_checkpoints_whole()
            if process.returncode == 0:
                self.assert_same_as_whole()
                compared += 1
                shutil.rmtree(self.run)
        train_well(self.run, "pcnet.yaml", SETTINGS, "--resume", "auto")
        self.assert_same_as_whole()
        print(f"{kills} kills in {compared + 1} runs", flush=True)


if __name__ == "__main__":
    unittest.main()
