"""`pcnet completion`: what the shells offer, beside what --help says."""

import json
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import subprocess
import tempfile
import time
import unittest

from help_texts import read_all
from program import PATIENCE, run, run_well

SEGMENTORS = ["none", "proposal", "sam", "oracle-proposal", "oracle-point", "oracle-best-of-3"]
BASH_DRIVER = """
source {script}
cd {folder}
offers() {{
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMPREPLY=()
  _pcnet
  printf '%s|' "${{COMPREPLY[@]}}"
  echo
}}
"""


def is_choice(word):
    """Whether a word of a type's name stands for itself: sam, RN50; not N, FILE, cuda:N."""
    return not any(re.fullmatch("[A-Z]*", part) for part in re.split("[:/=,]", word))


class Shell:
    """What is asked of each shell."""

    shell = ""
    suffix = ""

    @classmethod
    def setUpClass(cls):
        if not shutil.which(cls.shell):
            raise unittest.SkipTest(f"{cls.shell} is not installed")
        holder = tempfile.TemporaryDirectory(prefix="pcnet_completion_")
        cls.addClassCleanup(holder.cleanup)
        root = pathlib.Path(holder.name)
        cls.script = root / "scripts" / f"{cls.shell}{cls.suffix}"
        cls.script.parent.mkdir()
        cls.script.write_text(run_well("completion", cls.shell).stdout)
        cls.folder = root / "work"
        (cls.folder / "folder" / "inner").mkdir(parents=True)
        for name in ("set.yaml", "set.json", "picture.png", "two words.png", "folder/in.yaml"):
            (cls.folder / name).touch()
        cls.tree = read_all()

    def test_the_shell_can_read_it(self):
        subprocess.run([self.shell, "-n", self.script], check=True)

    def compare_with_help(self, offers):
        """offers: a function of many command lines, which gives what is offered at their ends."""
        paths = list(self.tree)
        options = offers([[*path, "-"] for path in paths])
        commands = offers([[*path, ""] for path in paths])
        glob = set(self.tree[()].options)
        for path, has, inner in zip(paths, options, commands, strict=True):
            text = self.tree[path]
            self.assertEqual(set(has), set(text.options) | glob, path)
            if text.commands:
                self.assertEqual(sorted(inner), sorted(text.commands), path)
        self.assertIn(("proposals", "make"), paths)

    def compare_words_with_help(self, offers):
        lines, wanted = [], []
        for path, text in self.tree.items():
            for name, kind in text.options.items():
                words = [word for word in kind.split("|") if kind and is_choice(word)]
                if words:
                    lines.append([*path, name, ""])
                    wanted.append(set(words))
        self.assertGreater(len(lines), 20)
        for line, has, words in zip(lines, offers(lines), wanted, strict=True):
            self.assertLessEqual(words, set(has), line)


class Bash(Shell, unittest.TestCase):
    shell = "bash"

    def offers(self, lines):
        calls = "".join(f"offers pcnet {shlex.join(line)}\n" for line in lines)
        text = BASH_DRIVER.format(script=self.script, folder=shlex.quote(str(self.folder))) + calls
        result = subprocess.run(["bash", "--norc", "-c", text], capture_output=True, text=True,
                                timeout=PATIENCE)
        self.assertEqual(result.stderr, "")
        return [[word for word in line.split("|") if word] for line in result.stdout.splitlines()]

    def offer(self, *words):
        return sorted(self.offers([words])[0])

    def test_commands_and_options_are_those_of_help(self):
        self.compare_with_help(self.offers)

    def test_words_are_those_of_help(self):
        self.compare_words_with_help(self.offers)

    def test_words_of_an_option(self):
        self.assertEqual(self.offer("eval", "--segmentor", ""), sorted(SEGMENTORS))
        self.assertEqual(self.offer("eval", "--segmentor", "oracle-p"),
                         ["oracle-point", "oracle-proposal"])
        self.assertEqual(self.offer("predict", "run", "--segmentor", ""), ["none", "sam"])
        self.assertEqual(self.offer("--device", "cu"), ["cuda"])
        self.assertEqual(self.offer("bench", "clip", "--architecture", "RN5"), ["RN50", "RN50x4"])
        self.assertEqual(self.offer("data", "synth", "--seed", ""), [])

    def test_a_value_may_follow_an_equals_sign(self):
        # bash gives the sign as a word of its own.
        self.assertEqual(self.offer("eval", "--segmentor", "=", "sa"), ["sam"])
        self.assertEqual(self.offer("eval", "--segmentor", "="), sorted(SEGMENTORS))
        self.assertEqual(self.offer("--set", "run.seed", "=", "5", "predi"), ["predict"])

    def test_global_options_stand_anywhere(self):
        self.assertEqual(self.offer("--device", "cpu", "pre"), ["predict"])
        self.assertEqual(self.offer("-q", "data", "--json", "sy"), ["synth"])
        # What follows an option is its value, also where it is named like a command.
        self.assertEqual(self.offer("--set", "data", "tr"), ["train"])

    def test_files_folders_and_configurations(self):
        every = ["folder", "picture.png", "set.json", "set.yaml", "two words.png"]
        self.assertEqual(self.offer("eval", "--out", ""), every)
        self.assertEqual(self.offer("predict", "run", "--image", "picture.png", ""), every)
        self.assertEqual(self.offer("data", "check", ""), every)
        self.assertEqual(self.offer("data", "synth", "--out", ""), ["folder"])
        self.assertEqual(self.offer("train", ""), ["folder", "set.json", "set.yaml"])
        self.assertEqual(self.offer("config", "diff", "set.yaml", "folder/"),
                         ["folder/in.yaml", "folder/inner"])
        self.assertEqual(self.offer("train", "set.yaml", ""), [])
        self.assertEqual(self.offer("eval", "--cues", ""), sorted([*every, "rules"]))

    def test_set_offers_the_keys_of_the_configuration(self):
        keys = [doc["key"] for doc in json.loads(run_well("config", "docs", "--json").stdout)]
        self.assertEqual(self.offer("train", "--set", ""), sorted(f"{key}=" for key in keys))
        self.assertEqual(self.offer("--set", "run.se"), ["run.seed="])


