"""Training that is stopped, killed and resumed: the same run as if nothing had happened."""

import json
import pathlib
import random
import shutil
import signal
import tempfile
import unittest

from program import (
    Case,
    checksum_of,
    file_limit,
    files_below,
    make_benchmark,
    read_lines,
    read_safetensors,
    run_well,
    start_training,
    state_of,
    steps_done,
    steps_of,
    train,
    wait_for,
    write_safetensors,
)

STEPS = 60
CHANGES = {"train__max_steps": STEPS, "train__eval_every": 25}


def setUpModule():
    global ROOT, WHOLE
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_resume_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    WHOLE = folder / "whole"
    result = train(ROOT, WHOLE, changes=CHANGES)
    if result.returncode != 0:
        raise AssertionError(result.stderr)


def losses(folder):
    return [(event["step"], event["loss"], event["gradient_norm"]) for event in steps_of(folder)]


class RunCase(Case):
    def setUp(self):
        super().setUp()
        self.run = self.folder / "run"
        self.last = self.run / "checkpoints/last.safetensors"

    def assert_same_as_whole(self):
        """Losses, weights and scores equal those of the run that was never stopped."""
        self.assertEqual(losses(self.run), losses(WHOLE))
        for name in ("last", "best"):
            mine, whole = (
                read_safetensors(folder / "checkpoints" / f"{name}.safetensors")
                for folder in (self.run, WHOLE)
            )
            self.assertEqual(mine[1], whole[1], name)
            self.assertEqual(mine[0]["state"], whole[0]["state"], name)
        mine, whole = (
            json.loads((folder / "results.json").read_text())["splits"]
            for folder in (self.run, WHOLE)
        )
        self.assertEqual(mine, whole)
        self.assert_no_leftovers(self.run)


class Determinism(RunCase):
    def test_the_same_seed_gives_the_same_run(self):
        for changes in (
            {},
            {"data__prefetch": 0},
            {"data__workers": 0},
            {"data__workers": 5, "data__cache": "none"},
        ):
            with self.subTest(changes):
                shutil.rmtree(self.run, ignore_errors=True)
                result = train(ROOT, self.run, changes={**CHANGES, **changes})
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assert_same_as_whole()

    def test_another_seed_gives_another_run(self):
        result = train(ROOT, self.run, changes={"run__seed": 1, "train__max_steps": 3})
        self.assertEqual(result.returncode, 0, result.stderr)
        for mine, whole in zip(losses(self.run), losses(WHOLE)):
            self.assertNotEqual(mine[1], whole[1])


