"""Where a run's files come from: what a call names, what the run stored, what lies beside the data."""

import json
import pathlib
import pickle
import shutil
import tempfile
import unittest
import zlib

from program import (
    IMAGES,
    Case,
    read_checkpoint,
    read_lines,
    run,
    run_well,
    start_training,
    state_of,
    steps_done,
    steps_of,
    train,
    wait_for,
)

FEW = {"train__max_steps": 3, "eval__splits": "[val]"}
CONFIG = "pcnet.yaml"


def setUpModule():
    """Two benchmarks whose sentence ids overlap, and a run of the first with cues of its own."""
    global FOLDER, ONE, TWO, CUES, RUN
    FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_paths_"))
    unittest.addModuleCleanup(shutil.rmtree, FOLDER)
    ONE, TWO = (make(FOLDER / name, seed) for name, seed in (("one", 0), ("two", 1)))
    CUES = FOLDER / "mine.jsonl"
    turned(ONE / "refsynth/cues.jsonl", CUES)
    RUN = FOLDER / "runs/run"
    train_well(ONE, RUN, "--cues", CUES)


def make(root, seed):
    size = ("--images", IMAGES, "--difficulty", "easy", "--seed", seed)
    run_well("data", "synth", "--out", root, *size)
    return root


def turned(source, target):
    """The same sentences with their cues in another order, which gives other answers."""
    lines = [{**line, "cues": line["cues"][::-1]} for line in read_lines(source)]
    target.write_text("".join(json.dumps(line) + "\n" for line in lines))


def train_well(root, folder, *arguments, changes=None, **more):
    changes = {**FEW, **(changes or {})}
    result = train(root, folder, *arguments, config=CONFIG, changes=changes, **more)
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    return result


def evaluate(model, *arguments, **more):
    """What eval says, and its log."""
    result = run_well("--json", "eval", model, *arguments, **more)
    return json.loads(result.stdout), result.stderr


def digest(path):
    return f"crc32:{zlib.crc32(path.read_bytes()):08x}"


def named(path):
    return {"file": str(path), "digest": digest(path)}


