"""What a run leaves for people: curves, pictures, its summary, and the report of a bad step."""

import json
import pathlib
import shutil
import signal
import struct
import tempfile
import unittest

from program import (
    STEPS,
    Case,
    make_benchmark,
    read_lines,
    read_png,
    read_safetensors,
    start_training,
    state_of,
    steps_done,
    steps_of,
    train,
    wait_for,
)


def setUpModule():
    global ROOT
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_run_log_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")


def events(folder, name):
    return [event for event in read_lines(folder / "log.jsonl") if event["event"] == name]


def without_times(lines):
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def count_records(path):
    """Whole records of an event file; an error for a torn one."""
    data, at, count = path.read_bytes(), 0, 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        at += length + 16
        count += 1
    if at != len(data):
        raise AssertionError(f"{path} is torn")
    return count


class RunCase(Case):
    def setUp(self):
        super().setUp()
        self.run = self.folder / "run"
        self.last = self.run / "checkpoints/last.safetensors"

    def train(self, *arguments, run=None, **changes):
        return train(ROOT, run or self.run, *arguments, changes=changes)

    def train_well(self, *arguments, **changes):
        result = self.train(*arguments, **changes)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result


class Traces(RunCase):
    def test_each_validation_leaves_figures_pictures_and_curves(self):
        result = self.train_well(train__eval_every=8)
        validations = events(self.run, "validation")
        self.assertEqual([event["step"] for event in validations], [8, 16, STEPS])
        for event in validations:
            self.assertEqual(event["metric"], "point_m")
            self.assertGreater(event["seconds"], 0)
        pictures = sorted(path.name for path in (self.run / "samples").iterdir())
        sheets = [f"val_step{step}.png" for step in (16, STEPS, 8)]
        self.assertEqual(pictures, ["val.png", "val_0.png", "val_1.png", *sheets])
        for name in pictures:
            self.assertGreater(read_png(self.run / "samples" / name)[0], 300)
        (board,) = self.run.glob("events.out.tfevents.*")
        self.assertEqual(count_records(board), 2 + STEPS + 2 * 3)
        self.assertIn("best     PointM", result.stderr)
        self.assert_no_leftovers(self.run)

    def test_the_end_of_the_log_and_the_terminal_sum_the_run_up(self):
        result = self.train_well(eval__splits="[val, testA]")
        (end,) = events(self.run, "end")
        state = state_of(self.last)
        results = json.loads((self.run / "results.json").read_text())["splits"]
        self.assertEqual(end, read_lines(self.run / "log.jsonl")[-1])
        self.assertEqual((end["step"], end["skipped_steps"], end["stopped_early"]), (STEPS, 0, False))
        self.assertEqual(end["best"]["score"], state["best_score"])
        self.assertEqual(end["best"]["step"], state["best_step"])
        for split in ("val", "testA"):
            for name in ("point_m", "miou", "oiou"):
                self.assertEqual(end["splits"][split][name], results[split][name])
        self.assertEqual(end["splits"]["val"]["point_m"], state["best_score"])
        self.assertGreater(end["images_per_second"], 0)
        self.assertLessEqual(end["step_seconds"] + end["validation_seconds"], end["seconds"])
        for words in (f"steps    {STEPS}\n", "images/s in training", "testA", "tensorboard --logdir"):
            self.assertIn(words, result.stderr)

    def test_results_are_those_of_an_evaluation_of_the_best(self):
        self.train_well(train__eval_every=5)
        told = json.loads((self.run / "results.json").read_text())
        again = self.folder / "again"
        shutil.copytree(self.run, again)
        # Once more from the end, where this process has validated nothing.
        content = (again / "checkpoints/last.safetensors").read_bytes()
        header = int.from_bytes(content[:8], "little")
        changed = content[8 : 8 + header].replace(
            b'\\"finished\\":true', b'\\"finished\\":false'
        )
        (again / "checkpoints/last.safetensors").write_bytes(
            len(changed).to_bytes(8, "little") + changed + content[8 + header :]
        )
        self.train_well("--resume", "auto", run=again, train__eval_every=5)
        self.assertEqual(
            json.loads((again / "results.json").read_text())["splits"], told["splits"]
        )

    def test_without_tensorboard_and_pictures_there_are_none(self):
        self.train_well(run__tensorboard="false", eval__samples=0, train__eval_every=10)
        names = {path.name for path in self.run.iterdir()}
        self.assertEqual(
            names, {".lock", "config.yaml", "log.jsonl", "checkpoints", "results.json"}
        )

    def test_validation_by_epochs(self):
        self.train_well(train__eval_every_epochs=2, train__max_steps=9)
        steps = {event["epoch"]: event["step"] for event in steps_of(self.run)}  # the last of each
        validated = [event["step"] for event in events(self.run, "validation")]
        wanted = [steps[epoch] for epoch in sorted(steps) if epoch % 2 == 1]
        self.assertEqual(validated, sorted({*wanted, 9}))


