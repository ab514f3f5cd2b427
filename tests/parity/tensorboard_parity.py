"""Event files of training runs, read by the tensorboard package, against log.jsonl and samples/."""

import io
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import unittest

import peers

np = peers.peer("numpy")
image = peers.peer("PIL.Image")
accumulators = peers.peer("tensorboard.backend.event_processing.event_accumulator")
loaders = peers.peer("tensorboard.backend.event_processing.event_file_loader")

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import program  # noqa: E402  (how the program is run, from the tests beside these)

STEPS = 24
CHANGES = {
    "train__max_steps": STEPS,
    "train__eval_every": 6,
    "train__checkpoint_every": 5,
    "train__batch_size": 4,
}
FIGURES = ("point_m", "miou", "oiou", "empty_maps", "collisions")


def setUpModule():
    global ROOT, RUN
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_tensorboard_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = program.make_benchmark(folder / "data")
    RUN = folder / "run"
    result = program.train(ROOT, RUN, changes=CHANGES)
    if result.returncode != 0:
        raise AssertionError(result.stderr)


def event_files(run):
    return sorted(run.glob("events.out.tfevents.*"))


def read_run(run):
    """All that TensorBoard would show of a folder."""
    found = accumulators.EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0})
    return found.Reload()


def curves_in(run):
    found = read_run(run)
    return {
        tag: [(event.step, event.value) for event in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }


def curves_of_log(run):
    """The same from log.jsonl, rounded to the 32 bits of the events."""
    curves = {}

    def add(tag, step, value):
        curves.setdefault(tag, []).append((step, float(np.float32(value))))

    for line in program.read_lines(run / "log.jsonl"):
        if line["event"] == "step":
            for name, value in line["loss"].items():
                add(f"loss/{name}", line["step"], value)
            for name in ("lr", "gradient_norm", "images_per_second"):
                add(name, line["step"], line[name])
        if line["event"] == "validation":
            for name in FIGURES:
                add(f"val/{name}", line["step"], line[name])
    return curves


def records(path):
    """Events of one file as the package's own reader gives them; it verifies both check sums."""
    return list(loaders.LegacyEventFileLoader(str(path)).Load())


class Events(peers.DriverTest):
    def copy(self):
        folder = self.folder / "run"
        shutil.copytree(RUN, folder)
        return folder, event_files(folder)[-1]

    def test_every_number_is_that_of_the_log(self):
        curves = curves_in(RUN)
        self.assertEqual(curves, curves_of_log(RUN))
        self.assertEqual(len(curves["loss/total"]), STEPS)
        self.assertEqual([step for step, _ in curves["val/point_m"]], [6, 12, 18, 24])

    def test_the_pictures_are_the_sheets_in_samples(self):
        found = read_run(RUN)
        self.assertEqual(found.Tags()["images"], ["val/samples"])
        events = found.Images("val/samples")
        self.assertEqual([event.step for event in events], [6, 12, 18, 24])
        for event in events:
            shown = image.open(io.BytesIO(event.encoded_image_string))
            shown.load()
            self.assertEqual(shown.size, (event.width, event.height))
            with image.open(RUN / f"samples/val_step{event.step}.png") as file:
                self.assertEqual(shown.mode, "RGB")
                self.assertTrue(np.array_equal(np.asarray(shown), np.asarray(file)))

    def test_the_file_begins_as_tensorboard_wants_it(self):
        events = records(event_files(RUN)[0])
        self.assertEqual(events[0].file_version, "brain.Event:2")
        self.assertEqual(events[1].session_log.status, 1)  # START
        self.assertEqual(events[1].step, 1)
        times = [event.wall_time for event in events]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], 1.6e9)

    def test_a_torn_end_costs_one_event(self):
        folder, path = self.copy()
        whole, count = path.read_bytes(), len(records(path))
        for cut in (1, 5, 40, 1000):
            path.write_bytes(whole[:-cut])
            self.assertEqual(len(records(path)), count - 1, cut)
        curves = curves_in(folder)  # the last event is the picture
        self.assertEqual(curves, curves_of_log(RUN))

    def test_a_damaged_event_is_noticed_by_its_check_sum(self):
        _, path = self.copy()
        whole, count = bytearray(path.read_bytes()), len(records(path))
        whole[-100] ^= 1
        path.write_bytes(whole)
        self.assertEqual(len(records(path)), count - 1)

    def test_a_resumed_run_shows_each_step_once(self):
        folder = self.folder / "run"
        changes = {**CHANGES, "train__max_steps": 400, "train__eval_every": 10}
        for _ in range(2):
            with program.start_training(
                ROOT, folder, "--resume", "auto", changes=changes
            ) as process:
                steps = program.steps_done(folder)
                program.wait_for(lambda: program.steps_done(folder) >= steps + 13, process)
                process.kill()  # most often steps after the last checkpoint are lost
        with program.start_training(ROOT, folder, "--resume", "auto", changes=changes) as process:
            steps = program.steps_done(folder)
            program.wait_for(lambda: program.steps_done(folder) >= steps + 7, process)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        self.assertEqual(len(event_files(folder)), 3)
        curves = curves_in(folder)
        self.assertEqual(curves, curves_of_log(folder))
        last = curves["loss/total"][-1][0]
        self.assertEqual([step for step, _ in curves["loss/total"]], list(range(1, last + 1)))
        images = read_run(folder).Images("val/samples")
        self.assertEqual([event.step for event in images], list(range(10, last + 1, 10)))

    def test_without_it_nothing_is_written(self):
        folder = self.folder / "run"
        changes = {**CHANGES, "train__max_steps": 2, "run__tensorboard": "false"}
        result = program.train(ROOT, folder, changes=changes)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(event_files(folder), [])
        self.assertEqual(json.loads((folder / "results.json").read_text())["splits"].keys(), {"val"})


if __name__ == "__main__":
    peers.main()