class AnotherDataset(Case):
    def test_takes_its_own_files(self):
        own = TWO / "refsynth/cues.jsonl"
        found, log = evaluate(RUN, "--root", TWO)
        self.assertEqual(found["protocol"]["cues"], named(own))
        self.assertEqual(found["protocol"]["root"], str(TWO))
        self.assertIn(f"not taken along: data.cues {CUES}\n", log)
        explicit, log = evaluate(RUN, "--root", TWO, "--cues", own)
        self.assertEqual(found, explicit)
        # The cues decide: others give other maps.
        turned(own, self.folder / "turned.jsonl")
        split = ("--root", TWO, "--split", "train")
        mine, _ = evaluate(RUN, *split)
        other, _ = evaluate(RUN, *split, "--cues", self.folder / "turned.jsonl")
        self.assertNotEqual(other["splits"], mine["splits"])

    def test_refuses_cues_of_other_sentences(self):
        result = run("-q", "eval", RUN, "--root", TWO, "--cues", CUES)
        self.assert_fails(result, 1, CUES, "other sentences", "sent_id 1", "pcnet cues make",
                          "--cues rules")
        for command in (("cues", "check"), ("cues", "import", CUES)):
            self.assertEqual(run("-q", *command, "--root", TWO, "--cues", CUES).returncode, 1)
        checked = run("--json", "data", "check", "--root", TWO, "--cues", CUES)
        self.assertEqual(checked.returncode, 1)
        self.assertIn("cues of another dataset", checked.stdout)
        trained = train(TWO, self.folder / "run", "-q", "--cues", CUES, config=CONFIG)
        self.assert_fails(trained, 1, CUES, "other sentences")

    def test_the_runs_own_takes_the_runs_files(self):
        found, log = evaluate(RUN)
        self.assertEqual(found["protocol"]["cues"], named(CUES))
        self.assertNotIn("not taken along", log)
        spelt, _ = evaluate(RUN, "--root", ONE / "refsynth")
        self.assertEqual(spelt["splits"], found["splits"])
        self.assertEqual(spelt["protocol"]["cues"], named(CUES))
        result = json.loads((RUN / "results.json").read_text())
        self.assertEqual(result["protocol"]["cues"], named(CUES))
        self.assertEqual(result["splits"], found["splits"])

    def test_refuses_proposals_of_other_pictures(self):
        command = ("eval", RUN, "--root", TWO, "--segmentor", "proposal")
        other = ONE / "refsynth/proposals.jsonl"
        self.assert_fails(run("-q", *command, "--proposals", other), 1, other, "other images")
        found, _ = evaluate(*command[1:])
        self.assertEqual(found["protocol"]["proposals"], named(TWO / "refsynth/proposals.jsonl"))
        self.assertIsNone(evaluate(RUN)[0]["protocol"]["proposals"])

    def test_datasets_of_the_same_pictures_share_proposals(self):
        plus = self.folder / "data"
        shutil.copytree(ONE, plus)
        (plus / "refsynth").rename(plus / "refcoco+")
        path = plus / "refcoco+/refs(unc).p"
        refs = pickle.loads(path.read_bytes())
        for ref in refs:
            ref["sentences"] = ref["sentences"][:1]
        path.write_bytes(pickle.dumps(refs, protocol=0))
        (plus / "refcoco+/proposals.jsonl").unlink()
        shared = ONE / "refsynth/proposals.jsonl"
        found, _ = evaluate(RUN, "--root", plus, "--segmentor", "proposal", "--proposals", shared)
        self.assertEqual(found["protocol"]["dataset"], "refcoco+")
        self.assertEqual(found["protocol"]["proposals"], named(shared))

    def test_several_datasets_must_be_told_apart(self):
        both = self.folder / "both"
        for name, root in (("refcoco", ONE), ("refcoco+", TWO)):
            shutil.copytree(root / "refsynth", both / name)
        self.assert_fails(run("-q", "eval", RUN, "--root", both), 1, "several", "--dataset")

    def test_a_pack_brings_all_its_own(self):
        packs = {root: self.folder / f"{root.name}.pack" for root in (ONE, TWO)}
        for root, path in packs.items():
            command = ("data", "pack", RUN / "config.yaml", "--root", root, "--cues",
                       root / "refsynth/cues.jsonl", "--out", path)
            run_well(*command)
        found, log = evaluate(RUN, "--pack", packs[TWO])
        self.assertIn("not taken along", log)
        from_files, _ = evaluate(RUN, "--root", TWO)
        self.assertEqual(found["splits"], from_files["splits"])
        pack = found["protocol"]["pack"]
        self.assertEqual(pack["file"], str(packs[TWO]))
        self.assertRegex(pack["digest"], r"\Acrc32:[0-9a-f]{8}\Z")
        self.assertIsNone(found["protocol"]["cues"])  # the pack's
        other, _ = evaluate(RUN, "--pack", packs[ONE])
        self.assertNotEqual(other["protocol"]["pack"]["digest"], pack["digest"])

    def test_a_config_that_names_data_leaves_them_too(self):
        folder = self.folder / "run"
        command = ("train", RUN / "config.yaml", "--root", TWO, "--run", folder)
        self.assertIn(f"not taken along: data.cues {CUES}", run_well(*command).stderr)
        result = json.loads((folder / "results.json").read_text())
        self.assertEqual(result["protocol"]["cues"], named(TWO / "refsynth/cues.jsonl"))


class OlderFiles(Case):
    def test_cues_without_their_sentences_are_taken_with_a_warning(self):
        older = self.folder / "older.jsonl"
        lines = [{"sent_id": line["sent_id"], "cues": line["cues"]} for line in read_lines(CUES)]
        older.write_text("".join(json.dumps(line) + "\n" for line in lines))
        found, log = evaluate(RUN, "--cues", older)
        self.assertEqual(log.count("taken by sent_id alone"), 1)
        self.assertEqual(found["splits"], evaluate(RUN)[0]["splits"])
        self.assertEqual(found["protocol"]["cues"], named(older))
        self.assertNotIn("sent_id alone", evaluate(RUN)[1])

    def test_proposals_without_their_pictures_too(self):
        older = self.folder / "older.jsonl"
        lines = read_lines(ONE / "refsynth/proposals.jsonl")
        lines = [{key: line[key] for key in ("image_id", "proposals")} for line in lines]
        older.write_text("".join(json.dumps(line) + "\n" for line in lines))
        _, log = evaluate(RUN, "--segmentor", "proposal", "--proposals", older)
        self.assertEqual(log.count("taken by image_id alone"), 1)

    def test_cues_made_anew_gain_their_sentences(self):
        out = self.folder / "cues.jsonl"
        command = ("cues", "make", "--root", ONE, "--out", out)
        run_well(*command)
        whole = out.read_bytes()
        lines = [{"sent_id": line["sent_id"], "cues": line["cues"]} for line in read_lines(out)]
        out.write_text("".join(json.dumps(line) + "\n" for line in lines))
        run_well(*command)  # no --replace: the cues are the same
        self.assertEqual(out.read_bytes(), whole)


