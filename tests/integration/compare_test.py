"""`eval --compare`: two models, or the lines that they left, sentence by sentence."""

import json
import math
import pathlib
import shutil
import tempfile
import unittest

from program import Case, make_benchmark, read_lines, run, run_well, train

# The split with the most sentences, and a rate at which 20 steps find something of them.
CHANGES = {"eval__samples": 0, "eval__splits": "[train]", "train__learning_rate": 0.003}


def setUpModule():
    global ROOT, A, B, LINES
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_compare_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    A, B = folder / "a", folder / "b"
    for run_folder, seed in ((A, 1), (B, 2)):
        result = train(ROOT, run_folder, changes={**CHANGES, "run__seed": seed})
        if result.returncode != 0:
            raise AssertionError(result.stderr)
    LINES = [folder / "a.jsonl", folder / "b.jsonl"]
    for model, lines in zip((A, B), LINES):
        run_well("-q", "eval", model, "--split", "train", "--split", "testA", "--per-sentence", lines)


def compare(*sides, arguments=()):
    return json.loads(run_well("-q", "--json", "eval", "--compare", *sides, *arguments).stdout)


class Compare(Case):
    def test_figures_are_those_of_each_ones_evaluation(self):
        found = compare(A, B, arguments=("--split", "train", "--split", "testA"))
        self.assertEqual((found["a"], found["b"]), (str(A), str(B)))
        for side, model in (("a", A), ("b", B)):
            own = json.loads(
                run_well("-q", "--json", "eval", model, "--split", "train", "--split", "testA").stdout
            )
            self.assertEqual(list(found["splits"]), list(own["splits"]))
            for split, scores in own["splits"].items():
                for name, value in found["splits"][split][side].items():
                    self.assertAlmostEqual(value, scores[name], 9)
                for kind, part in scores["kinds"].items():
                    mine = found["splits"][split]["kinds"][kind][side]
                    self.assertAlmostEqual(mine["point_m"], part["point_m"], 9)

    def test_hits_and_leads_are_those_of_the_lines(self):
        # Every second sentence's lines are exchanged, so that each side leads somewhere, even if
        # one of the models is better at everything.
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        files = [folder / "a.jsonl", folder / "b.jsonl"]
        sides = [{}, {}]
        for number, pair in enumerate(zip(*(read_lines(path) for path in LINES), strict=True)):
            for line, side in zip(pair, sides if number % 2 else sides[::-1], strict=True):
                side[line["split"], line["sent_id"]] = line
        for path, side in zip(files, sides, strict=True):
            path.write_text("".join(json.dumps(line) + "\n" for line in side.values()))
        found = compare(*files, arguments=("--largest", 3))
        sides = [
            {sent_id: line for (split, sent_id), line in side.items() if split == "train"}
            for side in sides
        ]
        hits = {"both": 0, "only_a": 0, "only_b": 0, "neither": 0}
        names = {(1, 1): "both", (1, 0): "only_a", (0, 1): "only_b", (0, 0): "neither"}
        leads = []
        for sent_id, a in sides[0].items():
            b = sides[1][sent_id]
            hits[names[a["hit"], b["hit"]]] += 1
            leads.append((b["iou"] - a["iou"], sent_id))
        split = found["splits"]["train"]
        only = (hits["only_a"], hits["only_b"])
        tail = sum(math.comb(sum(only), k) for k in range(min(only) + 1)) / 2 ** sum(only)
        self.assertAlmostEqual(split["hits"].pop("mcnemar_p"), min(1, 2 * tail), 9)
        self.assertEqual(split["hits"], hits)
        self.assertEqual(split["sentences"], len(leads))
        leads.sort()
        a_leads = [lead for lead in leads if lead[0] < 0]
        b_leads = [lead for lead in leads[::-1] if lead[0] > 0]
        self.assertTrue(a_leads and b_leads)
        for name, wanted in (("better_a", a_leads[:3]), ("better_b", b_leads[:3])):
            for entry, (difference, _) in zip(split[name], wanted, strict=True):
                self.assertAlmostEqual(entry["difference"], difference, 6)
                self.assertEqual(entry["text"], sides[0][entry["sent_id"]]["text"])

    def test_lines_and_models_may_be_mixed(self):
        wanted = compare(*LINES)["splits"]
        self.assertEqual(compare(LINES[0], B)["splits"], wanted)
        self.assertEqual(compare(A, LINES[1])["splits"], wanted)
        split = compare(LINES[0], B, arguments=("--split", "train"))["splits"]
        self.assertEqual(split, {"train": wanted["train"]})

    def test_out_and_text_say_the_same_again_and_again(self):
        out = self.folder / "out.json"
        text = run_well("-q", "eval", "--compare", *LINES, "--out", out).stdout
        self.assertEqual(json.loads(out.read_text()), compare(*LINES))
        first = out.read_bytes()
        self.assertEqual(run_well("-q", "eval", "--compare", *LINES, "--out", out).stdout, text)
        self.assertEqual(out.read_bytes(), first)
        split = json.loads(first)["splits"]["train"]
        self.assertIn(f"train: {split['sentences']} sentences on {split['images']} images", text)
        self.assertIn("McNemar p", text)

    def test_the_same_on_both_sides_differs_in_nothing(self):
        split = compare(LINES[0], LINES[0])["splits"]["train"]
        self.assertEqual(split["difference"], {"point_m": 0.0, "miou": 0.0, "oiou": 0.0})
        self.assertEqual(split["intervals"]["miou"], [0.0, 0.0])
        self.assertEqual(split["hits"]["mcnemar_p"], 1)
        self.assertEqual((split["better_a"], split["better_b"]), ([], []))


