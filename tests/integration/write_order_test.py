"""What reaches the disk when, seen by a library between program and system."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from program import Case, make_benchmark, pictures_of, run, train

WATCH = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void note(const char* call, const char* from, const char* to) {
  int file = open(getenv("PCNET_CALLS"), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dprintf(file, "%s %s %s\n", call, from, to);
  close(file);
}
static int synced(const char* call, int descriptor) {
  char link[64], name[4096] = {0};
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  if (readlink(link, name, sizeof name - 1) < 0) name[0] = 0;
  note(call, name, "");
  return ((int (*)(int))dlsym(RTLD_NEXT, call))(descriptor);
}
int fsync(int descriptor) { return synced("fsync", descriptor); }
int syncfs(int descriptor) { return synced("syncfs", descriptor); }
int rename(const char* from, const char* to) {
  note("rename", from, to);
  return ((int (*)(const char*, const char*))dlsym(RTLD_NEXT, "rename"))(from, to);
}
int link(const char* from, const char* to) {
  note("link", from, to);
  return ((int (*)(const char*, const char*))dlsym(RTLD_NEXT, "link"))(from, to);
}
"""


def build(folder):
    """The library, None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        return None
    source, library = folder / "watch.c", folder / "watch.so"
    source.write_text(WATCH)
    command = [compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"]
    return library if subprocess.run(command, check=False).returncode == 0 else None


def setUpModule():
    global ROOT, LIBRARY
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_order_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    LIBRARY = build(folder)
    if LIBRARY is None:
        raise unittest.SkipTest("no C compiler to build the library with")


class Order(Case):
    def calls_of(self, command):
        """(call, name, name) of all that a command does, without process numbers: `command` gets
        the keyword arguments of a process."""
        calls = self.folder / "calls"
        environment = {**os.environ, "LD_PRELOAD": str(LIBRARY), "PCNET_CALLS": str(calls)}
        result = command(env=environment)
        if "LD_PRELOAD" in result.stderr or not calls.exists():
            self.skipTest("the program takes no library before its own (a sanitizer's?)")
        self.assertEqual(result.returncode, 0, result.stderr)
        found = []
        for line in calls.read_text().splitlines():
            call, *names = line.split()
            found.append((call, *(re.sub(r"\.tmp-\d+", "+", name) for name in names)))
        calls.unlink()
        return found

    def calls_of_training(self):
        """Those below checkpoints/ of three checkpoints, by the files' own names."""
        changes = {"train__max_steps": 6, "train__checkpoint_every": 2, "eval__samples": 0}
        folder = self.folder / "run"
        calls = self.calls_of(lambda **more: train(ROOT, folder, changes=changes, **more))
        return [
            (call, *(pathlib.Path(name).name for name in names))
            for call, *names in calls
            if any("checkpoints" in name for name in names)
            and not any("best" in name for name in names)
        ]

    def test_the_older_one_goes_when_the_new_one_is_whole_on_the_disk(self):
        last, previous = "last.safetensors", "previous.safetensors"
        write = [
            ("fsync", f"{last}+"),
            ("rename", f"{last}+", last),
            ("fsync", "checkpoints"),
        ]
        keep = [("link", last, f"{previous}+")]
        prune = [("rename", f"{previous}+", previous), ("fsync", "checkpoints")]
        calls = self.calls_of_training()
        # The folder is synced, too, when it is made and when best.safetensors is renamed.
        while calls and calls[0] == ("fsync", "checkpoints"):
            calls.pop(0)
        self.assertEqual(calls[: len(write)], write)
        rest, whole = calls[len(write) :], keep + write + prune
        rounds = 0
        while rest:
            if rest[0] == ("fsync", "checkpoints"):
                rest = rest[1:]
                continue
            self.assertEqual(rest[: len(whole)], whole)
            rest = rest[len(whole) :]
            rounds += 1
        self.assertGreaterEqual(rounds, 3)

    def test_a_benchmark_is_synced_once_before_it_gets_its_name(self):
        out = self.folder / "data"
        command = ("data", "synth", "--out", out, "--images", 12, "--difficulty", "easy")
        calls = self.calls_of(lambda **more: run(*command, **more))
        hidden = str(self.folder / ".data+")
        self.assertEqual(
            calls,
            [("syncfs", hidden), ("rename", hidden, str(out)), ("fsync", str(self.folder))],
        )

    def test_predictions_and_samples_are_synced_once_for_all(self):
        folder = self.folder / "run"
        changes = {"train__max_steps": 2, "eval__samples": 2}
        calls = self.calls_of(lambda **more: train(ROOT, folder, changes=changes, **more))
        of_samples = [
            (call, pathlib.Path(names[-1]).name)
            for call, *names in calls
            if call == "syncfs" or re.search(r"/samples/val(_\d+)?\.png", names[0])
        ]
        written = [("rename", name) for name in ("val_0.png", "val_1.png", "val.png")]
        self.assertEqual(of_samples, [*written, ("syncfs", "samples")])
        pictures = [word for path in pictures_of(ROOT)[:3] for word in ("--image", path)]
        out = self.folder / "out"
        command = ("predict", folder, *pictures, "--text", "the star", "--out", out)
        calls = self.calls_of(lambda **more: run(*command, **more))
        self.assertEqual([call[0] for call in calls], 15 * ["rename"] + ["syncfs"])
        self.assertEqual(calls[-1][1], str(out))
        self.assertEqual(len(list(out.iterdir())), 15)


if __name__ == "__main__":
    unittest.main()
