"""Training and making data with bad input: one line that says what is wrong, and no run left."""

import json
import pathlib
import shutil
import tempfile
import unittest

from program import (
    CONFIGS,
    STEPS,
    Case,
    broken_copy,
    file_limit,
    files_below,
    make_benchmark,
    run,
    run_well,
    state_of,
    steps_of,
    train,
)


def setUpModule():
    global ROOT, RUN
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_bad_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    RUN = folder / "run"
    result = train(ROOT, RUN)
    if result.returncode != 0:
        raise AssertionError(result.stderr)


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
        result = run("-q", "train", CONFIGS / "clip_plain.yaml", "--run", self.run)
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
        root = broken_copy(ROOT, self.folder, 1)
        result = train(root, self.run, "-q", changes={"train__max_steps": 5})
        self.assert_fails(result, 1, "image_id 1:", "refsynth_000000000001.png", "on_bad_image")

    def test_damaged_pictures_can_be_skipped_and_are_counted(self):
        root = broken_copy(ROOT, self.folder, 2)
        changes = {"data__on_bad_image": "skip", "train__checkpoint_every": 2}
        result = train(root, self.run, changes=changes)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(steps_of(self.run)), STEPS)
        warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
        self.assertEqual(len(warnings), 3, result.stderr)
        self.assertIn("2 images could not be read", warnings[-1])

    def test_when_no_picture_can_be_read_skipping_fails(self):
        root = broken_copy(ROOT, self.folder, 40)
        changes = {"data__on_bad_image": "skip"}
        result = train(root, self.run, "-q", changes=changes)
        self.assert_fails(result, 1, "no image of the batch can be read")

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