class Fish(Shell, unittest.TestCase):
    shell = "fish"
    suffix = ".fish"

    def offers(self, lines):
        calls = "".join(f"complete -C '{' '.join(['pcnet', *line])}'; echo ''\n" for line in lines)
        result = subprocess.run(
            ["fish", "--no-config", "-c", f"source {self.script}; cd {self.folder}\n{calls}"],
            capture_output=True, text=True, timeout=PATIENCE,
            env={**os.environ, "HOME": str(self.folder)})
        self.assertEqual(result.stderr, "")
        blocks, block = [], []
        for line in result.stdout.splitlines():
            if line:
                block.append(line.split("\t")[0])
            else:
                blocks.append(block)
                block = []
        return blocks

    def test_commands_and_options_are_those_of_help(self):
        self.compare_with_help(self.offers)

    def test_words_are_those_of_help(self):
        self.compare_words_with_help(self.offers)

    def test_values(self):
        every = {"folder/", "picture.png", "set.json", "set.yaml", "two words.png"}
        segmentors, seed, files, folders, keys, command = self.offers([
            ["eval", "--segmentor", ""], ["data", "synth", "--seed", ""], ["eval", "--out", ""],
            ["data", "synth", "--out", ""], ["--set", "run.se"], ["--set", "data", "tr"]])
        self.assertEqual(set(segmentors), set(SEGMENTORS))
        self.assertEqual(seed, [])
        self.assertLessEqual(every, {name.replace("\\ ", " ") for name in files})
        self.assertEqual(folders, ["folder/"])
        self.assertEqual(keys, ["run.seed="])
        self.assertEqual(command, ["train"])


class Zsh(Shell, unittest.TestCase):
    shell = "zsh"

    def completed(self, line, wanted):
        """Types the line and a tab in a terminal; an error where `wanted` does not come."""
        functions = self.script.parent / "functions"
        functions.mkdir(exist_ok=True)
        shutil.copy(self.script, functions / "_pcnet")
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.environ.update(TERM="dumb", HOME=str(self.folder))
            os.execvp("zsh", ["zsh", "-f", "-i"])
        try:
            self.wait_for(terminal, "", f"fpath=({functions} $fpath); autoload -Uz compinit; "
                          "compinit -u -D; PROMPT='re''ady '\n", "ready ")
            self.wait_for(terminal, line, f"{line}\t", wanted)
        finally:
            os.close(terminal)
            os.kill(child, 9)
            os.waitpid(child, 0)

    def wait_for(self, terminal, typed, keys, wanted):
        os.write(terminal, keys.encode())
        text, end = "", time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                text += os.read(terminal, 65536).decode(errors="replace")
                if wanted in text:
                    return
        self.fail(f"{typed!r} did not become {wanted!r}: {text!r}")

    def test_every_command_and_option_is_there(self):
        text = self.script.read_text()
        for path, has in self.tree.items():
            name = "_".join(["_pcnet", *path])
            body = re.search(rf"^{name}\(\) {{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL)[1]
            glob = re.search(r"^typeset -ga _pcnet_options=\(\n(.*?)^\)", text,
                             re.MULTILINE | re.DOTALL)[1]
            for option in has.options:
                self.assertRegex(body + glob, rf"'\*?{option}=?\[", path)
            for command in has.commands:
                self.assertIn(f"'{command}:", body)

    def test_completes(self):
        for line, wanted in (
            ("pcnet da", "pcnet data "),
            ("pcnet --device cpu data sy", "data synth "),
            ("pcnet eval --segmentor sa", "--segmentor sam "),
            ("pcnet eval --segmentor=sa", "--segmentor=sam "),
            ("pcnet train set.y", "train set.yaml "),
            ("pcnet data synth --out f", "--out folder/"),
            ("pcnet predict run --image picture.png tw", "two\\ words.png"),
            ("pcnet --set run.se", "run.seed="),
        ):
            with self.subTest(line=line):
                self.completed(line, wanted)


class Usage(unittest.TestCase):
    def test_another_shell_is_an_error(self):
        result = run("completion", "csh")
        self.assertEqual(result.returncode, 2)
        self.assertIn("csh", result.stderr)


if __name__ == "__main__":
    unittest.main()