class ByRules(Case):
    def setUp(self):
        super().setUp()
        self.root = self.folder / "data"
        shutil.copytree(ONE, self.root)
        (self.root / "refsynth/cues.jsonl").unlink()

    def test_cues_are_made_in_memory(self):
        made = self.folder / "made.jsonl"
        run_well("cues", "make", "--root", self.root, "--out", made)
        count = len(read_lines(made))
        found, log = evaluate(RUN, "--root", self.root, "--cues", "rules")
        self.assertRegex(log, rf"cues by rules, in memory: \d+ for {count} sentences")
        self.assertEqual(found["protocol"]["cues"], "rules")
        self.assertFalse((self.root / "refsynth/cues.jsonl").exists())
        from_file, _ = evaluate(RUN, "--root", self.root, "--cues", made)
        self.assertEqual(found["splits"], from_file["splits"])
        for command in (("cues", "check"), ("data", "check"), ("data", "stats")):
            run_well(*command, "--root", self.root, "--cues", "rules")
        run_well("bench", "eval", RUN, "--root", self.root, "--cues", "rules", "--repeats", 1)

    def test_training_takes_them_too(self):
        missing = train(self.root, self.folder / "none", "-q", config=CONFIG, changes=FEW)
        self.assert_fails(missing, 2, "no cues", "pcnet cues make", "--cues rules")
        folder = self.folder / "run"
        self.assertIn("cues by rules, in memory",
                      train_well(self.root, folder, "--cues", "rules").stderr)
        result = json.loads((folder / "results.json").read_text())
        self.assertEqual(result["protocol"]["cues"], "rules")
        found, _ = evaluate(folder)  # stored as the word that it is
        self.assertEqual(found["protocol"]["cues"], "rules")
        self.assertEqual(found["splits"], result["splits"])
        # Of whatever sentences there are: they go along to another dataset.
        self.assertEqual(evaluate(folder, "--root", TWO)[0]["protocol"]["cues"], "rules")

    def test_a_pack_keeps_those_of_a_file(self):
        packed = run("-q", "data", "pack", "--root", self.root, "--cues", "rules", "--out",
                     self.folder / "a.pack")
        self.assert_fails(packed, 2, "rules", "pcnet cues make")

    def test_without_cues_a_sentence_is_its_own_and_the_way_out_is_named(self):
        _, log = evaluate(RUN, "--root", self.root)
        self.assertIn("--cues rules", log)


