"""The wheel, built with the torch that is here, in a virtual environment without anything else."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile

from bare_root import PATIENCE, TORCH, RunsThere

HOLDER = tempfile.TemporaryDirectory(prefix="pcnet_wheel_")
WORK = pathlib.Path(HOLDER.name)
COMPILING = 3600  # seconds


def make_environment(folder, *packages):
    """A virtual environment with this torch; its folder of programs. The path file of a site names
    other folders with packages: torch is installed there, and not downloaded."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    (site / "torch.pth").write_text(f"{TORCH.parent}\n")
    if packages:
        tried = subprocess.run([folder / "bin/pip", "install", "-q", *packages],
                               capture_output=True, text=True)
        if tried.returncode != 0:
            raise unittest.SkipTest(f"pip cannot install {packages}: {tried.stderr.strip()}")
    return folder / "bin"


def setUpModule():
    unittest.addModuleCleanup(HOLDER.cleanup)
    # What was compiled stays for the next time, and the Python for which it was.
    compiled = pathlib.Path(os.environ["PCNET_BUILD"]) / "wheel"
    pip = make_environment(compiled / "environment", "scikit-build-core", "ninja") / "pip"
    made = subprocess.run(
        [pip, "wheel", "--no-build-isolation", "--no-deps", "-C", f"build-dir={compiled / 'build'}",
         "-w", WORK / "made", os.environ["PCNET_SOURCE"]],
        capture_output=True, text=True, timeout=COMPILING)
    if made.returncode != 0:
        raise AssertionError(made.stdout + made.stderr)


class Wheel(RunsThere, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        (cls.wheel,) = (WORK / "made").iterdir()
        cls.bin = make_environment(WORK / "user")
        subprocess.run([cls.bin / "pip", "install", "-q", "--no-deps", cls.wheel], check=True)
        (package,) = (WORK / "user").glob("lib/python3*/site-packages/pcnet")
        cls.configs = package / "share/pcnet/configs"
        cls.root = WORK
        (WORK / "work").mkdir()

    def there(self, *arguments, **environment):
        return subprocess.run([self.bin / "pcnet", *arguments], capture_output=True, text=True,
                              timeout=PATIENCE, cwd=WORK / "work",
                              env={"PATH": "/usr/bin:/bin", **environment})

    def test_it_requires_the_minor_version_of_torch(self):
        with zipfile.ZipFile(self.wheel) as archive:
            names = archive.namelist()
            (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
            text = archive.read(metadata).decode()
        version = (TORCH / "version.py").read_text()
        minor = re.search(r"__version__ = '(\d+[.]\d+)", version)[1]
        self.assertEqual(re.findall(r"(?m)^Requires-Dist: (.*)$", text), [f"torch=={minor}.*"])
        self.assertIn(f"\nVersion: {os.environ['PCNET_VERSION']}\n", text)
        self.assertRegex(self.wheel.name, r"-py3-none-linux_\w+[.]whl$")
        self.assertEqual([name for name in names if "libtorch" in name], [])

    def test_another_torch_can_be_named(self):
        result = self.there("--version", PCNET_TORCH="/usr")
        self.assertEqual(result.returncode, 1)
        self.assertIn("PCNET_TORCH=/usr has no lib/libtorch_cpu.so", result.stderr)


if __name__ == "__main__":
    unittest.main()
