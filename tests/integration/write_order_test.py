"""The order in which checkpoints reach the disk, seen by a library between program and system."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from program import Case, make_benchmark, train

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
int fsync(int descriptor) {
  char link[64], name[4096] = {0};
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  if (readlink(link, name, sizeof name - 1) < 0) name[0] = 0;
  note("fsync", name, "");
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(descriptor);
}
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
    def calls_of_training(self):
        """(call, name, name) below checkpoints/ of three checkpoints, without process numbers."""
        calls = self.folder / "calls"
        environment = {**os.environ, "LD_PRELOAD": str(LIBRARY), "PCNET_CALLS": str(calls)}
        changes = {"train__max_steps": 6, "train__checkpoint_every": 2, "eval__samples": 0}
        result = train(ROOT, self.folder / "run", changes=changes, env=environment)
        if "LD_PRELOAD" in result.stderr or not calls.exists():
            self.skipTest("the program takes no library before its own (a sanitizer's?)")
        self.assertEqual(result.returncode, 0, result.stderr)
        found = []
        for line in calls.read_text().splitlines():
            names = [part.split(".tmp-")[0] + "+" * (".tmp-" in part) for part in line.split()[1:]]
            if "checkpoints" in line and "best" not in line:
                found.append((line.split()[0], *(pathlib.Path(name).name for name in names)))
        return found

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


if __name__ == "__main__":
    unittest.main()
