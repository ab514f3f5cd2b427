"""Bad input: one line that says what is wrong, the exit code, and nothing half-written."""

import json
import pathlib
import random
import shutil
import struct
import tempfile
import unittest

from program import (
    CONFIGS,
    STEPS,
    Case,
    file_limit,
    files_below,
    make_benchmark,
    read_safetensors,
    run,
    run_well,
    state_of,
    steps_of,
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


def pictures_of(root):
    return sorted((root / "images/mscoco/images/train2014").iterdir())


def broken_benchmark(folder, count):
    """A copy whose first training pictures are cut short."""
    root = folder / "data"
    shutil.copytree(ROOT, root)
    for path in pictures_of(root)[:count]:
        path.write_bytes(path.read_bytes()[:1000])
    return root


class Training(Case):
    def setUp(self):
        super().setUp()
        self.run = self.folder / "runs/new"

    def assert_refused(self, code, *words, root=None, arguments=(), changes=None, **more):
        result = train(root or ROOT, self.run, "-q", *arguments, changes=changes, **more)
        self.assert_fails(result, code, *words)
        self.assertFalse((self.folder / "runs/new").exists(), "nothing was trained")

    def test_an_unknown_key_names_the_nearest(self):
        words = ('unknown key "train.batch_sise"', "train.batch_size")
        self.assert_refused(2, *words, changes={"train__batch_sise": 3})

    def test_a_wrong_type_says_what_is_wanted(self):
        words = ("train.batch_size", "many", "integer")
        self.assert_refused(2, *words, changes={"train__batch_size": "many"})

    def test_a_number_out_of_range_names_the_range(self):
        self.assert_refused(2, "train.batch_size", ">= 1", changes={"train__batch_size": 0})

    def test_a_missing_config(self):
        result = run("-q", "train", self.folder / "none.yaml", "--run", self.run)
        self.assert_fails(result, 2, "none.yaml")
        self.assertFalse(self.run.exists())

    def test_a_missing_dataset(self):
        root = self.folder / "no data"
        self.assert_refused(1, root, root=root)

    def test_no_dataset_at_all(self):
        result = run("-q", "train", CONFIGS / "clip.yaml", "--run", self.run)
        self.assert_fails(result, 2, "data.root", "--root")

    def test_an_empty_dataset_folder(self):
        (self.folder / "empty").mkdir()
        self.assert_refused(1, self.folder / "empty", root=self.folder / "empty")

    def test_an_unknown_device(self):
        self.assert_refused(2, '"toaster"', arguments=("--device", "toaster"))

    def test_a_device_that_is_not_there(self):
        self.assert_refused(2, "cuda:97", arguments=("--device", "cuda:97"))

    def test_missing_starting_weights(self):
        changes = {"model__clip__weights": self.folder / "none"}
        self.assert_refused(1, self.folder / "none", changes=changes)

    def test_starting_weights_of_another_size(self):
        changes = {"model__clip__weights": RUN, "model__clip__visual__width": 16}
        self.assert_refused(1, RUN, "does not fit the model", changes=changes)

    def test_a_checkpoint_to_resume_that_is_missing(self):
        words = ("none.safetensors", "wanted auto, never or a last.safetensors")
        self.assert_refused(2, *words, arguments=("--resume", self.folder / "none.safetensors"))
        self.assert_refused(2, '"atuo"', arguments=("--resume", "atuo"))

    def test_no_split_to_validate_on(self):
        self.assert_refused(2, "eval.splits is empty", changes={"eval__splits": "[]"})

    def test_no_text_to_contrast_with(self):
        names = ("captions", "expressions", "cues")
        changes = {f"train__contrastive__{name}": 0 for name in names}
        self.assert_refused(2, "train.contrastive", "all 0", changes=changes)

    def test_texts_longer_than_the_context(self):
        words = ("data.text_length is 16", "model.clip.text.context_length")
        self.assert_refused(2, *words, changes={"model__clip__text__context_length": 8})

    def test_an_unknown_split_is_found_before_training(self):
        words = ("testC", "testA, testB, train, val")
        self.assert_refused(1, *words, changes={"eval__splits": "[testC]"})

    def test_an_unknown_second_split_is_found_before_training(self):
        self.assert_refused(1, "testC", changes={"eval__splits": "[val, testC]"})

    def test_a_folder_below_a_file_cannot_be_made(self):
        (self.folder / "file").write_text("")
        result = train(ROOT, self.folder / "file/run", "-q")
        self.assert_fails(result, 1, "cannot create the folder", self.folder / "file/run")

    def test_a_run_folder_that_is_a_file(self):
        (self.folder / "file").write_text("")
        result = train(ROOT, self.folder / "file", "-q")
        self.assert_fails(result, 1, self.folder / "file", "Not a directory")

    def test_a_full_disk_at_the_first_checkpoint(self):
        result = train(ROOT, self.run, "-q", preexec_fn=file_limit(100_000))
        self.assert_fails(result, 1, "cannot write", "checkpoints", "File too large")
        self.assertEqual(list((self.run / "checkpoints").iterdir()), [])

    def test_a_damaged_picture_stops_the_run(self):
        root = broken_benchmark(self.folder, 1)
        result = train(root, self.run, "-q", changes={"train__max_steps": 5})
        self.assert_fails(result, 1, "image_id 1:", "refsynth_000000000001.png", "on_bad_image")

    def test_damaged_pictures_can_be_skipped_and_are_counted(self):
        root = broken_benchmark(self.folder, 2)
        changes = {"data__on_bad_image": "skip", "train__checkpoint_every": 2}
        result = train(root, self.run, changes=changes)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(steps_of(self.run)), STEPS)
        warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
        self.assertEqual(len(warnings), 3, result.stderr)
        self.assertIn("2 pictures could not be read", warnings[-1])

    def test_when_no_picture_can_be_read_skipping_fails(self):
        root = broken_benchmark(self.folder, 40)
        changes = {"data__on_bad_image": "skip"}
        result = train(root, self.run, "-q", changes=changes)
        self.assert_fails(result, 1, "no picture of the batch can be read")

    def test_a_batch_larger_than_the_dataset_is_the_dataset(self):
        result = train(ROOT, self.run, changes={"train__batch_size": 500, "train__max_steps": 2})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([event["epoch"] for event in steps_of(self.run)], [0, 1])

    def test_no_step_leaves_an_untrained_model(self):
        result = train(ROOT, self.run, changes={"train__max_steps": 0})
        self.assertEqual(result.returncode, 0, result.stderr)
        for name in ("best", "last"):
            self.assertEqual(state_of(self.run / f"checkpoints/{name}.safetensors")["step"], 0)
        shown = run_well("-q", "--json", "eval", self.run)
        self.assertGreater(json.loads(shown.stdout)["splits"]["val"]["sentences"], 0)

    def test_a_loss_that_is_no_number_keeps_the_last_checkpoint(self):
        changes = {"train__learning_rate": 1e30, "train__checkpoint_every": 1}
        result = train(ROOT, self.run, "-q", changes=changes)
        self.assert_fails(result, 1, " is nan at step ", "lower train.learning_rate")
        last = self.run / "checkpoints/last.safetensors"
        self.assertEqual(state_of(last)["step"], len(steps_of(self.run)))
        self.assert_no_leftovers(self.run)