class Stop(RunCase):
    def stop(self, number, code, at):
        with start_training(ROOT, self.run, changes=CHANGES) as process:
            wait_for(lambda: steps_done(self.run) >= at, process)
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, code, errors)
        self.assertEqual(output, "")
        state = state_of(self.last)
        self.assertRegex(errors, rf"\npcnet: stopped after step {state['step']} of {STEPS}, saved")
        self.assertNotIn("error", errors)
        self.assertIn("--resume auto", errors)
        self.assertGreaterEqual(state["step"], at)
        self.assertEqual(len(steps_of(self.run)), state["step"])
        self.assert_no_leftovers(self.run)

    def test_after_sigterm_it_goes_on_as_if_never_stopped(self):
        self.stop(signal.SIGTERM, 143, at=20)
        result = train(ROOT, self.run, "--resume", "auto", changes=CHANGES)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same_as_whole()
        events = [event["event"] for event in read_lines(self.run / "log.jsonl")]
        self.assertEqual(events.count("stopped"), 1)
        self.assertEqual(events.count("resume"), 1)

    def test_after_ctrl_c_a_copy_of_the_checkpoint_goes_on_elsewhere(self):
        self.stop(signal.SIGINT, 130, at=10)
        moved = self.folder / "moved.safetensors"
        shutil.move(self.last, moved)
        other = self.folder / "other"
        result = train(ROOT, other, "--resume", moved, changes=CHANGES)
        self.assertEqual(result.returncode, 0, result.stderr)
        step = state_of(moved)["step"]
        self.assertEqual(losses(other), losses(WHOLE)[step:])

    def test_the_best_of_another_folder_is_not_taken_for_granted(self):
        changes = {**CHANGES, "train__eval_every": 1, "train__checkpoint_every": 1}
        self.assertEqual(train(ROOT, self.run, changes=changes).returncode, 0)
        other = self.folder / "other"
        (other / "checkpoints").mkdir(parents=True)
        started = state_of(self.last)
        self.assertGreaterEqual(started["best_step"], 0)
        # A whole run's file whose folder, with the best checkpoint in it, is gone.
        moved = self.folder / "moved.safetensors"
        metadata, tensors = read_safetensors(self.last)
        self.assertIn('"finished":true', metadata["state"])
        metadata["state"] = metadata["state"].replace('"finished":true', '"finished":false')
        metadata["checksum"] = checksum_of(metadata, tensors)
        write_safetensors(moved, metadata, tensors)
        result = train(ROOT, other, "--resume", moved, changes=changes)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue((other / "checkpoints" / "best.safetensors").exists())

    def test_stopped_in_a_validation_it_goes_on_with_that_validation(self):
        changes = {
            "train__max_steps": 6,
            "train__eval_every": 1,
            "eval__splits": "[train]",
            "eval__batch_size": 1,
        }
        whole = self.folder / "whole"
        result = train(ROOT, whole, changes=changes)
        self.assertEqual(result.returncode, 0, result.stderr)
        with start_training(ROOT, self.run, changes=changes) as process:
            wait_for(lambda: steps_done(self.run) >= 3, process)  # what follows is the validation
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143, errors)
        self.assertIn("saved in", errors)
        result = train(ROOT, self.run, "--resume", "auto", changes=changes)
        self.assertEqual(result.returncode, 0, result.stderr)
        mine, other = (
            [e for e in read_lines(folder / "log.jsonl") if e["event"] == "validation"]
            for folder in (self.run, whole)
        )
        for event in (*mine, *other):
            self.assertGreater(event.pop("seconds"), 0)
        self.assertEqual(mine, other)
        self.assertEqual(losses(self.run), losses(whole))

    def test_a_full_disk_on_the_way_leaves_the_last_checkpoint_alone(self):
        self.stop(signal.SIGTERM, 143, at=5)
        before = self.last.read_bytes()
        result = train(
            *(ROOT, self.run, "-q", "--resume", "auto"),
            changes={**CHANGES, "train__checkpoint_every": 1},
            preexec_fn=file_limit(100_000),
        )
        self.assert_fails(result, 1, "cannot write", "last.safetensors", "File too large")
        self.assertEqual(self.last.read_bytes(), before)
        self.assert_no_leftovers(self.run)
        result = train(ROOT, self.run, "--resume", "auto", changes=CHANGES)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same_as_whole()

    def test_another_learning_rate_cannot_resume(self):
        self.stop(signal.SIGTERM, 143, at=5)
        before = files_below(self.run)
        changes = {**CHANGES, "train__learning_rate": 0.125}
        result = train(ROOT, self.run, "-q", "--resume", "auto", changes=changes)
        self.assert_fails(
            *(result, 2, "train.learning_rate was 0.002 and is now 0.125"),
            *("go on as stored with --set 'train.learning_rate=0.002'", "--resume-anyway"),
        )
        self.assertEqual(files_below(self.run), before)

    def test_weights_alone_cannot_resume(self):
        best = WHOLE / "checkpoints/best.safetensors"
        result = train(ROOT, self.run, "-q", "--resume", best, changes=CHANGES)
        self.assert_fails(result, 1, "best.safetensors", "resuming needs a last.safetensors")


class Kill(RunCase):
    def test_killed_at_any_moment_it_goes_on(self):
        changes = {**CHANGES, "train__checkpoint_every": 1, "eval__samples": 0}
        generator = random.Random(7)
        for _ in range(5):
            with start_training(ROOT, self.run, "--resume", "auto", changes=changes) as process:
                already = steps_done(self.run)
                more = generator.randrange(1, 9)
                wait_for(lambda: steps_done(self.run) >= already + more, process)
                process.kill()
            if self.last.exists():
                read_safetensors(self.last)
        result = train(ROOT, self.run, "--resume", "auto", changes=changes)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same_as_whole()

    def test_killed_before_its_first_step_it_starts_anew(self):
        with start_training(ROOT, self.run, changes=CHANGES) as process:
            wait_for((self.run / "config.yaml").exists, process)
            process.kill()
        result = train(ROOT, self.run, "--resume", "auto", changes=CHANGES)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same_as_whole()


class Lock(RunCase):
    def test_a_folder_in_use_is_refused(self):
        changes = {"train__max_steps": 1_000_000, "train__checkpoint_every": 1}
        with start_training(ROOT, self.run, changes=changes) as process:
            wait_for(self.last.exists, process)
            for arguments in ([], ["--resume", "auto"]):
                result = train(ROOT, self.run, "-q", *arguments, changes=changes)
                self.assert_fails(result, 1, self.run, f"in use by process {process.pid}")
            shown = run_well("-q", "--json", "eval", self.run)  # reading is no conflict
            self.assertGreater(json.loads(shown.stdout)["splits"]["val"]["sentences"], 0)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)


if __name__ == "__main__":
    unittest.main()
