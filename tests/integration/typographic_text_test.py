"""Texts as word processors and web pages give them; words that a model does not know."""

import json
import pathlib
import pickle
import shutil
import tempfile
import unittest

from program import Case, make_benchmark, pictures_of, read_lines, run_well, train

TYPOGRAPHIC = {" ": "\u00a0", "-": "\u2011", "'": "\u2019"}


def setUpModule():
    global ROOT, RUN
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_typography_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    RUN = folder / "run"
    result = train(ROOT, RUN)
    if result.returncode != 0:
        raise AssertionError(result.stderr)


class Evaluation(Case):
    def copy(self, change):
        """The data set with other sentences in val."""
        root = self.folder / "data"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(ROOT, root, symlinks=True)
        (path,) = root.rglob("refs(*).p")
        references = pickle.loads(path.read_bytes())
        changed = 0
        for reference in references:
            for sentence in reference["sentences"] if reference["split"] == "val" else ():
                sentence["sent"] = change(sentence["sent"])
                changed += 1
        path.write_bytes(pickle.dumps(references, protocol=2))
        return root, changed

    def evaluate(self, root, *more):
        lines = self.folder / "lines.jsonl"
        result = run_well("--json", "eval", RUN, "--root", root, "--split", "val",
                          "--per-sentence", lines, *more)
        answers = [{key: line[key] for key in ("sent_id", "peak", "iou")}
                   for line in read_lines(lines)]
        return json.loads(result.stdout)["splits"]["val"], answers, result.stderr

    def test_the_same_words_get_the_same_answers(self):
        _, wanted, _ = self.evaluate(ROOT)
        root, _ = self.copy(lambda text: "".join(TYPOGRAPHIC.get(c, c) for c in text) + "\u2026")
        split, answers, said = self.evaluate(root)
        self.assertEqual(answers, wanted)
        self.assertEqual(split["unknown_words"], {"sentences": 0, "words": 0, "cues": 0})
        self.assertNotIn("vocabulary", said)

    def test_words_that_are_left_out_are_counted(self):
        root, changed = self.copy(lambda text: f"{text} zeppelin \U0001f534")
        split, _, said = self.evaluate(root)
        self.assertEqual(split["unknown_words"], {"sentences": changed, "words": 2 * changed,
                                                  "cues": 0})
        self.assertIn(f"{2 * changed} words of {changed} of {changed} sentences of val are not in "
                      "the vocabulary and were left out (2 different: zeppelin, \U0001f534)", said)
        self.assertEqual(said.count("zeppelin"), 1)

    def test_sentences_that_are_cut_are_counted(self):
        root, changed = self.copy(lambda text: " ".join([text] * 20))
        split, _, said = self.evaluate(root)
        self.assertEqual(split["cut"], {"sentences": changed, "cues": 0})
        self.assertIn(f"{changed} of {changed} sentences of val are longer than", said)

    def test_statistics_and_packs_count_them_too(self):
        root, changed = self.copy(lambda text: f"{text} zeppelin")
        words = ("--set", "model.clip.text.tokenizer=words")
        shown = json.loads(run_well("-q", "--json", "data", "stats", root, *words).stdout)
        self.assertEqual(shown["sentences_with_unknown_words"], changed)
        self.assertEqual(shown["unknown_words"], {"zeppelin": changed})
        text = run_well("-q", "data", "stats", root, *words).stdout
        self.assertIn(f"words that training does not know, left out: {changed} of", text)
        result = run_well("--json", "data", "pack", root, *words, "--out", self.folder / "p.pack")
        self.assertGreater(json.loads(result.stdout)["texts_with_unknown_words"], 0)
        self.assertIn("(1 different: zeppelin)", result.stderr)

    def test_predict_reads_typography(self):
        made = [
            json.loads(
                run_well("--json", "predict", RUN, "--image", pictures_of(ROOT)[0], "--text", text,
                         "--out", self.folder / "out", "--replace").stdout
            )[0]
            for text in ("the red circle", "\u201cthe\u00a0red\u200b circle\u201d\u2014")
        ]
        self.assertEqual(made[0]["peak"], made[1]["peak"])
        self.assertEqual(made[0]["cues"], made[1]["cues"])


if __name__ == "__main__":
    unittest.main()
