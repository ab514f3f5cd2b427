"""Trees of every layout, as Python 2 wrote them: what is in them is known by hand."""

import json
import pathlib
import pickle
import sys

from program import Case, read_lines, run, run_well

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import make_trees

import unittest


class Trees(Case):
    def setUp(self):
        super().setUp()
        self.trees = {name: make_trees.make(self.folder, name) for name in make_trees.LAYOUTS}

    def evaluate(self, root, dataset, split_by, *more):
        lines = self.folder / "lines.jsonl"
        splits = make_trees.SPLITS[split_by]
        arguments = [part for split in splits for part in ("--split", split)]
        result = run_well(
            *("-q", "--json", "eval", "--baseline", "centre", "--root", root, *arguments),
            *("--dataset", dataset, "--split-by", split_by, "--per-sentence", lines, *more),
        )
        return json.loads(result.stdout), read_lines(lines)

    def check(self, root, dataset, split_by, areas, *more):
        """Sentences in each split, and the area of each object, by the answers' unions."""
        results, lines = self.evaluate(root, dataset, split_by, *more)
        counts = {name: split["sentences"] for name, split in results["splits"].items()}
        self.assertEqual(counts, make_trees.SPLITS[split_by])
        for line in lines:
            answered = sum(counts_of(line["segmentation"]["counts"])[1::2])
            truth = line["union"] + line["intersection"] - answered
            self.assertEqual(truth, areas[line["ann_id"]], line)
        return results

    def test_every_layout_and_partition(self):
        for layout, (_, _, datasets) in make_trees.LAYOUTS.items():
            for dataset, partitions in datasets.items():
                for split_by in partitions:
                    with self.subTest(layout=layout, dataset=dataset, split_by=split_by):
                        self.check(self.trees[layout], dataset, split_by, make_trees.AREAS)

    def test_the_exclusive_rule(self):
        more = ["--set", "eval.ground_truth=exclusive"]
        areas = make_trees.EXCLUSIVE_AREAS
        results = self.check(self.trees["coco"], "refcoco", "unc", areas, *more)
        self.assertEqual(results["protocol"]["ground_truth"], "pixels of exactly one polygon")

    def test_texts_of_both_string_kinds(self):
        _, lines = self.evaluate(self.trees["flat"], "refcoco", "unc")
        wanted = [text if isinstance(text, str) else text.decode()
                  for _, _, texts in make_trees.UNC.values() for text in texts]
        self.assertEqual(sorted({line["text"] for line in lines}), sorted(wanted))

    def test_conversion_counts_and_keeps(self):
        own, tree = self.folder / "own", self.folder / "tree"
        shown = run_well("-q", "--json", "data", "convert", "--to", "custom", "--out", own,
                         self.trees["flat"])
        counts = json.loads(shown.stdout)
        self.assertEqual([counts[key] for key in ("images", "objects", "references", "sentences")],
                         [4, 6, 4, 8])
        run_well("data", "convert", "--to", "refer", "--out", tree, "--copy-images", own)
        loaded = json.loads((tree / "refer/custom/instances.json").read_text())
        by_area = sorted(annotation["area"] for annotation in loaded["annotations"])
        self.assertEqual(by_area, sorted(make_trees.AREAS.values()))
        refs = pickle.loads((tree / "refer/custom/refs(unc).p").read_bytes())
        found = [(ref["split"], [s["sent"] for s in ref["sentences"]]) for ref in refs]
        wanted = [(split, [t if isinstance(t, str) else t.decode() for t in texts])
                  for _, split, texts in make_trees.UNC.values()]
        self.assertEqual(found, wanted)
        self.check(tree, "custom", "unc", self.areas_by_new_id(loaded))
        self.assert_fails(run("data", "convert", "-q", "--to", "refer", "--out", tree, own), 1,
                          tree, "not empty")

    @staticmethod
    def areas_by_new_id(loaded):
        return {annotation["id"]: annotation["area"] for annotation in loaded["annotations"]}

    def test_a_choice_is_asked_for(self):
        arguments = ["eval", "--baseline", "centre", "--root"]
        self.assert_fails(run(*arguments, self.trees["coco"]), 1, "refcoco (unc)",
                          "refcoco+ (unc)", "refcoco (google)", "--dataset", "--split-by")
        self.assert_fails(run(*arguments, self.trees["data"], "--split-by", "unc"), 1,
                          "refcocog (google), refcocog (umd)")


def counts_of(text):
    from program import decode_counts

    return decode_counts(text)


if __name__ == "__main__":
    unittest.main()