class Checkpoints(Case):
    """eval, predict, a warm start and resuming read checkpoints in the same way."""

    def setUp(self):
        super().setUp()
        self.path = self.folder / "bad.safetensors"
        self.good = RUN / "checkpoints/best.safetensors"

    def assert_refused(self, *words, code=1):
        self.assert_fails(run("-q", "eval", self.path), code, self.path, *words)

    def with_metadata(self, **changes):
        metadata, tensors = read_safetensors(self.good)
        metadata.update(changes)
        write_safetensors(self.path, metadata, tensors)

    def test_random_bytes(self):
        self.path.write_bytes(random.Random(0).randbytes(10_000))
        self.assert_refused("safetensors")

    def test_an_empty_file(self):
        self.path.write_bytes(b"")
        self.assert_refused("0 bytes")

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
        self.assert_refused("no checkpoint of pcnet", '"pt"')

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
        metadata, tensors = read_safetensors(self.good)
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
        self.assert_fails(run("-q", "eval", RUN, "--segmentor", "sam"), 2, "sam")

    def test_a_damaged_picture(self):
        root = broken_benchmark(self.folder, 40)
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

    def test_from_another_folder_a_relative_dataset_is_named_in_full(self):
        result = train("data", self.folder / "run", cwd=ROOT.parent)
        self.assertEqual(result.returncode, 0, result.stderr)
        missing = run("-q", "eval", self.folder / "run", cwd=self.folder)
        self.assert_fails(missing, 1, self.folder / "data", "--root")
        found = run("-q", "eval", self.folder / "run", "--root", ROOT, cwd=self.folder)
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
        self.assert_refused(1, path, image=path)

    def test_a_picture_that_is_something_else(self):
        path = self.folder / "text.png"
        path.write_text("no picture")
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


class Synthesis(Case):
    def test_a_full_disk_leaves_nothing(self):
        result = run(
            *("-q", "data", "synth", "--out", self.folder / "data", "--images", "8"),
            preexec_fn=file_limit(1000),
        )
        self.assert_fails(result, 1, "cannot write", "File too large")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_folder_below_a_file(self):
        (self.folder / "file").write_text("")
        path = self.folder / "file/data"
        result = run("-q", "data", "synth", "--out", path, "--images", "8")
        self.assert_fails(result, 1, self.folder / "file")

    def test_a_folder_with_other_things_is_left_alone(self):
        (self.folder / "letter.txt").write_text("dear")
        before = files_below(self.folder)
        result = run("-q", "data", "synth", "--out", self.folder, "--images", "8")
        self.assert_fails(result, 1, self.folder)
        self.assertEqual(files_below(self.folder), before)

    def test_a_negative_seed(self):
        result = run("-q", "data", "synth", "--out", self.folder / "data", "--seed", "-1")
        self.assert_fails(result, 2, "--seed", "whole number from 0")

    def test_an_unknown_difficulty(self):
        arguments = ("--out", self.folder / "data", "--difficulty", "cruel")
        result = run("-q", "data", "synth", *arguments)
        self.assert_fails(result, 2, "cruel", "easy, standard or hard")


if __name__ == "__main__":
    unittest.main()