class Moved(Case):
    """`work/data`, `work/mine.jsonl` and `work/runs/run`, trained from `work` with short names."""

    def setUp(self):
        super().setUp()
        self.work = self.folder / "work"
        shutil.copytree(ONE, self.work / "data")
        shutil.copy(CUES, self.work)

    def train(self):
        train_well("data", "runs/run", "--cues", "mine.jsonl", cwd=self.work)
        return self.work / "runs/run"

    def move(self):
        elsewhere = self.folder / "elsewhere"
        self.work.rename(elsewhere)
        return elsewhere

    def test_a_run_works_from_any_working_folder(self):
        folder = self.train()
        text = (folder / "config.yaml").read_text()
        for path in (self.work / "data", self.work / "mine.jsonl", folder):
            self.assertIn(f": {path}\n", text)
        from_work, _ = evaluate("runs/run", cwd=self.work)
        from_elsewhere, _ = evaluate(folder, cwd=self.folder)
        self.assertEqual(from_work["splits"], from_elsewhere["splits"])
        self.assertEqual(from_work["protocol"], from_elsewhere["protocol"])

    def test_a_run_moves_with_its_data(self):
        before, _ = evaluate(self.train())
        new = self.move()
        after, log = evaluate(new / "runs/run", cwd="/")
        self.assertEqual(after["splits"], before["splits"])
        self.assertEqual(after["protocol"]["cues"], named(new / "mine.jsonl"))
        self.assertIn(f"data.root: taken from {new / 'data'}", log)

    def test_a_run_moves_alone(self):
        folder = self.train()
        before, _ = evaluate(folder)
        new = self.folder / "kept"
        folder.rename(new)
        after, _ = evaluate(new, cwd="/")
        self.assertEqual(after["splits"], before["splits"])
        self.assertEqual(after["protocol"], before["protocol"])

    def test_what_lies_nowhere_is_named_with_both_places(self):
        folder = self.train()
        new = self.folder / "deep/runs/kept"
        new.parent.mkdir(parents=True)
        folder.rename(new)
        (self.work / "mine.jsonl").unlink()
        result = run("-q", "eval", new)
        wanted = (self.work / "mine.jsonl", self.folder / "deep/mine.jsonl", "data.cues")
        self.assert_fails(result, 1, *wanted)
        run_well("eval", new, "--cues", "rules")
        picture = next((self.work / "data/images/mscoco/images/train2014").iterdir())
        command = ("--image", picture, "--text", "the red circle", "--out", self.folder / "out")
        run_well("predict", new, *command)  # needs none

    def test_training_goes_on_with_its_own_texts_alone(self):
        changes = {**FEW, "train__max_steps": 40, "train__checkpoint_every": 1}

        def go_on(root, *more):
            return train(root, folder, "--resume", "auto", *more, config=CONFIG, changes=changes)

        folder = self.folder / "run"
        cues = self.folder / "cues.jsonl"
        shutil.copy(CUES, cues)
        with start_training(ONE, folder, "--cues", cues, config=CONFIG, changes=changes) as process:
            wait_for(lambda: steps_done(folder) >= 2, process)
            process.kill()
            process.wait()
        self.assert_fails(go_on(TWO), 2, "training sentences", "--resume-anyway")
        turned(cues, cues)
        self.assert_fails(go_on(ONE, "--cues", cues), 2, "their cues", "--resume-anyway")
        again = go_on(ONE, "--cues", cues, "--resume-anyway")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("their cues or CLIP scores are others", again.stderr)

    def test_training_goes_on_after_a_move(self):
        changes = {**FEW, "train__max_steps": 40, "train__checkpoint_every": 1}
        whole = self.folder / "whole"
        train_well(ONE, whole, "--cues", CUES, changes=changes)
        folder = self.work / "runs/run"
        arguments = ("--cues", self.work / "mine.jsonl")
        with start_training(self.work / "data", folder, *arguments, config=CONFIG,
                            changes=changes) as process:
            wait_for(lambda: steps_done(folder) >= 3, process)
            process.kill()
            process.wait()
        new = self.move() / "runs/run"
        result = run_well("train", new / "config.yaml", "--resume", "auto", cwd="/")
        self.assertIn("going on from", result.stderr)
        self.assertEqual(steps_of(new)[-1]["step"], 40)
        self.assertEqual(steps_of(new)[-1]["loss"], steps_of(whole)[-1]["loss"])
        self.assertFalse(self.work.exists())


class FrozenClip(Case):
    CALIBRATED = {"loss__calibration__weight": 1, "train__checkpoint_every": 1}

    def setUp(self):
        super().setUp()
        self.work = self.folder / "work"
        self.clip = self.work / "clip"
        tiny = {"train__max_steps": 1}
        self.assertEqual(train(ONE, self.clip, config="clip_plain.yaml", changes=tiny).returncode, 0)
        self.run = self.work / "run"
        self.changes = {**FEW, **self.CALIBRATED, "train__max_steps": 40}
        started = start_training(ONE, self.run, config=CONFIG,
                                 changes={**self.changes, "model__clip__weights": self.clip})
        with started as process:
            wait_for(lambda: steps_done(self.run) >= 2, process)
            process.kill()
            process.wait()

    def resume(self, folder, *more):
        return train(ONE, folder, "--resume", "auto", *more, config=CONFIG, changes=self.changes)

    def test_is_found_beside_a_run_that_was_moved(self):
        new = self.folder / "elsewhere"
        self.work.rename(new)
        result = self.resume(new / "run")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"loss.calibration.weights: taken from {new / 'clip'}", result.stderr)
        stored = json.loads(read_checkpoint(new / "run/checkpoints/last.safetensors")[0]["config"])
        self.assertEqual(stored["loss"]["calibration"]["weights"], str(new / "clip"))

    def test_must_hold_what_it_held(self):
        best = self.clip / "checkpoints/best.safetensors"
        last = self.run / "checkpoints/last.safetensors"
        self.assertEqual(state_of(last)["frozen_clip"], digest(best))
        again = self.folder / "again"
        changes = {"train__max_steps": 2}
        self.assertEqual(train(ONE, again, config="clip_plain.yaml", changes=changes).returncode, 0)
        shutil.copy(again / "checkpoints/best.safetensors", best)
        self.assert_fails(self.resume(self.run, "-q"), 2, self.clip, "another frozen CLIP",
                          "--resume-anyway")
        taken = self.resume(self.run, "--resume-anyway")
        self.assertEqual(taken.returncode, 0, taken.stderr)
        self.assertIn("another frozen CLIP", taken.stderr)
        self.assertEqual(state_of(last)["frozen_clip"], digest(best))


if __name__ == "__main__":
    unittest.main()
