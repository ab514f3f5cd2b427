"""Models, evaluation and prediction with bad input: one line, an exit code, nothing half-written."""

import json
import pathlib
import random
import shutil
import struct
import tempfile
import unittest

from program import (
    Case,
    broken_copy,
    file_limit,
    make_benchmark,
    pictures_of,
    read_safetensors,
    run,
    train,
    write_png,
    write_safetensors,
)


def setUpModule():
    global ROOT, RUN, PICTURE
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_bad_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    RUN = folder / "run"
    result = train(ROOT, RUN)
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    PICTURE = pictures_of(ROOT)[0]


class Checkpoints(Case):
    """eval, predict, a warm start and resuming read checkpoints in the same way."""

    def setUp(self):
        super().setUp()
        self.path = self.folder / "bad.safetensors"
        self.good = RUN / "checkpoints/best.safetensors"

    def without_checksum(self):
        """A changed file is to be refused for its own fault."""
        metadata, tensors = read_safetensors(self.good)
        return {k: v for k, v in metadata.items() if k not in ("checksum", "environment")}, tensors

    def assert_refused(self, *words, code=1):
        self.assert_fails(run("-q", "eval", self.path), code, self.path, *words)

    def with_metadata(self, **changes):
        metadata, tensors = self.without_checksum()
        metadata.update(changes)
        write_safetensors(self.path, metadata, tensors)

    def test_random_bytes(self):
        self.path.write_bytes(random.Random(0).randbytes(10_000))
        self.assert_refused("safetensors")

    def test_an_empty_file(self):
        self.path.write_bytes(b"")
        self.assert_refused("it is empty")

    def test_a_huge_header(self):
        self.path.write_bytes(struct.pack("<Q", 1 << 62) + b"{}")
        self.assert_refused("header claims 4611686018427387904 bytes")

    def test_a_file_cut_short(self):
        data = self.good.read_bytes()
        for size in (4, 8, 100, len(data) // 2, len(data) - 1):
            with self.subTest(size):
                self.path.write_bytes(data[:size])
                self.assert_refused()

    def test_a_file_of_another_program(self):
        write_safetensors(self.path, {"format": "pt"}, {"weight": ("F32", [1], bytes(4))})
        self.assert_refused("no checkpoint of a pcnet run", "layout unknown")

    def test_a_file_that_is_no_safetensors_file(self):
        self.path.write_text("Some words that nobody took for a model.\n" * 30)
        self.assert_refused("is this a safetensors file?")

    def test_broken_metadata(self):
        faults = (
            {"state": "{}"},
            {"state": "[]"},
            {"config": "{"},
            {"vocabulary": "7"},
            {"vocabulary": "[1]"},
            {"vocabulary": "[]"},
            {"config": "[]"},
            {"config": '{"train": {"batch_sise": 3}}'},
        )
        for fault in faults:
            with self.subTest(fault):
                self.with_metadata(**fault)
                result = run("-q", "eval", self.path)
                self.assertIn(result.returncode, (1, 2))
                self.assert_fails(result, result.returncode, self.path)

    def test_weights_that_do_not_fit(self):
        metadata, tensors = self.without_checksum()
        name = sorted(tensors)[0]
        dtype, shape, raw = tensors.pop(name)
        write_safetensors(self.path, metadata, tensors)
        self.assert_refused("does not fit the model", "missing " + name)
        tensors[name] = (dtype, shape, raw)
        tensors["surplus"] = ("F32", [1], bytes(4))
        write_safetensors(self.path, metadata, tensors)
        self.assert_refused("unexpected surplus")

    def test_a_folder_without_checkpoints(self):
        result = run("-q", "eval", self.folder)
        self.assert_fails(result, 1, self.folder, "best.safetensors")

    def test_a_path_that_is_not_there(self):
        self.assert_refused("no run folder or checkpoint")

    def test_every_reader_refuses(self):
        self.path.write_bytes(self.good.read_bytes()[:-1])
        arguments = ("--image", PICTURE, "--text", "the star", "--out", self.folder / "out")
        new = self.folder / "new"
        for result in (
            run("-q", "predict", self.path, *arguments),
            run("-q", "bench", "eval", self.path),
            train(ROOT, new, "-q", changes={"model__clip__weights": self.path}),
            train(ROOT, new, "-q", "--resume", self.path),
        ):
            self.assert_fails(result, 1, self.path)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), [self.path.name])


