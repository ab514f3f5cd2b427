"""`pcnet man`: a page a command, with all that --help says, as man shows it."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from help_texts import read_all
from program import run, run_well


def name_of(path):
    return "-".join(["pcnet", *path])


class ManPages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="pcnet_man_")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name) / "man" / "man1"
        run_well("man", "--out", cls.folder)
        cls.tree = read_all()

    def shown(self, path):
        """The page as groff sets it, in lines too long to be broken."""
        return subprocess.run(
            ["groff", "-man", "-ww", "-Tascii", "-P-cbou", "-rLL=2000n", "-rHY=0",
             self.folder / f"{name_of(path)}.1"],
            capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"})

    def test_each_command_has_a_page(self):
        self.assertEqual({path.name for path in self.folder.iterdir()},
                         {f"{name_of(path)}.1" for path in self.tree})

    def test_a_page_is_printed_as_it_is_written(self):
        for path in ((), ("data", "synth")):
            page = (self.folder / f"{name_of(path)}.1").read_text()
            self.assertEqual(run_well("man", *path).stdout, page)

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_pages_say_what_help_says(self):
        glob = self.tree[()]
        for path, has in self.tree.items():
            page = self.shown(path)
            self.assertEqual(page.stderr, "", path)
            text = page.stdout
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "GLOBAL OPTIONS", "EXAMPLES",
                            "EXIT STATUS", "SEE ALSO"):
                self.assertIn(f"\n{section}\n", text, path)
            for name, kind in {**glob.options, **has.options}.items():
                self.assertRegex(text, rf"(?m)^ *(-\w, )?{name}\b", path)
                if kind:
                    self.assertIn(f"{name} {kind}", text, path)
            for name in (*has.arguments, *has.commands):
                self.assertRegex(text, rf"(?m)^ *{name.removesuffix('...')}\b", path)
            for line in has.examples:  # letter by letter: what is copied from a page must run
                self.assertIn(line.strip(), text, path)
            for command in has.commands:
                self.assertIn(f"{name_of((*path, command))}(1)", text, path)

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_mandoc_finds_nothing(self):
        pages = sorted(self.folder.iterdir())
        found = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages],
                               capture_output=True, text=True, check=False).stdout
        # One version's pages are the same whenever they are made: they have no date.
        self.assertEqual([line for line in found.splitlines() if "missing date" not in line], [])

    def test_an_unknown_command_is_an_error(self):
        result = run("man", "dta")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("`pcnet dta` is no command", result.stderr)


if __name__ == "__main__":
    unittest.main()
