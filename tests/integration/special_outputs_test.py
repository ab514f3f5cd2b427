"""Files that are no plain ones: links, pipes, devices, standard streams, mounted folders."""

import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import unittest

from program import BINARY, PATIENCE, Case, make_benchmark, read_safetensors, run, run_well, started

# In namespaces of its own a process may mount without being asked who it is.
OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]


def setUpModule():
    global ROOT, WEIGHTS
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_special_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    WEIGHTS = folder / "weights.safetensors"
    header = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    WEIGHTS.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))


class Outputs(Case):
    def writers(self, out):
        """A call of every command that writes one file, and what shows that the file is right."""
        jsonl = lambda text: [json.loads(line) for line in text.decode().splitlines()]
        evaluate = ("eval", "--baseline", "centre", "--root", ROOT)
        return {
            "results": ((*evaluate, "--out", out), json.loads),
            "sentences": ((*evaluate, "--per-sentence", out), jsonl),
            "cues": (("cues", "make", "--root", ROOT, "--out", out), jsonl),
            "import": (
                ("cues", "import", ROOT / "refsynth/cues.jsonl", "--out", out),
                jsonl,
            ),
            "sheet": (
                ("data", "show", "--root", ROOT, "--count", 2, "--out", out),
                lambda data: self.assertEqual(data[:8] + data[-8:-4], b"\x89PNG\r\n\x1a\nIEND"),
            ),
        }

    def pipe(self, name="pipe"):
        path = self.folder / name
        os.mkfifo(path)
        return path

    def read_in_background(self, path):
        """A function that waits for all that is written into a pipe."""
        found = []
        reader = threading.Thread(target=lambda: found.append(path.read_bytes()), daemon=True)
        reader.start()

        def result():
            reader.join(PATIENCE)
            self.assertEqual(len(found), 1, "nobody wrote")
            return found[0]

        return result

    def device(self, name, minor):
        """A node like the machine's own /dev/null (3) or /dev/full (7)."""
        path = self.folder / name
        try:
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, minor))
            path.open("wb").close()
        except PermissionError:
            self.skipTest("only root may make devices, on a disk that allows them")
        return path

    def test_a_link_is_followed(self):
        target, link = self.folder / "far", self.folder / "link"
        link.symlink_to("far")
        for name, (command, check) in self.writers(link).items():
            with self.subTest(name):
                for _ in ("made", "replaced"):
                    run_well(*command, *(["--replace"] if "cues" in command else []))
                    self.assertTrue(link.is_symlink())
                    check(target.read_bytes())
                target.write_text("old\n")
                target.chmod(0o604)
                run_well(*command, *(["--replace"] if "cues" in command else []))
                check(target.read_bytes())
                self.assertEqual(stat.S_IMODE(target.stat().st_mode), 0o604)
                target.unlink()
        self.assertEqual([path.name for path in self.folder.iterdir()], ["link"])

    def test_a_pipe_is_written_into(self):
        pipe = self.pipe()
        for name, (command, check) in self.writers(pipe).items():
            with self.subTest(name):
                written = self.read_in_background(pipe)
                run_well(*command)
                check(written())
                self.assertTrue(pipe.is_fifo())
        self.assertEqual([path.name for path in self.folder.iterdir()], ["pipe"])

    def test_weights_go_into_a_pipe_of_their_name(self):
        pipe = self.pipe("copy.safetensors")
        written = self.read_in_background(pipe)
        told = json.loads(run_well("weights", "convert", WEIGHTS, pipe, "--json").stdout)
        copy = self.folder / "plain"
        copy.write_bytes(written())
        self.assertEqual(told["bytes"], copy.stat().st_size)
        self.assertEqual(read_safetensors(copy), read_safetensors(WEIGHTS))
        self.assertTrue(pipe.is_fifo())

    def test_a_pipe_without_a_reader_is_waited_for_until_a_signal(self):
        command = [BINARY, "eval", "--baseline", "centre", "--root", ROOT, "--out", self.pipe()]
        with started(list(map(str, command))) as process:
            said = process.stderr.readline()
            self.assertRegex(said, "waiting until something reads the pipe .*/pipe")
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, output), (130, ""))
        self.assertIn("nothing was written", errors)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["pipe"])

    def test_a_pipe_that_nobody_writes_is_waited_for_until_a_signal(self):
        command = [BINARY, "cues", "check", "--root", ROOT, "--cues", self.pipe("cues.jsonl")]
        with started(list(map(str, command))) as process:
            while "waiting until something writes into the pipe" not in process.stderr.readline():
                self.assertIsNone(process.poll())
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, output), (143, ""))
        self.assertIn("nothing was read", errors)

    def test_devices_take_what_is_written_and_stay_devices(self):
        null = self.device("null", 3)
        for name, (command, _) in self.writers(null).items():
            with self.subTest(name):
                run_well(*command)
                self.assertTrue(null.is_char_device())

    def test_a_full_device_is_an_error(self):
        full = self.device("full", 7)
        link = self.folder / "link"
        link.symlink_to("full")
        for name, (command, _) in self.writers(link).items():
            with self.subTest(name):
                result = run("-q", *command)
                self.assert_fails(result, 1, "cannot write", link, "No space left on device")
                self.assertTrue(full.is_char_device())
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["full", "link"])

    def test_stdout_holds_the_output_alone(self):
        for name, (command, check) in self.writers("/dev/stdout").items():
            with self.subTest(name):
                words = [BINARY, "-q", *map(str, command)]
                result = subprocess.run(words, capture_output=True, timeout=PATIENCE, check=True)
                check(result.stdout)
                self.assertNotEqual(result.stderr, b"", "what the command says is not lost")

    def test_stdout_may_be_a_file_that_others_write_too(self):
        out = self.folder / "out"
        for name, (command, check) in self.writers("/dev/stdout").items():
            with self.subTest(name):
                with out.open("wb") as file:
                    file.write(b"before\n")
                    file.flush()
                    words = [BINARY, "-q", *map(str, command)]
                    subprocess.run(
                        words, stdout=file, stderr=subprocess.PIPE, timeout=PATIENCE, check=True
                    )
                    file.write(b"after\n")
                text = out.read_bytes()
                self.assertTrue(text.startswith(b"before\n") and text.endswith(b"after\n"))
                check(text[len("before\n") : -len("after\n")])
        self.assertEqual([path.name for path in self.folder.iterdir()], ["out"])

    def test_what_cannot_be_written_is_told_before_the_work(self):
        link = self.folder / "link"
        link.symlink_to("none/file")
        for name, (command, _) in self.writers(link).items():
            with self.subTest(name):
                result = run("-q", *command)
                self.assert_fails(result, 1, f"cannot write {link} (a link to ", "No such file")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["link"])

    def test_one_file_behind_two_names_is_refused(self):
        (self.folder / "link").symlink_to("file")
        result = run(
            *("eval", "--baseline", "centre", "--root", ROOT),
            *("--out", self.folder / "file", "--per-sentence", self.folder / "link"),
        )
        self.assert_fails(result, 2, "name the same file")

    def test_what_cannot_stream_refuses_a_pipe_before_the_work(self):
        pipe = self.pipe()
        refused = f"cannot write {pipe}: it is a pipe, wanted a regular file"
        result = run("-q", "data", "pack", "--root", ROOT, "--out", pipe)
        self.assert_fails(result, 1, refused)
        words = ("--source", "llm", "--endpoint", "http://localhost:9", "--model", "m")
        result = run("-q", "cues", "make", "--root", ROOT, "--out", pipe, *words)
        self.assert_fails(result, 1, refused)
        answers = self.folder / "cues.answers.jsonl"
        os.mkfifo(answers)
        cues = self.folder / "cues.jsonl"
        result = run("-q", "cues", "make", "--root", ROOT, "--out", cues, *words)
        self.assert_fails(result, 1, f"cannot write {answers}: it is a pipe")
        names = sorted(path.name for path in self.folder.iterdir())
        self.assertEqual(names, ["cues.answers.jsonl", "pipe"])


