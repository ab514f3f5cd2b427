"""Checkpoints that are damaged, runs that go on differently, and signals."""

import json
import os
import pathlib
import shutil
import signal
import tempfile
import unittest

from program import (
    BINARY,
    CONFIGS,
    Case,
    files_below,
    make_benchmark,
    read_checkpoint,
    read_lines,
    run,
    settings,
    start_training,
    started,
    state_of,
    steps_done,
    steps_of,
    train,
    wait_for,
)

STEPS = 20
CHANGES = {"train__max_steps": STEPS, "train__eval_every": 7, "train__checkpoint_every": 5}
ENDLESS = {"train__max_steps": 1_000_000, "train__checkpoint_every": 0}


def setUpModule():
    global ROOT, WHOLE, STOPPED
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_checkpoint_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    WHOLE = folder / "whole"
    result = train(ROOT, WHOLE, changes=CHANGES)
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    STOPPED = folder / "stopped"
    with start_training(ROOT, STOPPED, changes=CHANGES) as process:
        wait_for(lambda: steps_done(STOPPED) >= 12, process)
        process.kill()
        process.communicate(timeout=60)


def events_of(folder, kind):
    return [event for event in read_lines(folder / "log.jsonl") if event["event"] == kind]


def flip(path, at):
    """Turns one bit."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


class RunCase(Case):
    def setUp(self):
        super().setUp()
        self.run = self.folder / "run"
        self.last, self.previous, self.best = (
            self.run / f"checkpoints/{name}.safetensors" for name in ("last", "previous", "best")
        )

    def copy_stopped(self):
        """A run that was killed after step 12: last has step 10, previous has 5."""
        shutil.rmtree(self.run, ignore_errors=True)
        shutil.copytree(STOPPED, self.run)
        self.assertEqual([state_of(p)["step"] for p in (self.last, self.previous)], [10, 5])

    def resume(self, *arguments, changes=None, **more):
        changes = {**CHANGES, **(changes or {})}
        return train(ROOT, self.run, "--resume", "auto", *arguments, changes=changes, **more)

    def assert_resumes_well(self, *arguments, changes=None):
        result = self.resume(*arguments, changes=changes)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def assert_same_as_whole(self):
        for name in ("last", "best"):
            mine, whole = (
                read_checkpoint(folder / f"checkpoints/{name}.safetensors")
                for folder in (self.run, WHOLE)
            )
            self.assertEqual(mine[1], whole[1], name)
            self.assertEqual(mine[0]["state"], whole[0]["state"], name)
        self.assertEqual(
            *([(e["step"], e["loss"]) for e in steps_of(folder)] for folder in (self.run, WHOLE))
        )


class Damage(RunCase):
    def test_a_whole_run_keeps_the_last_two(self):
        ended = {
            name: json.loads(read_checkpoint(self.whole(name))[0]["state"])["finished"]
            for name in ("previous", "last")
        }
        self.assertEqual(ended, {"previous": False, "last": True})
        names = sorted(path.name for path in (WHOLE / "checkpoints").iterdir())
        self.assertEqual(names, [f"{n}.safetensors" for n in ("best", "last", "previous")])

    def whole(self, name):
        return WHOLE / f"checkpoints/{name}.safetensors"

    def test_a_damaged_last_falls_back_to_the_one_before(self):
        damages = {
            "cut short": lambda: self.last.write_bytes(self.last.read_bytes()[:-1000]),
            "empty": lambda: self.last.write_bytes(b""),
            "a bit of its tensors": lambda: flip(self.last, -1000),
            "a bit of its state": lambda: flip(
                self.last, self.last.read_bytes().index(b'\\"epoch\\":') + 11
            ),
            "missing": self.last.unlink,
        }
        for name, damage in damages.items():
            with self.subTest(name):
                self.copy_stopped()
                damage()
                damaged = self.last.read_bytes() if self.last.exists() else None
                result = self.assert_resumes_well()
                loud = [line for line in result.stderr.splitlines() if "NEWEST" in line]
                self.assertEqual(len(loud), 1, result.stderr)
                for word in ("warning: ", self.last, f"going on from {self.previous}", "step 5"):
                    self.assertIn(str(word), loud[0])
                self.assertEqual(events_of(self.run, "fallback")[0]["step"], 5)
                self.assert_same_as_whole()
                kept = self.last.parent / "damaged.safetensors"
                self.assertEqual(kept.read_bytes() if kept.exists() else None, damaged)
                self.assert_no_leftovers(self.run)

    def test_the_only_whole_one_is_not_pushed_out(self):
        self.copy_stopped()
        flip(self.last, -1000)
        changes = {**CHANGES, "train__checkpoint_every": 1}
        with start_training(ROOT, self.run, "--resume", "auto", changes=changes) as process:
            wait_for(lambda: "fallback" in (self.run / "log.jsonl").read_text(), process)
            wait_for(lambda: steps_done(self.run) >= 7, process)
            process.kill()
            process.communicate(timeout=60)
        for path in (self.last, self.previous):
            read_checkpoint(path)

    def test_without_any_whole_one_nothing_is_changed(self):
        self.copy_stopped()
        flip(self.last, -1000)
        self.previous.write_bytes(self.previous.read_bytes()[:-1])
        before = files_below(self.run)
        result = self.resume("-q")
        self.assert_fails(result, 1, self.last, self.previous, "is whole", "nothing was changed")
        self.assertEqual(files_below(self.run), before)

    def test_a_damaged_best_is_said_and_made_again(self):
        self.copy_stopped()
        flip(self.best, -1000)
        result = run("-q", "eval", self.run)
        self.assert_fails(result, 1, self.best, "is damaged", "checksum")
        result = self.assert_resumes_well()
        self.assertIn("the best checkpoint cannot be used", result.stderr)
        read_checkpoint(self.best)

    def test_a_checkpoint_without_a_checksum_is_taken_as_it_is(self):
        self.copy_stopped()
        content = self.last.read_bytes()
        header = int.from_bytes(content[:8], "little")
        text = json.loads(content[8 : 8 + header])
        for key in ("checksum", "environment"):
            del text["__metadata__"][key]
        changed = json.dumps(text).encode()
        self.last.write_bytes(len(changed).to_bytes(8, "little") + changed + content[8 + header :])
        self.assert_resumes_well()
        self.assert_same_as_whole()


class Differently(RunCase):
    def test_each_changed_key_is_named_with_both_values(self):
        self.copy_stopped()
        before = files_below(self.run)
        changes = {"train__learning_rate": 0.125, "run__seed": 3}
        result = self.resume("-q", changes=changes)
        self.assert_fails(
            *(result, 2, "train.learning_rate was 0.002 and is now 0.125"),
            *("run.seed was 0 and is now 3", "--resume-anyway", "start a new run with --run"),
            "go on as stored with --set 'train.learning_rate=0.002' --set 'run.seed=0'",
        )
        self.assertEqual(files_below(self.run), before)
        self.assert_resumes_well(changes={"train__learning_rate": 0.002, "run__seed": 0})
        self.assert_same_as_whole()

    def test_resume_anyway_takes_the_new_values_and_logs_them(self):
        self.copy_stopped()
        changes = {"train__learning_rate": 0.125, "train__max_steps": STEPS + 2}
        result = self.assert_resumes_well("--resume-anyway", changes=changes)
        self.assertIn("from step 11 on train.learning_rate is 0.125 (it was 0.002)", result.stderr)
        changed = {event["key"]: event for event in events_of(self.run, "changed")}
        self.assertEqual(set(changed), {"train.learning_rate", "train.max_steps"})
        self.assertEqual(changed["train.learning_rate"]["is"], "0.125")
        self.assertEqual(changed["train.learning_rate"]["was"], "0.002")
        self.assertEqual(changed["train.learning_rate"]["step"], 10)
        steps = steps_of(self.run)
        self.assertEqual(len(steps), STEPS + 2)
        self.assertLess(steps[9]["lr"], 0.002 + 1e-9)
        self.assertGreater(steps[10]["lr"], 0.05)
        stored = json.loads(read_checkpoint(self.last)[0]["config"])
        self.assertEqual(stored["train"]["learning_rate"], 0.125)

    def test_a_finished_run_goes_further_with_more_steps(self):
        shutil.copytree(WHOLE, self.run)
        changes = {"train__max_steps": STEPS + 3}
        self.assert_fails(self.resume("-q", changes=changes), 2, "train.max_steps was 20")
        self.assert_resumes_well("--resume-anyway", changes=changes)
        self.assertEqual(state_of(self.last)["step"], STEPS + 3)
        result = self.assert_resumes_well(changes=changes)
        self.assertIn("is finished (step 23)", result.stderr)

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "there is one core")
    def test_on_more_threads_it_goes_on_and_says_what_may_differ(self):
        self.copy_stopped()
        command = ["train", CONFIGS / "clip_plain.yaml", "--root", ROOT, "--run", self.run]
        command += ["--resume", "auto", "--threads", "2", *settings(**CHANGES)]
        with started([BINARY, *map(str, command)]) as process:
            _, errors = process.communicate(timeout=100)
        self.assertEqual(process.returncode, 0, errors)
        self.assertIn("threads 2 (the run had 1)", errors)
        self.assertIn("may differ in their last digits", errors)
        said = events_of(self.run, "resume")[0]["rounding_may_differ"]
        self.assertEqual(said, ["threads 2 (the run had 1)"])
        mine, whole = ([e["loss"]["total"] for e in steps_of(f)] for f in (self.run, WHOLE))
        self.assertEqual(len(mine), STEPS)
        for one, other in zip(mine, whole):
            self.assertAlmostEqual(one, other, delta=1e-3 * abs(other))


class Signals(RunCase):
    def test_sigusr1_saves_and_training_goes_on(self):
        with start_training(ROOT, self.run, changes=ENDLESS) as process:
            wait_for(lambda: steps_done(self.run) >= 5, process)
            self.assertFalse(self.last.exists())
            process.send_signal(signal.SIGUSR1)
            wait_for(self.last.exists, process)
            step = state_of(self.last)["step"]
            wait_for(lambda: steps_done(self.run) >= step + 3, process)
            process.kill()
            process.communicate(timeout=60)
        self.assertEqual(
            events_of(self.run, "saved"), [{"event": "saved", "step": step, "signal": "SIGUSR1"}]
        )
        read_checkpoint(self.last)

    def test_a_second_signal_in_a_long_evaluation_ends_at_once(self):
        changes = {
            **{"train__max_steps": 4, "train__eval_every": 2, "train__checkpoint_every": 1},
            **{"eval__splits": "[train]", "eval__batch_size": 1},
        }
        for _ in range(5):  # a busy machine may let the first signal do its work before the second
            shutil.rmtree(self.run, ignore_errors=True)
            with start_training(ROOT, self.run, changes=changes) as process:
                wait_for(lambda: steps_done(self.run) >= 2, process)
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)
            if process.returncode < 0:
                break
        self.assertIn(process.returncode, (-signal.SIGINT, -signal.SIGTERM))
        self.assertIn(state_of(self.last)["step"], (1, 2))
        for path in self.last.parent.glob("*.safetensors"):
            read_checkpoint(path)

    def test_a_second_signal_while_saving_leaves_whole_files(self):
        changes = {**ENDLESS, "train__checkpoint_every": 1}
        for _ in range(3):
            with start_training(
                ROOT, self.run, "--resume", "auto", changes=changes
            ) as process:
                already = steps_done(self.run)
                wait_for(lambda: steps_done(self.run) >= already + 2, process)
                wait_for(lambda: list(self.last.parent.glob("*.tmp-*")), process)
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=60)
            # Two signals of one kind may arrive as one.
            self.assertIn(process.returncode, (-signal.SIGTERM, 143))
            for path in self.last.parent.glob("*.safetensors"):
                read_checkpoint(path)


if __name__ == "__main__":
    unittest.main()