class Evaluation(Case):
    def test_an_unknown_split(self):
        result = run("-q", "eval", RUN, "--split", "val", "--split", "testC")
        self.assert_fails(result, 1, "testC", "testA, testB, train, val")

    def test_no_model(self):
        self.assert_fails(run("-q", "eval"), 2, "run folder or checkpoint", "--baseline")

    def test_an_unknown_baseline(self):
        result = run("-q", "eval", "--baseline", "corner", "--root", ROOT)
        self.assert_fails(result, 2, "corner", "centre or random")

    def test_an_unknown_segmentor(self):
        self.assert_fails(run("-q", "eval", RUN, "--segmentor", "magic"), 2, "magic", "proposal")
        self.assert_fails(run("-q", "eval", RUN, "--segmentor", "sam"), 2, "sam", "--sam")

    def test_a_damaged_picture(self):
        root = broken_copy(ROOT, self.folder, 40)
        result = run("-q", "eval", RUN, "--root", root)
        self.assert_fails(result, 1, "image_id 35", "on_bad_image")

    def test_results_that_cannot_be_written_are_found_first(self):
        (self.folder / "file").write_text("")
        for option in ("--out", "--per-sentence"):
            path = self.folder / "file/results"
            result = run("eval", RUN, option, path)
            self.assertEqual(result.returncode, 1)
            # No progress line: the fault was found before the work.
            self.assert_fails(result, 1, path)

    def test_two_results_in_one_file(self):
        path = self.folder / "results"
        result = run("-q", "eval", RUN, "--out", path, "--per-sentence", path)
        self.assert_fails(result, 2, path, "--out and --per-sentence")

    def test_a_result_where_a_folder_is(self):
        result = run("eval", RUN, "--out", self.folder)
        self.assert_fails(result, 1, self.folder, "Is a directory")

    def test_a_dataset_that_is_gone_is_named_in_full(self):
        root = self.folder / "data"
        root.symlink_to(ROOT)
        result = train("data", self.folder / "run", cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        root.unlink()
        missing = run("-q", "eval", self.folder / "run")
        self.assert_fails(missing, 1, root, "data.root")
        found = run("-q", "eval", self.folder / "run", "--root", ROOT)
        self.assertEqual(found.returncode, 0, found.stderr)

    def test_a_full_disk(self):
        for option in ("--out", "--per-sentence"):
            path = self.folder / "results"
            path.write_text("older results")
            result = run("-q", "eval", RUN, option, path, preexec_fn=file_limit(100))
            self.assert_fails(result, 1, path, "File too large")
            self.assertEqual(path.read_text(), "older results")
        self.assert_no_leftovers(self.folder)


class Prediction(Case):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "out"

    def predict(self, *arguments, **more):
        return run("-q", "predict", RUN, *arguments, "--out", self.out, **more)

    def assert_refused(self, code, *words, image=None, text="the star", arguments=()):
        result = self.predict("--image", image or PICTURE, "--text", text, *arguments)
        self.assert_fails(result, code, *words)
        self.assertFalse(self.out.exists())

    def test_a_text_without_known_words_lists_the_known(self):
        self.assert_refused(2, '"qwertz uiop"', "circle", text="qwertz uiop")

    def test_an_empty_text(self):
        for text in ("", "  "):
            self.assert_refused(2, "the text is empty", text=text)

    def test_a_damaged_picture(self):
        path = self.folder / "cut.png"
        path.write_bytes(PICTURE.read_bytes()[:2000])
        result = self.predict("--image", path, "--text", "the star")
        self.assert_fails(result, 1, path, "--on-bad-image skip")
        self.assertEqual(list(self.out.iterdir()), [])

    def test_a_picture_that_is_something_else(self):
        path = self.folder / "text.png"
        path.write_text("no image")
        self.assert_refused(1, path, image=path)

    def test_a_missing_picture(self):
        self.assert_refused(1, self.folder / "none.png", image=self.folder / "none.png")

    def test_a_bad_picture_among_good_ones_is_found_first(self):
        missing = self.folder / "none.png"
        self.assert_refused(1, missing, arguments=("--image", missing))

    def test_two_pictures_of_one_name(self):
        twin = self.folder / PICTURE.name
        shutil.copy(PICTURE, twin)
        self.assert_refused(2, PICTURE.stem, "overwrite", arguments=("--image", twin))

    def test_names_that_collide_through_the_number_of_the_text(self):
        names = [self.folder / "a.png", self.folder / "a_0.png"]
        for path in names:
            shutil.copy(PICTURE, path)
        arguments = ["--image", names[0], "--image", names[1]]
        result = self.predict(*arguments, "--text", "the star", "--text", "the circle")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(list(self.out.iterdir())), 5 * 4)

    def test_no_text_and_no_picture(self):
        self.assert_fails(run("-q", "predict", RUN, "--image", PICTURE), 2, "--text")
        self.assert_fails(run("-q", "predict", RUN, "--text", "the star"), 2, "--image")

    def test_a_segmentor_that_needs_a_dataset(self):
        self.assert_refused(2, "proposal", arguments=("--segmentor", "proposal"))

    def test_a_full_disk(self):
        result = self.predict(
            "--image", PICTURE, "--text", "the star", preexec_fn=file_limit(5_000)
        )
        self.assert_fails(result, 1, self.out, "File too large")
        self.assert_no_leftovers(self.out)

    def test_a_folder_below_a_file(self):
        (self.folder / "out").write_text("")
        self.out = self.folder / "out/deeper"
        result = self.predict("--image", PICTURE, "--text", "the star")
        self.assert_fails(result, 1, self.out)

    def test_a_picture_of_one_pixel_has_an_answer(self):
        write_png(self.folder / "dot.png", 1, 1)
        arguments = ("--image", self.folder / "dot.png", "--text", "the star")
        shown = self.predict(*arguments, "--json")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        (document,) = json.loads(shown.stdout)
        self.assertEqual(document["peak"]["x"], 0)
        said = "not found" if document["peak"]["score"] <= 0 else "at x 0, y 0"
        self.assertIn(said, self.predict(*arguments).stdout)

    def test_pictures_of_any_kind_have_answers(self):
        pictures = [self.folder / f"ä ö {colour}.png" for colour in (0, 2, 6)]
        for path, colour in zip(pictures, (0, 2, 6)):
            write_png(path, 7, 300, colour=colour)
        arguments = [part for path in pictures for part in ("--image", path)]
        result = self.predict(*arguments, "--text", "the „star“ star", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        found = [(entry["image"], entry["text"]) for entry in json.loads(result.stdout)]
        self.assertEqual(found, [(str(path), "the „star“ star") for path in pictures])


if __name__ == "__main__":
    unittest.main()
