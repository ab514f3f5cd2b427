"""`pcnet predict` as people use it: folders, lists and pipes; going on after a stop or a kill."""

import fcntl
import json
import os
import pathlib
import pty
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest
import zlib

from program import (
    BINARY,
    Case,
    file_limit,
    make_benchmark,
    pictures_of,
    read_png,
    run,
    started,
    train,
    wait_for,
    write_png,
)

ENDINGS = ["json", "mask.png", "overlay.png", "response.npy", "stages.png"]


def setUpModule():
    global ROOT, RUN, OTHER
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_predict_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    RUN, OTHER = folder / "run", folder / "other"
    for path, seed in ((RUN, 0), (OTHER, 1)):
        changes = {"train__max_steps": 2, "eval__samples": 0, "run__seed": seed}
        result = train(ROOT, path, "-q", changes=changes)
        if result.returncode != 0:
            raise AssertionError(result.stderr)


def contents(folder):
    """What each file holds, but for the times that were taken."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        data = path.read_bytes()
        if path.suffix == ".json":
            document = json.loads(data)
            del document["seconds"]
            data = json.dumps(document)
        found[str(path.relative_to(folder))] = data
    return found


class Prediction(Case):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "out"
        self.photos = self.folder / "photos"

    def copy(self, name, number=0):
        path = self.photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pictures_of(ROOT)[number], path)
        return path

    def predict(self, *arguments, model=None, **more):
        command = ["-q", "predict", model or RUN, *arguments, "--out", self.out]
        return run(*command, **more)

    def found(self, *arguments, **more):
        result = self.predict(*arguments, "--json", **more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def written(self):
        return sorted(str(p.relative_to(self.out)) for p in self.out.rglob("*") if p.is_file())


class Inputs(Prediction):
    def test_a_folder_gives_its_images_by_name(self):
        for number, name in enumerate(["b.PNG", "a.png", ".hidden.png", "deeper/a.png", "old.mask.png"]):
            self.copy(name, number)
        (self.photos / "notes.txt").write_text("no image")
        found = self.found("--image", self.photos, "--text", "the star", "--write", "json")
        self.assertEqual([entry["image"] for entry in found],
                         [str(self.photos / name) for name in ("a.png", "b.PNG")])
        self.assertEqual(self.written(), ["a.json", "b.json"])

    def test_folders_below_keep_their_names(self):
        for number, name in enumerate(["a.png", "x/a.png", "x/y/a.png"]):
            self.copy(name, number)
        (self.photos / "x" / "circle").symlink_to(self.photos)
        found = self.found("--image", f"{self.photos}/", "--recursive", "--text", "the star",
                           "--write", "mask")
        self.assertEqual(len(found), 3)
        names = [f"{stem}.{ending}" for stem in ("a", "x/a", "x/y/a") for ending in ENDINGS[:2]]
        self.assertEqual(self.written(), names)

    def test_a_folder_without_images(self):
        self.copy("deeper/a.png")
        result = self.predict("--image", self.photos, "--text", "the star")
        self.assert_fails(result, 1, self.photos, "--recursive")
        self.assertFalse(self.out.exists())

    def test_what_was_written_beside_the_images_is_not_looked_at(self):
        self.out = self.photos
        self.copy("a.png")
        arguments = ("--image", self.photos, "--text", "the star")
        self.assertEqual(self.found(*arguments), self.found(*arguments))
        self.assertEqual(self.written(), ["a.json", "a.mask.png", "a.overlay.png", "a.png",
                                          "a.response.npy", "a.stages.png"])

    def test_names_that_differ_in_their_suffix_alone(self):
        self.copy("a.png"), self.copy("a.PNG")
        result = self.predict("--image", self.photos, "--text", "the star")
        self.assert_fails(result, 2, self.photos / "a.png", self.photos / "a.PNG", "overwrite")
        self.assertFalse(self.out.exists())

    def test_an_image_comes_through_stdin(self):
        path = self.copy("a.png")
        with open(path, "rb") as stream:
            (piped,) = self.found("--image", "-", "--text", "the star", stdin=stream)
        self.assertEqual(self.written(), [f"stdin.{ending}" for ending in ENDINGS])
        (named,) = self.found("--image", path, "--text", "the star")
        self.assertEqual(piped["image"], "stdin")
        for key in ("peak", "stages", "box", "mask_area", "image_digest", "size"):
            self.assertEqual(piped[key], named[key])
        result = self.predict("--image", "-", "--text", "the star", stdin=subprocess.DEVNULL)
        self.assert_fails(result, 1, "stdin", "empty")

    def test_an_image_comes_through_a_named_pipe(self):
        path = self.folder / "pipe.png"
        os.mkfifo(path)
        with subprocess.Popen(["cp", pictures_of(ROOT)[0], path]):
            (found,) = self.found("--image", path, "--text", "the star")
        self.assertEqual(found["image"], str(path))
        data = pictures_of(ROOT)[0].read_bytes()
        self.assertEqual(found["image_digest"], f"crc32:{zlib.crc32(data):08x}")

    def test_a_list_says_what_is_asked_of_each(self):
        lines = [
            json.dumps({"image": str(self.copy("a.png")), "texts": ["the star", "the circle"]}),
            "",
            str(self.copy("b.png", 1)) + "\r",
            json.dumps({"image": str(self.copy("c.png", 2)), "text": "the cross", "out": "x/y"}),
        ]
        text = "\n".join(lines)
        (self.folder / "list").write_text(text)
        found = self.found("--list", self.folder / "list", "--text", "the square")
        self.assertEqual([(pathlib.Path(entry["image"]).name, entry["text"]) for entry in found],
                         [("a.png", "the star"), ("a.png", "the circle"), ("b.png", "the square"),
                          ("c.png", "the cross")])
        stems = ["a_0", "a_1", "b", "x/y"]
        self.assertEqual(self.written(), [f"{s}.{e}" for s in stems for e in ENDINGS])
        self.assertEqual(self.found("--list", "-", "--text", "the square", input=text), found)

    def test_faults_of_a_list_name_the_line(self):
        a = str(self.copy("a.png"))
        for line, word in [
            ("{", "line 2"),
            ('{"text": "the star"}', '"image"'),
            (json.dumps({"image": a, "txt": "the star"}), '"txt"'),
            (json.dumps({"image": a, "text": 1}), '"text"'),
            (json.dumps({"image": a, "text": "a", "texts": ["a"]}), "one of them"),
            (json.dumps({"image": a, "texts": []}), "--text"),
            (json.dumps({"image": a, "text": "the star", "out": "../a"}), "below --out"),
            (json.dumps({"image": str(self.photos), "text": "the star", "out": "a"}), "folder"),
            ("-", "--image -"),
        ]:
            (self.folder / "list").write_text(f"\n{line}\n")
            result = self.predict("--list", self.folder / "list")
            self.assert_fails(result, 2, self.folder / "list, line 2", word)
        for empty in ("", "\n \n"):
            (self.folder / "list").write_text(empty)
            self.assert_fails(self.predict("--list", self.folder / "list"), 2, "no image")
        self.assert_fails(self.predict("--list", "-", "--image", "-"), 2, "stdin")
        self.assertFalse(self.out.exists())

    def test_a_folder_that_is_called_like_an_image(self):
        (self.photos / "folder.png").mkdir(parents=True)
        self.copy("a.png")
        found = self.found("--image", self.photos, "--text", "the star", "--write", "json")
        self.assertEqual(len(found), 1)

    def test_awkward_shapes_and_kinds(self):
        self.photos.mkdir()
        for name, width, height, more in [
            ("deep", 9, 7, {"bits": 16, "colour": 0, "pixels": bytes(range(126))}),
            ("dot", 1, 1, {}),
            ("grey", 9, 7, {"colour": 0}),
            ("tall", 1, 5000, {}),
            ("turned", 60, 20, {"orientation": 6}),
            ("wide", 5000, 1, {}),
        ]:
            write_png(self.photos / f"{name}.png", width, height, **more)
        found = self.found("--image", self.photos, "--text", "the star")
        sizes = [[7, 9], [1, 1], [7, 9], [5000, 1], [60, 20], [1, 5000]]
        self.assertEqual([entry["size"] for entry in found], sizes)
        for entry, (height, width) in zip(found, sizes):
            mask = self.out / f"{pathlib.Path(entry['image']).stem}.mask.png"
            self.assertEqual(read_png(mask), (width, height, 1))
            self.assertLess(entry["peak"]["x"], width)
            self.assertLess(entry["peak"]["y"], height)

    def test_what_is_no_still_image_is_refused(self):
        header = b"RIFF\x28\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x08\0\0\x06\0\0"
        for data, word in [(b"", "empty"), (b"words" * 20, "no image"), (header[:20], "cut short"),
                           (header + b"ANIM" * 8, "animated WebP")]:
            (self.folder / "a.png").write_bytes(data)
            result = self.predict("--image", self.folder / "a.png", "--text", "the star")
            self.assert_fails(result, 1, self.folder / "a.png", word)
        self.assert_fails(self.predict("--image", "/dev/null", "--text", "the star"), 1, "empty")


class BadImages(Prediction):
    def setUp(self):
        super().setUp()
        for number, name in enumerate(["a.png", "b.png", "c.png", "d.png"]):
            self.copy(name, number)
        (self.photos / "b.png").write_bytes((self.photos / "b.png").read_bytes()[:2000])
        (self.photos / "c.png").write_bytes(b"")
        self.arguments = ("--image", self.photos, "--text", "the star", "--write", "json")

    def test_what_is_no_image_is_found_before_the_work(self):
        self.assert_fails(self.predict(*self.arguments), 1, "c.png", "--on-bad-image skip")
        self.assertFalse(self.out.exists())

    def test_damaged_pixels_end_the_work_and_what_is_done_stays(self):
        (self.photos / "c.png").unlink()
        result = self.predict(*self.arguments)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"\Apcnet: error: [^\n]*b\.png[^\n]*--on-bad-image skip.*\n\Z")
        self.assertEqual(self.written(), ["a.json"])

    def test_they_are_skipped_and_said(self):
        found = self.found(*self.arguments, "--on-bad-image", "skip")
        self.assertEqual([pathlib.Path(entry["image"]).name for entry in found],
                         ["a.png", "b.png", "c.png", "d.png"])
        self.assertEqual(["error" in entry for entry in found], [False, True, True, False])
        self.assertIn("empty", found[2]["error"])
        self.assertEqual(self.written(), ["a.json", "d.json"])
        result = run("predict", RUN, *self.arguments, "--out", self.out, "--on-bad-image", "skip")
        self.assertEqual(result.stderr.count("warning: skipped: "), 2, result.stderr)
        self.assertEqual(result.stdout.count("left out"), 2)


class GoingOn(Prediction):
    def setUp(self):
        super().setUp()
        for number in range(6):
            self.copy(f"{number}.png", number)
        self.arguments = ["--image", self.photos, "--text", "the star", "--text", "the left circle"]

    def whole(self):
        """What an uninterrupted call leaves."""
        out, self.out = self.out, self.folder / "whole"
        found = self.found(*self.arguments)
        self.assertEqual(len(found), 12)
        self.out, whole = out, self.out
        return contents(whole)

    def times(self):
        return {path.name: path.stat().st_mtime_ns for path in self.out.iterdir()}

    def test_what_is_there_is_not_made_again(self):
        first = self.found(*self.arguments)
        before = self.times()
        self.assertEqual(self.found(*self.arguments), first)
        self.assertEqual(self.times(), before)
        self.found(*self.arguments, "--replace")
        self.assertTrue(all(time > before[name] for name, time in self.times().items()))

    def test_only_what_is_missing_or_cut_short_is_made(self):
        self.found(*self.arguments)
        whole, before = contents(self.out), self.times()
        (self.out / "2_0.json").unlink()
        (self.out / "3_1.mask.png").unlink()
        (self.out / "4_0.response.npy").write_bytes(b"")
        self.found(*self.arguments)
        self.assertEqual(contents(self.out), whole)
        made = {name.split(".")[0] for name, time in self.times().items() if time > before[name]}
        self.assertEqual(made, {"2_0", "3_1", "4_0"})

    def test_another_request_is_refused_before_the_work(self):
        self.found(*self.arguments)
        whole = contents(self.out)
        star = self.arguments[:4]
        shutil.copy(self.out / "5_0.json", self.out / "5.json")
        for arguments, more, words in [
            (self.arguments, {"model": OTHER}, ["0_0.json", "checkpoint"]),
            ([*self.arguments, "--set", "eval.threshold=0.25"], {}, ["0_0.json", "threshold 0.5, wanted 0.25"]),
            ([*self.arguments, "--set", "data.image_size=64"], {}, ["0_0.json", "image_size"]),
            ([*star[:2], "--text", "the circle"], {}, ["5.json", '"the star"', '"the circle"']),
        ]:
            result = self.predict(*arguments, **more)
            self.assert_fails(result, 2, *words, "--replace")
        (self.out / "5.json").unlink()
        self.assertEqual(contents(self.out), whole)
        self.copy("1.png", 9)
        self.assert_fails(self.predict(*self.arguments), 2, "1_0.json", "image")
        self.copy("1.png", 1)
        (self.out / "2_0.json").write_text('{"image": "2.png"}')
        self.assert_fails(self.predict(*self.arguments), 2, "2_0.json", "--replace")
        self.found(*self.arguments, "--replace")
        self.assertEqual(contents(self.out), whole)

    def start(self):
        return started([BINARY, "-q", "predict", RUN, *self.arguments, "--out", self.out,
                        "--threads", "1"])

    def test_several_threads_answer_the_same_in_order(self):
        for number in range(30):
            self.copy(f"{number:02}.png", number)
        alone = self.found("--image", self.photos, "--text", "the star", "--text", "the circle")
        many = self.folder / "many"
        command = ["-q", "predict", RUN, "--image", self.photos, "--out", many, "--json"]
        for text in ("the star", "the circle"):
            command += ["--text", text]
        result = subprocess.run(
            [BINARY, *map(str, command), "--threads", "4"], capture_output=True, text=True, check=True)
        together = json.loads(result.stdout)
        self.assertEqual(len(alone), 72)  # of these and the six that are there
        for one, other in zip(alone, together, strict=True):
            for key in ("image", "text", "cues"):
                self.assertEqual(other[key], one[key])
            self.assertAlmostEqual(other["peak"]["score"], one["peak"]["score"], 4)
        self.assertEqual(sorted(p.name for p in many.iterdir()), sorted(p.name for p in self.out.iterdir()))

    def finished(self):
        return len(list(self.out.glob("*.json"))) if self.out.exists() else 0

    def test_ctrl_c_keeps_what_is_done(self):
        whole = self.whole()
        for number in range(6, 40):
            self.copy(f"{number}.png", number)
        with self.start() as process:
            wait_for(lambda: self.finished() > 0, process)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertRegex(errors, r"\Apcnet: stopped by Ctrl-C: [^\n]*the same call goes on\n\Z")
        self.assertEqual(len(output.splitlines()), self.finished())
        self.assertLess(self.finished(), 80)
        self.assert_no_leftovers(self.out)
        self.found(*self.arguments)
        self.assertEqual(self.finished(), 80)
        after = contents(self.out)
        self.assertEqual({name: after[name] for name in whole}, whole)

    def test_a_kill_at_any_moment_loses_nothing(self):
        whole = self.whole()
        draw = random.Random(4)
        for _ in range(int(os.environ.get("PCNET_KILLS", "4"))):
            shutil.rmtree(self.out, ignore_errors=True)
            with self.start() as process:
                wait_for(lambda: self.finished() > 0 or process.poll() is not None, process)
                time.sleep(draw.uniform(0, 0.3))
                process.kill()
                process.communicate()
            left = {name: data for name, data in contents(self.out).items() if ".tmp-" not in name}
            for name, data in left.items():
                self.assertEqual(data, whole[name], name)
            self.found(*self.arguments)
            self.assertEqual(contents(self.out), whole)

    def test_a_full_disk_keeps_what_is_done(self):
        shutil.copy(pictures_of(ROOT)[0], self.photos / "0.png")
        write_png(self.photos / "3.png", 900, 900)
        arguments = self.arguments[:4]
        result = self.predict(*arguments, preexec_fn=file_limit(1_000_000))
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"\Apcnet: error: [^\n]*3\.[^\n]*File too large\n\Z")
        self.assert_no_leftovers(self.out)
        self.assertEqual(sorted(p.name for p in self.out.glob("*.json")), ["0.json", "1.json", "2.json"])
        self.assertEqual(len(self.found(*arguments)), 6)

    def test_the_result_is_one_document_whatever_ends_the_work(self):
        (self.photos / "4.png").write_bytes((self.photos / "4.png").read_bytes()[:2000])
        result = self.predict(*self.arguments, "--json")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(json.loads(result.stdout)), 8)


class OnATerminal(Prediction):
    """The program in a terminal of 60 columns that answers ESC [ c as it is told."""

    def show(self, *arguments, answer=b"", environment=None):
        """What it writes, how it ends, and whether the terminal is as before."""
        command = [BINARY, "-q", "predict", RUN, "--image", pictures_of(ROOT)[0], "--text", "the star"]
        command += ["--out", self.out, *arguments]
        clean = {"PATH": os.environ["PATH"], "TERM": "xterm", **(environment or {})}
        child, terminal = pty.fork()
        if child == 0:
            os.execve(BINARY, [str(word) for word in command], clean)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 60, 0, 0))
        before, shown = termios.tcgetattr(terminal), b""
        while True:
            try:
                got = os.read(terminal, 65536)
            except OSError:  # what Linux says when the last one closed it
                break
            shown += got
            if b"\x1b[c" in got:
                os.write(terminal, answer)
        after = termios.tcgetattr(terminal)
        os.close(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        self.assertEqual(before, after)
        return code, shown.decode()

    def test_a_terminal_without_graphics_gets_blocks(self):
        code, shown = self.show("--preview", environment={"COLORTERM": "truecolor"})
        self.assertEqual(code, 0, shown)
        rows = [line for line in shown.split("\r\n") if "\u2580" in line]
        # A square in 30 rows, two of them for the answer and the prompt: 56 pixels, two a line.
        self.assertEqual({row.count("\u2580") for row in rows}, {56})
        self.assertEqual(len(rows), 28)
        self.assertIn("\x1b[38;2;", shown)
        _, shown = self.show("--preview")
        self.assertIn("\x1b[38;5;", shown)
        self.assertNotIn("\x1b[38;2;", shown)

    def test_what_the_terminal_answers_or_is_called_decides(self):
        _, shown = self.show("--preview", answer=b"\x1b[?62;4;22c")
        self.assertIn("\x1bP0;1;0q", shown)
        self.assertNotIn("62;4;22c", shown)  # the answer is not echoed
        _, shown = self.show("--preview", environment={"TERM": "xterm-kitty"})
        self.assertIn("\x1b_Gf=100,a=T", shown)
        self.assertNotIn("\x1b[c", shown)  # nothing was asked
        _, shown = self.show("--preview=blocks", environment={"TERM": "xterm-kitty"})
        self.assertIn("\u2580", shown)

    def test_no_colours(self):
        code, shown = self.show("--preview", environment={"NO_COLOR": "1"})
        self.assertEqual(code, 2)
        self.assertIn("NO_COLOR", shown)
        self.assertFalse(self.out.exists())
        code, shown = self.show("--preview=blocks", environment={"NO_COLOR": "1"})
        self.assertIn("\u2580", shown)

    def test_no_terminal(self):
        arguments = ("--image", pictures_of(ROOT)[0], "--text", "the star")
        self.assert_fails(self.predict(*arguments, "--preview"), 2, "terminal on stdout")
        self.assert_fails(self.predict(*arguments, "--preview=ascii"), 2, "--preview")
        self.assert_fails(self.predict(*arguments, "--preview=kitty", "--json"), 2, "--json")
        self.assert_fails(self.predict(*arguments, "--preview=kitty", "--write", "mask"), 2, "--write")
        self.assertFalse(self.out.exists())
        result = self.predict(*arguments, "--preview=kitty")
        self.assertIn("\x1b_Gf=100,a=T", result.stdout)
        self.assertEqual(self.predict(*arguments, "--preview=kitty").stdout, result.stdout)
        self.assertNotIn("\x1b", self.predict(*arguments, "--preview=none").stdout)


if __name__ == "__main__":
    unittest.main()