class Refusals(Case):
    def changed(self, change):
        lines = [change(number, line) for number, line in enumerate(read_lines(LINES[0]))]
        path = self.folder / "changed.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines if line is not None))
        return path

    def refuse(self, *arguments, code=1, words=()):
        self.assert_fails(run("-q", "eval", "--compare", *arguments), code, *words)

    def test_missing_sentences_are_counted_and_the_first_named(self):
        first = read_lines(LINES[0])[0]
        fewer = self.changed(lambda number, line: line if number > 1 else None)
        self.refuse(LINES[0], fewer, words=("2 of", f"sent_id {first['sent_id']} of train", LINES[0]))

    def test_other_splits_and_other_texts(self):
        one = self.folder / "one.jsonl"
        run_well("-q", "eval", A, "--split", "train", "--per-sentence", one)
        self.refuse(LINES[0], one, words=("do not answer the same sentences", "of testA"))
        other = self.changed(lambda _, line: {**line, "text": "<script>\n"})
        self.refuse(LINES[0], other, words=("they answer other datasets", r"<script>\n"))

    def test_another_root(self):
        root = self.folder / "other"
        more = ("--images", 30, "--seed", 9, "--difficulty", "easy")
        run_well("-q", "data", "synth", "--out", root, *more)
        self.refuse(LINES[0], B, "--split", "train", "--root", root, words=("same sentences", LINES[0]))

    def test_broken_lines_are_named_by_file_and_number(self):
        torn = self.folder / "torn.jsonl"
        torn.write_bytes(LINES[0].read_bytes()[:-40])
        count = len(read_lines(LINES[0]))
        self.refuse(torn, LINES[0], words=(f"{torn}:{count}: broken JSON",))
        bad = self.changed(lambda number, line: {**line, "hit": 1} if number == 2 else line)
        self.refuse(LINES[0], bad, words=(f"{bad}:3: hit is 1",))
        empty = self.folder / "empty"
        empty.touch()
        self.refuse(LINES[0], empty, words=(empty, "no sentence"))
        self.refuse(LINES[0], self.folder / "nowhere", words=("nowhere",))

    def test_options_that_do_not_fit(self):
        self.refuse(LINES[0], code=2, words=("--compare",))
        self.refuse(*LINES, "--baseline", "centre", code=2, words=("--baseline",))
        self.refuse(*LINES, "--per-sentence", self.folder / "x", code=2, words=("--per-sentence",))
        self.refuse(*LINES, "--root", ROOT, code=2, words=("asks no model",))
        self.refuse(*LINES, "--segmentor", "none", code=2, words=("asks no model",))
        result = run("-q", "eval", A, "--compare", *LINES)
        self.assert_fails(result, 2, "--compare names both sides")
        self.assert_fails(run("-q", "eval", A, "--largest", 3), 2, "--largest")

    def test_sides_that_are_measured_differently_are_told(self):
        changed = self.folder / "b"
        changes = {**CHANGES, "run__seed": 2, "eval__threshold": 0.3}
        self.assertEqual(train(ROOT, changed, changes=changes).returncode, 0)
        result = run_well("eval", "--compare", A, changed)
        self.assertIn("measured differently: threshold 0.5 and 0.3", result.stderr)
        result = run("-q", "eval", "--compare", A, changed, "--split", "nowhere")
        self.assert_fails(result, 2, "nowhere")


if __name__ == "__main__":
    unittest.main()