class Folders(Case):
    def commands(self, out):
        return {
            "synth": ("data", "synth", "--out", out, "--images", 4, "--difficulty", "easy"),
            "convert": ("data", "convert", "--to", "custom", "--root", ROOT, "--out", out),
            "export": ("cues", "export", "--root", ROOT, "--out", out),
        }

    def test_a_link_to_an_empty_folder_or_to_none_is_followed(self):
        for name, command in self.commands(self.folder / "link").items():
            for there in (True, False):
                with self.subTest(name, there=there):
                    far, link = self.folder / "far", self.folder / "link"
                    link.symlink_to("far")
                    if there:
                        far.mkdir(mode=0o700)
                    run_well(*command)
                    self.assertTrue(link.is_symlink())
                    self.assertTrue(any(far.iterdir()))
                    if there:
                        self.assertEqual(stat.S_IMODE(far.stat().st_mode), 0o700)
                    shutil.rmtree(far)
                    link.unlink()

    def test_something_mounted_is_refused_before_the_work(self):
        (self.folder / "disk").mkdir()
        (self.folder / "file").touch()
        script = f"""
            mount -t tmpfs none {self.folder}/disk || exit 99
            mount --bind {self.folder}/file {self.folder}/file || exit 99
            {BINARY} -q data synth --out {self.folder}/disk
            {BINARY} -q eval --baseline centre --root {ROOT} --out {self.folder}/file
        """
        try:
            result = subprocess.run(
                [*OWN_MOUNTS, "sh", "-c", script], capture_output=True, text=True, timeout=PATIENCE
            )
        except OSError:
            self.skipTest("no unshare")
        if "error" not in result.stderr:
            self.skipTest("this system lets nobody mount anything")
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 2, lines)
        for line, name in zip(lines, ("disk", "file")):
            self.assertIn(f"cannot write {self.folder}/{name}: it is mounted", line)
        self.assertEqual(result.stdout, "")


if __name__ == "__main__":
    unittest.main()
