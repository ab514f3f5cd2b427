"""What the checks of the source tree share: how they report, and how their own tests plant faults."""

import pathlib
import sys
import tempfile
import unittest


def report(subject, check):
    """Checks the tree that the command line names: a line a fault, and exit code 1 when there is any."""
    faults = check(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(faults) if faults else f"{subject}: ok")
    sys.exit(1 if faults else 0)


class PlantedTree(unittest.TestCase):
    """Plants files in a small tree that is sound without them."""

    SOUND = {}  # file name -> text

    def check(self, root):
        """The faults of the tree."""
        raise NotImplementedError

    def faults(self, planted):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {**self.SOUND, **planted}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return self.check(root)

    def assert_one(self, planted, *words):
        faults = self.faults(planted)
        self.assertEqual(len(faults), 1, faults)
        for word in words:
            self.assertIn(word, faults[0])