class EarlyStop(RunCase):
    CHANGES = {
        "train__learning_rate": 0,  # nothing gets better once the means of batch norm have settled
        "train__max_steps": 1000,
        "train__eval_every": 4,
        "train__patience": 3,
        "train__best_metric": "miou",
        "eval__samples": 0,
    }

    def test_it_ends_as_a_finished_run(self):
        result = self.train_well(**self.CHANGES)
        state = state_of(self.last)
        step = state["step"]
        self.assertEqual(step, state["best_step"] + 3 * 4)
        self.assertTrue(state["finished"])
        (stop,) = events(self.run, "early_stop")
        self.assertEqual((stop["step"], stop["validations_without_better"]), (step, 3))
        (end,) = events(self.run, "end")
        self.assertTrue(end["stopped_early"])
        self.assertEqual(end["best"]["metric"], "miou")
        self.assertTrue((self.run / "results.json").exists())
        self.assertIn("training ends early: no better mIoU", result.stderr)
        self.assertIn("finished", self.train_well("--resume", "auto", **self.CHANGES).stderr)

    def test_a_resumed_run_ends_at_the_same_step(self):
        changes = {**self.CHANGES, "train__checkpoint_every": 1}
        whole = self.folder / "whole"
        self.assertEqual(self.train(run=whole, **changes).returncode, 0)
        for number, at in ((signal.SIGKILL, 6), (signal.SIGTERM, 10), (signal.SIGKILL, 13)):
            with start_training(ROOT, self.run, "--resume", "auto", changes=changes) as process:
                wait_for(lambda: steps_done(self.run) >= at, process)
                process.send_signal(number)
                process.communicate(timeout=60)
        self.train_well("--resume", "auto", **changes)
        for name in ("validation", "early_stop"):
            mine, theirs = (without_times(events(run, name)) for run in (self.run, whole))
            self.assertEqual(mine, theirs)
        mine, theirs = (
            [(event["step"], event["loss"]) for event in steps_of(run)]
            for run in (self.run, whole)
        )
        self.assertEqual(mine, theirs)
        self.assertEqual(state_of(self.last), state_of(whole / "checkpoints/last.safetensors"))

    def test_patience_without_validations_is_a_fault(self):
        result = self.train("-q", train__patience=2)
        self.assert_fails(result, 2, "train.patience is 2", "train.eval_every")
        self.assertFalse(self.run.exists())


class NonFinite(RunCase):
    CHANGES = {"train__learning_rate": 1e30, "train__warmup_steps": 0, "eval__samples": 0}

    def test_it_stops_with_a_report_and_a_saved_state(self):
        result = self.train("-q", **self.CHANGES)
        report_file = self.run / "non_finite.json"
        self.assert_fails(result, 1, "is nan at step ", report_file, self.last, "lower train.learn")
        report = json.loads(report_file.read_text())
        step = report["step"]
        self.assertEqual(state_of(self.last)["step"], step - 1)
        self.assertEqual(len(steps_of(self.run)), step - 1)
        (event,) = events(self.run, "non_finite")
        self.assertEqual((event["step"], event["action"]), (step, "stop"))
        self.assertIn("total", report["loss"])
        self.assertIn("nan", report["loss"].values())
        self.assertEqual(report["lr"], 1e30 * (1 - (step - 1) / STEPS) ** 0.9)
        self.assertEqual({group["name"] for group in report["groups"]} - {"projections"},
                         {"backbone", "new layers", "logit scale"})
        self.assertEqual(len(report["samples"]), 8)
        instances = json.loads(next(ROOT.rglob("instances.json")).read_text())
        ids = {picture["id"] for picture in instances["images"]}
        for sample in report["samples"]:
            self.assertIn(sample["image_id"], ids)
            self.assertTrue(all(sample["texts"]), sample)

    def test_the_saved_state_is_that_of_the_steps_before(self):
        self.train("-q", **self.CHANGES)
        step = state_of(self.last)["step"]
        other = self.folder / "other"
        result = self.train(
            run=other, **{**self.CHANGES, "train__checkpoint_every": step, "run__tensorboard": "false"}
        )
        self.assertEqual(result.returncode, 1)
        self.assertEqual(
            read_safetensors(self.last)[1],
            read_safetensors(other / "checkpoints/last.safetensors")[1],
        )

    def test_skipping_gives_up_after_ten_in_a_row(self):
        result = self.train("-q", **self.CHANGES, train__non_finite="skip")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the 10th in a row", result.stderr)
        skipped = events(self.run, "non_finite")
        self.assertEqual([event["action"] for event in skipped], ["skip"] * 9 + ["stop"])
        self.assertEqual([event["in_a_row"] for event in skipped], list(range(1, 11)))
        self.assertEqual(state_of(self.last)["skipped_steps"], 9)

    def test_a_stopped_run_may_go_on_with_skipping(self):
        self.train("-q", **self.CHANGES)
        result = self.train("-q", "--resume", "auto", **self.CHANGES, train__non_finite="skip")
        self.assertIn("the 10th in a row", result.stderr)  # not: another configuration


if __name__ == "__main__":
    unittest.main()
