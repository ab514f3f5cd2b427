"""The .tar.gz: which LibTorch it takes, and that it needs nothing else but C's and C++'s runtimes."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from bare_root import (
    PATIENCE,
    TORCH,
    RunsThere,
    copy_into,
    cpack,
    make_root,
    require_chroot,
    run_in,
)

HOLDER = tempfile.TemporaryDirectory(prefix="pcnet_archive_")
WORK = pathlib.Path(HOLDER.name)
SITE = "lib/python3.11/site-packages"


def setUpModule():
    unittest.addModuleCleanup(HOLDER.cleanup)
    subprocess.run(["tar", "-C", WORK, "-xf", cpack("TGZ", WORK / "made")], check=True)
    shutil.rmtree(WORK / "made")
    (unpacked,) = WORK.iterdir()
    unpacked.rename(WORK / "pcnet")


def make_torch(folder, version):
    """Something that looks like torch's folder, and cannot be imported."""
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/libtorch_cpu.so").touch()
    (folder / "__init__.py").write_text("raise ImportError('imported')\n")
    (folder / "share/cmake/Torch").mkdir(parents=True)
    (folder / "share/cmake/Torch/TorchConfigVersion.cmake").write_text(
        f'set(PACKAGE_VERSION "{version}")\nset(OTHER "9")\n')
    return folder


class Launcher(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="pcnet_launcher_")
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        (self.folder / "here").mkdir()
        self.environment = {"PATH": "/usr/bin:/bin"}

    def run_here(self, *arguments, program=WORK / "pcnet/bin/pcnet"):
        return subprocess.run([program, *arguments], capture_output=True, text=True,
                              timeout=PATIENCE, cwd=self.folder / "here", env=self.environment)

    def refused(self, **more):
        result = self.run_here("--version", **more)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertRegex(result.stderr, r"^pcnet: error: [^\n]+\n$")
        return result.stderr

    def test_the_torch_that_is_named_comes_first(self):
        # No two have the version that is wanted, and the refusal says which was found.
        home = self.folder / "pcnet"
        shutil.copytree(WORK / "pcnet/bin", home / "bin")
        program = home / "bin/pcnet"
        self.assertIn("no torch is installed", self.refused(program=program))
        make_torch(home / ".venv" / SITE / "torch", "1.4.0")
        self.assertIn("torch 1.4.0 in", self.refused(program=program))
        make_torch(self.folder / "here/.venv" / SITE / "torch", "1.3.0")
        self.assertIn("torch 1.3.0 in", self.refused(program=program))
        make_torch(self.folder / "active/torch", "1.2.0")
        self.environment["PYTHONPATH"] = str(self.folder / "active")
        self.assertIn("torch 1.2.0 in", self.refused(program=program))
        named = make_torch(self.folder / "named", "1.1.0")
        for path in (named, named / "lib", f"{named}/"):
            self.environment["PCNET_TORCH"] = str(path)
            self.assertIn("torch 1.1.0 in", self.refused(program=program))

    def test_a_folder_without_torch_is_refused(self):
        self.environment["PCNET_TORCH"] = "/usr"
        make_torch(self.folder / "here/.venv" / SITE / "torch", "1.3.0")
        self.assertIn("PCNET_TORCH=/usr has no lib/libtorch_cpu.so", self.refused())

    def test_only_the_minor_version_of_the_build_is_taken(self):
        version = re.search(r'PACKAGE_VERSION "(\d+)[.](\d+)',
                            (TORCH / "share/cmake/Torch/TorchConfigVersion.cmake").read_text())
        major, minor = map(int, version.groups())
        for other in (f"{major}.{minor - 1}.0", f"{major}.{minor + 1}.0", f"{major}.{minor}1.0"):
            self.environment["PCNET_TORCH"] = str(make_torch(self.folder / other, other))
            self.assertIn(f"torch {other} in", self.refused())
        self.environment["PCNET_TORCH"] = str(TORCH)
        self.assertEqual(self.run_here("--version").returncode, 0)

    def test_a_link_to_it_finds_its_program(self):
        (self.folder / "link").symlink_to(WORK / "pcnet/bin/pcnet")
        self.environment["PCNET_TORCH"] = str(TORCH)
        self.assertEqual(self.run_here("--version", program=self.folder / "link").returncode, 0)

    def test_signals_reach_the_program(self):
        command = [WORK / "pcnet/bin/pcnet", "data", "synth", "--out", self.folder / "data",
                   "--images", "1000000"]
        with subprocess.Popen(command, env={**self.environment, "PCNET_TORCH": str(TORCH)},
                              stderr=subprocess.PIPE, text=True) as process:
            try:
                self.assertIn("writing images", process.stderr.readline())
                self.assertEqual(os.readlink(f"/proc/{process.pid}/exe"),
                                 str(WORK / "pcnet/lib/pcnet/pcnet"))
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(PATIENCE), 143)
            finally:
                process.kill()


class Contents(unittest.TestCase):
    def test_terms_of_what_is_in_it_are_there(self):
        documents = WORK / "pcnet/share/doc/pcnet"
        for name in ("LICENSE", "third_party/clip/LICENSE", "third_party/wordnet/LICENSE",
                     "licences/libopencv-core*"):
            self.assertTrue(list(documents.glob(name)), name)

    def test_torch_is_not_in_it(self):
        names = [path.name for path in (WORK / "pcnet/lib/pcnet").iterdir()]
        self.assertIn("pcnet", names)
        self.assertTrue(any(name.startswith("libopencv_core.so") for name in names))
        self.assertEqual([name for name in names
                          if re.match(r"lib(torch|c10|gomp|stdc[+][+]|c|m|gcc_s)[.]", name)], [])


class Bare(RunsThere, unittest.TestCase):
    configs = "/opt/pcnet/share/pcnet/configs"

    @classmethod
    def setUpClass(cls):
        require_chroot()
        cls.root = WORK / "root"
        make_root(cls.root)
        shutil.copytree(WORK / "pcnet", cls.root / "opt/pcnet", symlinks=True)
        for name in ("/bin/sh", "/usr/bin/readlink"):
            copy_into(cls.root, name)
        # The runtimes of C and C++, as the linker finds them here.
        libraries = subprocess.run(["ldd", WORK / "pcnet/lib/pcnet/pcnet"], capture_output=True,
                                   text=True, check=True).stdout
        names = "ld-linux|lib(?:stdc[+][+]|gcc_s|c|m|mvec|dl|rt|pthread|util|resolv)[.]so"
        runtime = re.findall(rf"(/\S*/(?:{names})\S*)", libraries)
        for path in (*runtime, *(pathlib.Path(runtime[0]).parent / name for name in
                                 ("libdl.so.2", "librt.so.1", "libpthread.so.0", "libutil.so.1"))):
            copy_into(cls.root, path)

    def there(self, *arguments):
        return run_in(self.root, "opt/torch", "/opt/pcnet/bin/pcnet", *arguments,
                      PCNET_TORCH="/opt/torch")


if __name__ == "__main__":
    unittest.main()
