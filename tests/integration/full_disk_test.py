"""A full disk while training: one line of error, and what was saved before stays whole."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from program import (
    BINARY,
    CONFIGS,
    STEPS,
    Case,
    file_limit,
    make_benchmark,
    read_checkpoint,
    settings,
    state_of,
    steps_of,
    train,
)

# In namespaces of its own a process may mount without being asked who it is.
OWN_DISK = ["unshare", "--user", "--map-root-user", "--mount"]


def can_mount():
    command = [*OWN_DISK, "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def setUpModule():
    global ROOT, WHOLE
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_full_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    WHOLE = folder / "whole"
    result = train(ROOT, WHOLE)
    if result.returncode != 0:
        raise AssertionError(result.stderr)


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Limit(Case):
    """No file may grow beyond a size: first the log, which is the longest of the small files."""

    def test_the_log_cannot_be_written(self):
        run = self.folder / "run"
        changes = {"train__checkpoint_every": 0, "train__max_steps": 300}
        result = train(ROOT, run, "-q", changes=changes, preexec_fn=file_limit(20_000))
        self.assert_fails(result, 1, "cannot write", run / "log.jsonl")
        self.assert_no_leftovers(run)
        self.assertEqual(list((run / "checkpoints").iterdir()), [])
        result = train(ROOT, run, "--resume", "auto", changes={**changes, "train__max_steps": 300})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(steps_of(run)), 300)


@unittest.skipUnless(can_mount(), "this system lets nobody mount a disk of memory")
class SmallDisk(Case):
    """The run folder lies on a disk of memory that is filled at a moment of the training."""

    def train(self, disk, kilobytes, changes, fill_when="false"):
        """Trains into disk/run, which is filled up once `fill_when` (sh) holds; the folder as it
        was left is copied to self.folder."""
        command = [BINARY, "train", CONFIGS / "clip_plain.yaml", "--root", ROOT, "--run", disk / "run"]
        command += ["-q", "--threads", "1", *settings(**changes)]
        script = f"""
            mount -t tmpfs -o size={kilobytes}k none "{disk}" || exit 99
            cd "{disk}"
            "$@" & program=$!
            while kill -0 $program 2> /dev/null; do
              if {fill_when}; then
                cat /dev/zero > ballast 2> /dev/null
                break
              fi
            done
            wait $program
            code=$?
            rm -f ballast
            cp -r run "{self.folder}/left"
            exit $code
        """
        return subprocess.run(
            [*OWN_DISK, "sh", "-c", script, "sh", *map(str, command)],
            capture_output=True,
            text=True,
            timeout=100,
        )

    def setUp(self):
        super().setUp()
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        self.left = self.folder / "left"

    def assert_left_whole(self, step=None):
        last = self.left / "checkpoints/last.safetensors"
        self.assertEqual(read_checkpoint(last)[0]["format"], "pcnet checkpoint 1")
        if step is not None:
            self.assertEqual(state_of(last)["step"], step)
        for path in (self.left / "checkpoints").glob("*.safetensors"):
            read_checkpoint(path)
        self.assert_no_leftovers(self.left)

    def assert_goes_on(self, changes):
        result = train(ROOT, self.left, "--resume", "auto", changes=changes)
        self.assertEqual(result.returncode, 0, result.stderr)
        mine, whole = (
            [(e["step"], e["loss"]) for e in steps_of(folder)] for folder in (self.left, WHOLE)
        )
        self.assertEqual(mine, whole)
        self.assertEqual(
            *(
                read_checkpoint(folder / "checkpoints/last.safetensors")[1]
                for folder in (self.left, WHOLE)
            )
        )

    def test_room_for_two_checkpoints_but_not_for_a_third(self):
        each = (WHOLE / "checkpoints/last.safetensors").stat().st_size
        changes = {"train__checkpoint_every": 4, "eval__samples": 0}
        result = self.train(self.disk, (each * 5 // 2) // 1024, changes)
        self.assert_fails(result, 1, "cannot write", "last.safetensors", "No space left on device")
        self.assert_left_whole(step=8)
        self.assert_goes_on({"train__checkpoint_every": 4})

    def test_full_when_the_results_are_written(self):
        changes = {
            **{"train__checkpoint_every": 5, "eval__batch_size": 1},
            **{"eval__splits": "[val, train]"},
        }
        # The last checkpoint of the last step is there: what follows is the evaluation.
        when = f"grep -q '\"event\":\"validation\",\"step\":{STEPS}' run/log.jsonl 2> /dev/null"
        when += " && [ -e run/checkpoints/best.safetensors ]"
        when += f" && grep -aq 'step...:{STEPS},' run/checkpoints/last.safetensors"
        for _ in range(5):  # on a busy machine the disk may be full only after the evaluation
            shutil.rmtree(self.left, ignore_errors=True)
            result = self.train(self.disk, 4 * size_of(WHOLE) // 1024, changes, when)
            if not (self.left / "results.json").exists():
                break
        self.assert_fails(result, 1, "cannot write", "No space left on device")
        self.assert_left_whole(step=STEPS)
        self.assertFalse((self.left / "results.json").exists())
        self.assert_goes_on(changes)
        results = json.loads((self.left / "results.json").read_text())
        self.assertEqual(set(results["splits"]), {"val", "train"})

    def test_full_between_two_checkpoints(self):
        changes = {"train__checkpoint_every": 5}
        when = "grep -q '\"event\":\"step\",\"step\":7' run/log.jsonl 2> /dev/null"
        result = self.train(self.disk, 4 * size_of(WHOLE) // 1024, changes, when)
        self.assert_fails(result, 1, "cannot write", "No space left on device")
        self.assert_left_whole()
        self.assert_goes_on(changes)


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C")
    unittest.main()
