"""A study of several settings and seeds: planned, trained, shared, stopped, resumed, and its tables."""

import csv
import json
import pathlib
import shutil
import signal
import statistics
import tempfile
import unittest

from program import (
    BINARY,
    CONFIGS,
    Case,
    make_benchmark,
    run,
    run_well,
    settings,
    started,
    text_of,
    wait_for,
)

STUDY = """
title: a small study
start: {start}
seeds: [0, 1]
metrics: [point_m, kinds.attribute.point_m, precision.0.5]
set: {{eval.splits: [val, testA]}}
baseline: Cls
tables:
  - title: components
    config: {pcnet}
    rows:
      - name: Cls
        config: {tris}
        paper: {{point_m: 51.7}}
      - name: all
        paper: {{point_m: 58.6}}
  - title: stages
    config: {pcnet}
    baseline: first
    rows:
      - {{name: first, stage: 0}}
      - {{name: last, stage: 2}}
      - {{name: last on testA, split: testA}}
"""


def setUpModule():
    global FOLDER, ROOT
    FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_study_"))
    unittest.addModuleCleanup(shutil.rmtree, FOLDER)
    ROOT = make_benchmark(FOLDER / "data")


class Study(Case):
    def write(self, text=STUDY, name="small.yaml"):
        path = self.folder / name
        names = {"start": "clip_plain", "pcnet": "pcnet", "tris": "tris"}
        path.write_text(text.format(**{k: CONFIGS / f"{v}.yaml" for k, v in names.items()}))
        return path

    def command(self, *files, **changes):
        out = ("--out", self.folder / "out", "--root", ROOT)
        return ("study", *files, *out, *settings(**{"train__max_steps": 2, **changes}))

    def test_tables_hold_what_the_runs_reached(self):
        study = self.write()
        out = self.folder / "out"
        document = json.loads(run_well("--json", *self.command(study, "--jobs", "2")).stdout)
        self.assertEqual((document["done"], document["failed"], document["to_do"]), (6, 0, 0))
        components, stages = document["studies"][0]["tables"]
        for row in components["rows"]:
            points = []
            for found in row["runs"]:
                results = json.loads((pathlib.Path(found["folder"]) / "results.json").read_text())
                val = results["splits"]["val"]
                points.append(val["point_m"])
                self.assertEqual(found["figures"]["point_m"], val["point_m"])
                kind = val["kinds"]["attribute"]["point_m"]
                self.assertEqual(found["figures"]["kinds.attribute.point_m"], kind)
                self.assertEqual(found["figures"]["precision.0.5"], val["precision"]["0.5"])
            self.assertAlmostEqual(row["figures"]["point_m"]["mean"], statistics.mean(points))
            deviation = row["figures"]["point_m"]["deviation"]
            self.assertAlmostEqual(deviation, statistics.stdev(points))
        first, last, other = stages["rows"]
        for stage, row in ((0, first), (2, last)):
            for found in row["runs"]:
                results = json.loads((pathlib.Path(found["folder"]) / "results.json").read_text())
                wanted = results["splits"]["val"]["stages"][stage]["point_m"]
                self.assertEqual(found["figures"]["point_m"], wanted)
        # The rows of both tables that train the same share their runs.
        folders = [[found["folder"] for found in row["runs"]] for row in (first, last, other)]
        self.assertEqual(folders[0], folders[1])
        self.assertEqual(folders[0], [run["folder"] for run in components["rows"][1]["runs"]])
        self.assertEqual(folders[0], folders[2])
        self.assertEqual(json.loads((out / "small/study.json").read_text())["tables"][1], stages)
        markdown = (out / "small/study.md").read_text()
        self.assertIn("| | PointM | attribute | Prec@0.5 |".replace("| |", "|  |"), markdown)
        with (out / "small/study.csv").open() as lines:
            rows = list(csv.DictReader(lines))
        self.assertEqual(len(rows), 10)
        self.assertEqual(rows[0]["paper_point_m"], "51.7")
        self.assertEqual({row["state"] for row in rows}, {"done"})
        # Again: nothing is trained, nothing changes.
        before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/checkpoints/*")}
        again = json.loads(run_well("--json", *self.command(study)).stdout)
        self.assertEqual(again["studies"][0]["tables"], document["studies"][0]["tables"])
        after = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/checkpoints/*")}
        self.assertEqual(before, after)

    def test_a_dry_run_writes_nothing(self):
        result = run_well(*self.command(self.write(), "--dry-run", "--seed", "7"))
        self.assertIn("to do  Cls, seed 7: ", result.stdout)
        self.assertIn("0 runs are done, 3 to do", result.stdout)
        self.assertFalse((self.folder / "out").exists())

    def test_a_run_is_known_by_what_decides_it(self):
        ras = "loss.region_aware_shrinking"
        rows = {
            "off": f"{ras}.weight: 0",
            "off, with options": f"{ras}.weight: 0, {ras}.scores: mean",
            "on": "",
            "on, told so": f"{ras}.weight: 1, data.workers: 1, train.log_every: 2",
            "on, with options": f"{ras}.scores: mean",
        }
        text = "\n".join(f"      - {{name: '{name}', set: {{{what}}}}}" for name, what in rows.items())
        study = self.folder / "rows.yaml"
        study.write_text(
            f"config: {CONFIGS}/pcnet.yaml\ntables:\n  - title: t\n    rows:\n{text}\n"
        )
        result = run_well("--json", "study", study, "--root", ROOT, "--dry-run")
        (table,) = json.loads(result.stdout)["studies"][0]["tables"]
        off, also_off, on, also_on, other = (row["runs"][0]["folder"] for row in table["rows"])
        self.assertEqual(off, also_off)
        self.assertEqual(on, also_on)
        self.assertEqual(len({off, on, other}), 3)

    def test_a_row_that_asks_a_trained_model_otherwise_trains_nothing(self):
        study = self.folder / "rows.yaml"
        study.write_text(f"""
config: {CONFIGS}/pcnet.yaml
metrics: [point_m, miou, ties]
baseline: maps
tables:
  - title: masks
    rows:
      - {{name: maps}}
      - {{name: proposals, set: {{eval.segmentor: proposal}}, paper: {{miou: [52.2, 48.6]}}}}
      - {{name: largest, set: {{eval.segmentor: proposal, eval.proposal_tie: largest}}}}
      - {{name: SAM, set: {{eval.segmentor: sam}}}}
      - {{name: theirs, published: yes, paper: {{point_m: 40}}}}
""")
        command = self.command(study, train__max_steps=2)
        document = json.loads(run_well("--json", *command).stdout)
        self.assertEqual((document["done"], document["failed"], document["to_do"]), (3, 0, 0))
        (table,) = document["studies"][0]["tables"]
        maps, proposals, largest, sam, theirs = table["rows"]
        trained, by_proposal = (pathlib.Path(row["runs"][0]["folder"]) for row in (maps, proposals))
        self.assertTrue(list(trained.glob("checkpoints/*")))
        self.assertEqual([path.name for path in by_proposal.iterdir()], ["results.json"])
        self.assertIn("eval.sam.weights", sam["skipped"])
        self.assertEqual((sam["runs"], theirs["runs"]), ([], []))
        # The same as by hand.
        options = ("--root", ROOT, "--segmentor", "proposal", "--split", "val")
        by_hand = json.loads(run_well("--json", "eval", trained, *options).stdout)
        written = json.loads((by_proposal / "results.json").read_text())
        self.assertEqual(written["protocol"], by_hand["protocol"])
        val = by_hand["splits"]["val"]
        self.assertEqual(written["splits"]["val"], val)
        figures = proposals["runs"][0]["figures"]
        self.assertEqual(figures, {name: val[name] for name in ("point_m", "miou", "ties")})
        self.assertEqual(figures["point_m"], maps["runs"][0]["figures"]["point_m"])
        self.assertNotIn("ties", maps["runs"][0]["figures"])
        markdown = (self.folder / "out/rows/study.md").read_text()
        self.assertIn("52.2 / 48.6", markdown)
        self.assertIn("Skipped: SAM: ", markdown)
        # What a row does not look at makes it no other.
        weights = ("--set", "eval.sam.weights=mobile_sam.pt")
        dry = json.loads(run_well("--json", *command, *weights, "--dry-run").stdout)
        self.assertEqual((dry["done"], dry["to_do"]), (3, 1))
        rows = dry["studies"][0]["tables"][0]["rows"]
        for old, new in zip((maps, proposals, largest), rows[:3], strict=True):
            self.assertEqual(old["runs"][0]["folder"], new["runs"][0]["folder"])
        # An evaluation that fails leaves the others, and its reason.
        result = run(*command, *weights)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r"Failed: SAM, seed 0: .*mobile_sam.pt")

    def test_clip_alone_is_evaluated_without_training(self):
        study = self.folder / "clip.yaml"
        study.write_text(f"""
config: {CONFIGS}/pcnet.yaml
start: {CONFIGS}/clip_plain.yaml
metrics: [point_m, miou]
tables:
  - title: CLIP
    rows:
      - {{name: crop, set: {{eval.method: clip-crop}}}}
      - {{name: map, set: {{eval.method: clip-map}}}}
""")
        attention = {
            "model__clip__text__tokenizer": "bpe",
            "model__clip__text__heads": 1,
            "model__clip__visual__strides": "[1,2,2]",
            "model__clip__visual__attention_pool": "true",
            "model__clip__visual__heads": 2,
            "model__clip__visual__output_dim": 64,
            "model__clip__visual__resolution": 96,
        }
        document = json.loads(run_well("--json", *self.command(study, **attention)).stdout)
        self.assertEqual((document["done"], document["failed"]), (3, 0))  # the start, two evaluations
        for row in document["studies"][0]["tables"][0]["rows"]:
            results = json.loads((pathlib.Path(row["runs"][0]["folder"]) / "results.json").read_text())
            self.assertIn("runs/clip_plain-s0-", results["checkpoint"])
            self.assertEqual(results["protocol"]["method"], "clip-" + row["name"])

    def test_a_stopped_study_goes_on(self):
        study = self.write()
        # So many steps that a run cannot end before it is stopped.
        command = self.command(study, train__max_steps=100000, train__checkpoint_every=5)
        with started([BINARY, *map(str, command)]) as process:
            wait_for(lambda: list(self.folder.glob("out/runs/*/checkpoints/last.*")), process)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate()
        self.assertEqual(process.returncode, 130, said)
        self.assertIn("go on with the same command", said)
        (log,) = self.folder.glob("out/runs/*.log")
        self.assertIn("saved in", log.read_text())
        self.assertIn("(0 of 2 runs)", (self.folder / "out/small/study.md").read_text())
        with started([BINARY, *map(str, command)]) as process:
            wait_for(lambda: "going on from" in text_of(log), process)
            process.send_signal(signal.SIGTERM)
            process.communicate()
        self.assertEqual(process.returncode, 143)

    def test_a_killed_study_leaves_no_run_behind(self):
        command = self.command(self.write(), train__max_steps=100000)
        with started([BINARY, *map(str, command)]) as process:
            wait_for(lambda: list(self.folder.glob("out/runs/*/log.jsonl")), process)
            process.kill()
            process.wait()
        (log,) = self.folder.glob("out/runs/*.log")
        with started(["sleep", "60"]) as clock:
            wait_for(lambda: "stopped after step" in text_of(log), clock)

    def test_a_failed_run_is_told_and_the_others_go_on(self):
        text = STUDY.replace("- name: Cls\n", "- name: Cls\n        set: {{data.cues: no.jsonl}}\n")
        text = text.replace("- name: all\n", "- name: all\n        set: {{data.cues: no.jsonl}}\n")
        result = run(*self.command(self.write(text), "--jobs", "2", "--seed", "0"))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("Failed: all, seed 0: ", result.stdout)
        self.assertIn("no.jsonl", result.stdout)
        self.assertRegex(result.stdout, r"\| last \| \d")
        # A start that fails takes with it what begins with it.
        text = STUDY.replace("start: {start}", "start: {{config: {start}, set: {{data.root: no}}}}")
        command = ("study", self.write(text, "other.yaml"), "--out", self.folder / "bad")
        result = run(*command, *settings(train__max_steps=2), "--seed", "0")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r"Failed: Cls, seed 0: its start clip_plain-s0-\w+ failed")

    def test_faults_are_told_before_anything_is_trained(self):
        text = STUDY.replace("stage: 2", "stage: 3").replace("split: testA", "split: dev")
        text = text.replace("- name: all\n", "- name: all\n        set: {{model.stagess: 2}}\n")
        result = run(*self.command(self.write(text)))
        self.assertEqual(result.returncode, 2)
        for words in ("there is no stage 3: it has 3", 'split "dev" is not evaluated', "stagess"):
            self.assertIn(words, result.stderr)
        self.assertFalse((self.folder / "out").exists())
        first, second = self.write(), self.folder / "more" / "small.yaml"
        second.parent.mkdir()
        shutil.copy(first, second)
        self.assert_fails(run(*self.command(first, second)), 2, "two studies are called small")

    def test_two_studies_do_not_share_a_folder_at_once(self):
        command = self.command(self.write(), train__max_steps=100000)
        with started([BINARY, *map(str, command)]) as process:
            wait_for(lambda: list(self.folder.glob("out/runs/*/log.jsonl")), process)
            self.assert_fails(run(*command), 1, "in use by process")
            process.send_signal(signal.SIGTERM)
            process.communicate()


class Shipped(Case):
    def test_every_shipped_study_can_be_planned(self):
        studies = sorted((CONFIGS.parent / "studies").glob("*.yaml"))
        names = {path.stem for path in studies}
        tables = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
        self.assertLessEqual({f"table{n}" for n in tables}, names)
        self.assertLessEqual({f"refsynth_table{n}" for n in tables if n not in (1, 6)}, names)
        result = run_well(
            *("--json", "study", *studies, "--root", ROOT, "--out", self.folder / "out"),
            "--dry-run",
        )
        document = json.loads(result.stdout)
        self.assertEqual(len(document["studies"]), len(studies))
        self.assertGreater(document["to_do"], 100)


if __name__ == "__main__":
    unittest.main()
