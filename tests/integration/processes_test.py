"""Several processes, started by mpirun, do what one does; and when one fails or dies, all end."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from full_disk_test import OWN_DISK, can_mount
from program import (
    BINARY,
    CONFIGS,
    PATIENCE,
    Case,
    broken_copy,
    make_benchmark,
    read_checkpoint,
    read_lines,
    run,
    run_well,
    settings,
    started,
    state_of,
    steps_done,
    steps_of,
    wait_for,
)

# mpirun starts nothing for the root of a container without these.
ENVIRONMENT = {
    **os.environ,
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
}
# Else mpirun kills all one second after one has died, which is short on a machine that others use. It
# then waits so long each time.
PATIENT = ["mpirun", "--mca", "odls_base_sigkill_timeout", "5"]
LONG = {"train__max_steps": 100000, "train__checkpoint_every": 0, "train__eval_every": 0}
END = 30  # seconds in which all must have ended


def setUpModule():
    global ROOT
    if not shutil.which("mpirun"):
        raise unittest.SkipTest("there is no mpirun")
    if not json.loads(run_well("doctor", "--json").stdout)["mpi"]:
        raise unittest.SkipTest("the program is built without MPI")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_processes_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")


def command_of(count, *arguments, starter=("mpirun",)):
    words = [*starter, "--oversubscribe", "-np", str(count), BINARY, *map(str, arguments)]
    return [*words, "--threads", "1"]


def together(count, *arguments):
    """Runs the program as so many processes to their end."""
    return subprocess.run(
        command_of(count, *arguments),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def training(folder, *arguments, config="pcnet_paper.yaml", root=None, **changes):
    words = ["train", CONFIGS / config, "--root", root or ROOT, "--run", folder, "-q"]
    return [*words, *arguments, *settings(**changes)]


def rank_of(process, folder):
    """The number of a process of the job that trains into a folder; none for another process."""
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        if os.fsencode(BINARY) != words[0] or os.fsencode(folder) not in words:
            return None
        for entry in (process / "environ").read_bytes().split(b"\0"):
            if entry.startswith(b"OMPI_COMM_WORLD_RANK="):
                return int(entry.split(b"=")[1])
    except (OSError, IndexError):
        pass
    return None


def processes_of(folder):
    """The process numbers of a job by rank."""
    found = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        rank = rank_of(process, folder)
        if rank is not None:
            found[rank] = int(process.name)
    return found


class SameAsOne(Case):
    def assert_same_steps(self, mine, whole):
        self.assertEqual(len(mine), len(whole))
        for own, other in zip(mine, whole):
            for name, value in other["loss"].items():
                self.assertAlmostEqual(own["loss"][name], value, delta=1e-3, msg=own["step"])
        first, wanted = mine[0], whole[0]
        self.assertAlmostEqual(first["loss"]["total"], wanted["loss"]["total"], delta=1e-5)
        norm = wanted["gradient_norm"]
        self.assertAlmostEqual(first["gradient_norm"], norm, delta=1e-4 * norm)

    def test_training(self):
        for config, changes in (
            ("clip_plain.yaml", {}),
            ("pcnet_paper.yaml", {"train__accumulate": 2}),
            ("pcnet.yaml", {"train__recompute": "true", "data__negatives": "distinct_images"}),
            ("tris.yaml", {"train__batch_size": 7}),
        ):
            whole = self.folder / f"{config}1"
            run_well(*training(whole, config=config, train__max_steps=3, **changes))
            for count in (2, 3):
                with self.subTest(config=config, processes=count):
                    mine = self.folder / f"{config}{count}"
                    words = training(mine, config=config, train__max_steps=3, **changes)
                    result = together(count, *words)
                    self.assertEqual(result.returncode, 0, result.stderr)
                    self.assertEqual(result.stdout.strip(), str(mine))
                    self.assert_same_steps(steps_of(mine), steps_of(whole))
                    self.assert_no_leftovers(mine)

    def test_resuming_with_another_number(self):
        whole, mine = self.folder / "whole", self.folder / "mine"
        run_well(*training(whole, train__max_steps=6))
        for count, steps in ((2, 2), (3, 4)):
            words = training(mine, "--resume", "auto", "--resume-anyway", train__max_steps=steps)
            result = together(count, *words)
            self.assertEqual(result.returncode, 0, result.stderr)
        run_well(*training(mine, "--resume", "auto", "--resume-anyway", train__max_steps=6))
        ours = {event["step"]: event for event in steps_of(mine)}
        self.assertEqual(sorted(ours), [1, 2, 3, 4, 5, 6])
        first, wanted = ours[3], steps_of(whole)[2]  # the rate depends on the number of all steps
        self.assertEqual(first["epoch"], wanted["epoch"])
        differences = [
            event["rounding_may_differ"]
            for event in read_lines(mine / "log.jsonl")
            if event["event"] == "resume"
        ]
        self.assertIn("processes 3 (the run had 2)", differences[0])
        self.assertIn("processes 1 (the run had 3)", differences[1])

    def test_evaluation_proposals_and_pack(self):
        trained = self.folder / "trained"
        run_well(*training(trained, train__max_steps=2))
        outputs = {}
        for count in (1, 2, 3):
            here = self.folder / str(count)
            here.mkdir()
            jobs = (
                ["eval", trained, "--split", "testA", "--out", here / "results.json"]
                + ["--per-sentence", here / "sentences.jsonl"],
                ["proposals", "make", "--root", ROOT, "--source", "grid"]
                + ["--out", here / "proposals.jsonl"],
                ["data", "pack", CONFIGS / "pcnet_paper.yaml", "--root", ROOT]
                + ["--out", here / "data.pack"],
            )
            for job in jobs:
                result = together(count, *job, "-q") if count > 1 else run(*job, "-q")
                self.assertEqual(result.returncode, 0, (job, result.stderr))
            outputs[count] = {
                path.name: path.read_bytes() for path in here.iterdir() if path.is_file()
            }
        self.assertEqual(
            set(outputs[1]),
            {"results.json", "sentences.jsonl", "proposals.jsonl", "proposals.png", "data.pack"},
        )
        for count in (2, 3):
            for name, content in outputs[1].items():
                self.assertEqual(outputs[count][name], content, (count, name))

    def test_images_that_one_of_them_cannot_read(self):
        root = broken_copy(ROOT, self.folder, 5)
        losses = {}
        for count in (1, 2):
            folder = self.folder / f"run{count}"
            words = training(folder, root=root, data__on_bad_image="skip", train__max_steps=4)
            words.remove("-q")
            result = together(count, *words) if count > 1 else run(*words)
            self.assertEqual(result.returncode, 0, result.stderr)
            losses[count] = [event["loss"]["total"] for event in steps_of(folder)]
            warned = {line for line in result.stderr.splitlines() if "could not be read" in line}
            losses[f"warned{count}"] = warned
        for own, other in zip(losses[1], losses[2]):
            self.assertAlmostEqual(own, other, delta=1e-3)
        self.assertEqual(losses["warned1"], losses["warned2"])
        self.assertEqual(len(losses["warned1"]), 1)

    def test_doctor_shows_them(self):
        result = together(3, "doctor", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        team = json.loads(result.stdout)["team"]
        self.assertEqual([process["local_rank"] for process in team["processes"]], [0, 1, 2])
        self.assertGreater(team["sum_bytes_per_second"], 0)
        cores = os.cpu_count()
        self.assertLessEqual(sum(process["cores"] for process in team["processes"]), cores + 0.01)

    def test_bench_counts_all_images(self):
        words = ["bench", "train", CONFIGS / "pcnet_paper.yaml", "--root", ROOT, *settings()]
        words += ["--warm-up", "1", "--steps", "2", "-q"]
        document = json.loads(together(2, *words).stdout)
        self.assertEqual((document["processes"], document["batch_size"]), (2, 8))
        self.assertGreater(document["gradient_bytes"], 0)


class Failure(Case):
    """All end within END seconds, with one message and the last finished step on the disk."""

    def setUp(self):
        super().setUp()
        self.run = self.folder / "run"

    def start(self, count, *arguments, **changes):
        process = subprocess.Popen(
            command_of(
                count, *training(self.run, *arguments, **{**LONG, **changes}), starter=PATIENT
            ),
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.kill)
        wait_for(lambda: steps_done(self.run) > 3, process)
        return process

    def end_of(self, process):
        """What the job said of itself, once all of it has ended."""
        begin = time.monotonic()
        _, errors = process.communicate(timeout=PATIENCE)
        while processes_of(self.run) and time.monotonic() < begin + PATIENCE:
            time.sleep(0.05)
        self.assertLess(time.monotonic() - begin, END, errors)
        self.assertNotEqual(process.returncode, 0)
        return [line for line in errors.splitlines() if line.startswith("pcnet: ")]

    def assert_saved_the_last_step(self):
        last = self.run / "checkpoints/last.safetensors"
        read_checkpoint(last)
        self.assertEqual(state_of(last)["step"], steps_of(self.run)[-1]["step"])

    def test_a_process_is_killed(self):
        for rank in (1, 0):
            with self.subTest(rank=rank):
                process = self.start(3)
                os.kill(processes_of(self.run)[rank], signal.SIGKILL)
                said = self.end_of(process)
                self.assertEqual(len(said), 1, said)
                self.assertIn(f"process {rank} of 3", said[0])
                self.assertIn("died", said[0])
                self.assert_saved_the_last_step()
                shutil.rmtree(self.run)

    def test_what_was_saved_goes_on(self):
        process = self.start(2)
        os.kill(processes_of(self.run)[1], signal.SIGKILL)
        self.end_of(process)
        steps = state_of(self.run / "checkpoints/last.safetensors")["step"]
        words = training(self.run, "--resume", "auto", "--resume-anyway")
        result = together(3, *words, "--set", f"train.max_steps={steps + 2}")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([event["step"] for event in steps_of(self.run)], [*range(1, steps + 3)])

    def test_mpirun_is_stopped(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number.name):
                process = self.start(2)
                process.send_signal(number)
                said = self.end_of(process)
                self.assertEqual(len(said), 1, said)
                self.assertIn("go on with --resume auto", said[0])
                self.assert_saved_the_last_step()
                shutil.rmtree(self.run)

    def test_one_process_alone_is_stopped(self):
        process = self.start(2)
        os.kill(processes_of(self.run)[1], signal.SIGTERM)
        said = self.end_of(process)
        self.assertEqual(len(said), 1, said)
        self.assertIn("stopped after step", said[0])
        self.assert_saved_the_last_step()

    def test_sigusr1_saves_and_goes_on(self):
        process = self.start(2)
        process.send_signal(signal.SIGUSR1)
        last = self.run / "checkpoints/last.safetensors"
        wait_for(last.exists, process)
        saved = steps_done(self.run)
        wait_for(lambda: steps_done(self.run) > saved + 2, process)
        process.terminate()
        self.end_of(process)

    def test_an_exception_in_one_process_alone(self):
        # Who meets one of the broken images first, is the seed's doing.
        root = broken_copy(ROOT, self.folder, 1)
        named = set()
        for seed in range(6):
            result = together(3, *training(self.run, root=root, run__seed=seed))
            said = [line for line in result.stderr.splitlines() if line.startswith("pcnet: ")]
            self.assertEqual(len(said), 1, result.stderr)
            self.assertIn("cannot read the image", said[0])
            self.assertNotEqual(result.returncode, 0)
            named.add(said[0].split(" (")[0])
            if steps_done(self.run):
                self.assert_saved_the_last_step()
            shutil.rmtree(self.run)
        self.assertTrue(any("process 1 of 3" in name or "process 2 of 3" in name for name in named))

    @unittest.skipUnless(can_mount(), "this system lets nobody mount a disk of memory")
    def test_a_full_disk(self):
        disk = self.folder / "disk"
        disk.mkdir()
        words = command_of(2, *training(disk / "run", train__checkpoint_every=2))
        script = f'mount -t tmpfs -o size=500k none "{disk}" && exec "$@"'
        result = subprocess.run(
            [*OWN_DISK, "sh", "-c", script, "sh", *words],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        said = [line for line in result.stderr.splitlines() if line.startswith("pcnet: ")]
        self.assertEqual(len(said), 1, result.stderr)
        self.assertIn("No space left on device", said[0])
        self.assertNotEqual(result.returncode, 0)

    def test_a_loss_that_is_not_finite(self):
        words = training(self.run, train__learning_rate="1e30", train__warmup_steps=0)
        result = together(3, *words)
        said = [line for line in result.stderr.splitlines() if line.startswith("pcnet: ")]
        self.assertEqual(len(said), 1, result.stderr)
        self.assertIn("non_finite.json", said[0])
        report = json.loads((self.run / "non_finite.json").read_text())
        self.assertEqual(len(report["samples"]), 8)  # of all processes
        read_checkpoint(self.run / "checkpoints/last.safetensors")

    def test_wrong_usage_is_said_once(self):
        for words, fault in (
            (["train", "nowhere.yaml"], "cannot read nowhere.yaml"),
            (["trane"], "trane"),
            (["predict", "x", "--image", "y", "--text", "z", "--out", "w"], "start it alone"),
            (["data", "synth", "--out", self.folder / "made"], "start it alone"),
            (training(self.run, train__batch_size=2), "train.batch_size is 2 for 3 processes"),
            (training(self.run, "--dry-run"), "--dry-run looks at one process"),
        ):
            with self.subTest(command=words[0]):
                result = together(3, *words)
                said = [line for line in result.stderr.splitlines() if line.startswith("pcnet: ")]
                self.assertEqual(len(said), 1, result.stderr)
                self.assertIn(fault, said[0])
                self.assertNotEqual(result.returncode, 0)
        self.assertFalse((self.folder / "made").exists())

    def test_a_run_that_is_in_use(self):
        with started(
            [BINARY, *map(str, training(self.run, **LONG)), "--threads", "1"]
        ) as process:
            wait_for(lambda: steps_done(self.run) > 1, process)
            result = together(2, *training(self.run, "--resume", "auto"))
            said = [line for line in result.stderr.splitlines() if line.startswith("pcnet: ")]
            self.assertEqual(len(said), 1, result.stderr)
            self.assertIn("is in use by process", said[0])


if __name__ == "__main__":
    unittest.main()
