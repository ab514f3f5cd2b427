"""What the parity scripts share: the peers with a clear word when one is missing, and the driver."""

import importlib
import importlib.util
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path


def peer(name):
    """The module `name`; ends the test with a failure that says how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError as fault:
        sys.exit(
            f"parity test: {sys.executable} has no working '{name}' ({fault}); "
            "run scripts/setup.sh, which installs tests/parity/requirements.txt into .venv"
        )


def package_folder(package):
    """Where a package lies, which is not imported."""
    found = importlib.util.find_spec(package)
    if found is None:
        return peer(package)  # which fails with a word on how to get it
    return Path(found.submodule_search_locations[0])


def peer_file(package, module):
    """The module `module` of `package`, loaded by itself: importing all of the package would need
    what the tests do not, such as torchvision."""
    path = package_folder(package) / f"{module}.py"
    spec = importlib.util.spec_from_file_location(f"peer_{package}_{module}", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


class DriverTest(unittest.TestCase):
    driver = ""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def path(self, name):
        return str(self.folder / name)

    def run_driver(self, *words):
        done = subprocess.run([self.driver, *words], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"{words[:3]}: {done.stderr}")
        self.assertEqual(done.stderr, "", f"{words[:3]} printed to stderr")

    def driver_error(self, *words):
        done = subprocess.run([self.driver, *words], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, f"{words}: rc {done.returncode}, {done.stderr}")
        self.assertEqual(done.stderr.count("\n"), 1, f"{words}: {done.stderr}")
        return done.stderr


def main():
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} PARITY_TOOL [unittest options]")
    DriverTest.driver = sys.argv.pop(1)
    unittest.main(module="__main__")
