"""CLIP alone: `eval --method clip-...`, and its scores of proposals as RaS's foreground."""

import json
import operator
import pathlib
import shutil
import tempfile
import unittest

from program import (
    CONFIGS,
    Case,
    decode_rle,
    make_benchmark,
    read_lines,
    run,
    run_well,
    settings,
    train,
)

# A CLIP with an attention pool and CLIP's own tokens, as RN50.pt has them.
REAL = {
    "model__clip__text__tokenizer": "bpe",
    "model__clip__visual__strides": "[1,2,2]",
    "model__clip__visual__attention_pool": "true",
    "model__clip__visual__heads": 2,
    "model__clip__visual__output_dim": 64,
    "model__clip__visual__resolution": 96,
    "model__clip__text__heads": 1,
}
METHODS = ("clip-crop", "clip-global-local", "clip-map")
CHOOSING = METHODS[:2]
SENT_ID = operator.itemgetter("sent_id")
AS_TRAINED = ("--set", "data.image_size=96", "--set", "data.text_length=16")


def setUpModule():
    global FOLDER, ROOT, RUN, CLIP
    FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_clip_alone_"))
    unittest.addModuleCleanup(shutil.rmtree, FOLDER)
    ROOT = make_benchmark(FOLDER / "data")
    RUN = FOLDER / "run"
    result = train(ROOT, RUN, config="clip_plain.yaml", changes={**REAL, "train__max_steps": 0})
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    CLIP = FOLDER / "clip.safetensors"
    last = RUN / "checkpoints/last.safetensors"
    run_well("weights", "convert", last, CLIP, "--layout", "openai-clip")


def evaluate(*arguments, method, clip=None):
    """The result without a run, and what was said of each sentence."""
    lines = FOLDER / "lines.jsonl"
    command = ["--json", "eval", "--method", method, "--root", ROOT, "--per-sentence", lines]
    if clip:
        command += ["--set", f"model.clip.weights={clip}", *AS_TRAINED]
    result = run_well("-q", *command, *arguments)
    return json.loads(result.stdout), read_lines(lines)


class Methods(Case):
    def test_a_file_of_clip_answers_without_a_run(self):
        proposals = {}
        for line in read_lines(next(ROOT.rglob("proposals.jsonl"))):
            if "image_id" in line:
                proposals[line["image_id"]] = [
                    decode_rle(x["segmentation"]) for x in line["proposals"]
                ]
        for method in CHOOSING:
            result, lines = evaluate(method=method, clip=CLIP)
            self.assertEqual(result["protocol"]["method"], method)
            self.assertIn("digest", result["protocol"]["proposals"])
            weight = 0.95 if method == "clip-global-local" else None
            self.assertEqual(result["protocol"].get("global_weight"), weight)
            self.assertEqual(result["splits"]["val"]["sentences"], len(lines))
            self.assertEqual(result["splits"]["val"]["empty_maps"], 0)
            for line in lines:
                chosen = decode_rle(line["segmentation"])
                self.assertIn(chosen, proposals[line["image_id"]])
                self.assertIn((line["peak"]["x"], line["peak"]["y"]), chosen)

    def test_a_run_answers_as_the_file_of_its_clip(self):
        for method in METHODS:
            # The run's; a proposal is the mask whatever the threshold is.
            own = ("--set", "eval.align_corners=false", "--set", "eval.threshold=0.5")
            changes = () if method in CHOOSING else own
            by_file, lines = evaluate(*changes, method=method, clip=CLIP)
            by_run, same = evaluate(RUN, method=method)
            self.assertEqual(by_file["splits"], by_run["splits"])
            self.assertEqual(lines, same)

    def test_the_weight_of_the_whole_image(self):
        scores = [
            evaluate("--set", f"eval.global_weight={weight}", method=CHOOSING[1], clip=CLIP)[1]
            for weight in (-1, 0.95, 0)
        ]
        self.assertEqual(scores[0], scores[1])
        self.assertNotEqual(scores[0], scores[2])

    def test_what_is_missing_is_one_error(self):
        command = ("-q", "eval", "--root", ROOT, "--method")
        self.assert_fails(run(*command, "clip-crop"), 2, "clip-crop asks CLIP", "RN50.pt")
        self.assert_fails(run(*command, "model"), 2, "eval wants a run folder", "clip-crop")
        self.assert_fails(
            run(*command, "clip-crop", "--baseline", "centre"), 2, "--baseline centre", "clip-crop"
        )
        clip = ("--set", f"model.clip.weights={CLIP}")
        none = self.folder / "none.jsonl"
        none.write_text("")
        result = run(*command, "clip-crop", *clip, "--proposals", none)
        self.assert_fails(result, 1, "no proposals")

    def test_a_clip_without_attention_pool_is_refused(self):
        train(ROOT, self.folder / "run", changes={"train__max_steps": 0})
        for method in METHODS:
            result = run("-q", "eval", self.folder / "run", "--method", method)
            self.assert_fails(result, 2, "attention pool", "RN50.pt")

    def test_nothing_else_knows_these_methods(self):
        method = {"eval__method": "clip-crop"}
        result = train(ROOT, self.folder / "run", "-q", changes=method)
        self.assert_fails(result, 2, "eval.method is clip-crop")
        picture = next(ROOT.rglob("*.png"))
        result = run("-q", "predict", RUN, "--image", picture, "--text", "a circle", "--out",
                     self.folder, "--set", "eval.method=clip-map")
        self.assert_fails(result, 2, "eval.method is clip-map")


class Scores(Case):
    FOREGROUND = {
        "loss__region_aware_shrinking__foreground": "clip_score",
        "loss__region_aware_shrinking__form": "released",
        "loss__region_aware_shrinking__weight": 1,
    }

    def score(self, *more, out="scores.jsonl", method="clip-crop"):
        command = ("-q", "--json", "proposals", "score", "--root", ROOT, "--weights", CLIP)
        command += ("--out", self.folder / out, "--method", method, *AS_TRAINED)
        return run(*command, *more)

    def scored(self, *more, **options):
        result = self.score(*more, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def test_they_choose_what_eval_answers(self):
        said = self.scored("--split", "val", method="clip-global-local")
        head, *lines = read_lines(self.folder / "scores.jsonl")
        self.assertEqual(head["format"], "pcnet-clip-scores")
        self.assertEqual(head["method"], "clip-global-local")
        self.assertEqual((head["weights"], head["global_weight"]), (CLIP.name, 0.95))
        result, answers = evaluate(method="clip-global-local", clip=CLIP)
        self.assertEqual(head["proposals"]["digest"], result["protocol"]["proposals"]["digest"])
        self.assertEqual((said["sentences"], said["made"]), (len(answers), len(answers)))
        scores = {line["sent_id"]: line for line in lines}
        proposals = {x["image_id"]: x["proposals"]
                     for x in read_lines(next(ROOT.rglob("proposals.jsonl"))) if "image_id" in x}
        for answer in answers:
            line = scores[answer["sent_id"]]
            self.assertEqual(line["sentence"], answer["text"])
            own = proposals[answer["image_id"]]
            self.assertEqual(len(line["scores"]), len(own))
            # Two scores may be one in six decimals.
            least = max(line["scores"]) - 2e-6
            best = [decode_rle(own[i]["segmentation"])
                    for i, score in enumerate(line["scores"]) if score >= least]
            self.assertIn(decode_rle(answer["segmentation"]), best)

    def test_they_go_on_where_they_were(self):
        self.scored()
        whole = (self.folder / "scores.jsonl").read_bytes()
        again = self.scored()
        self.assertEqual((again["already_there"], again["made"]), (True, 0))
        lines = whole.splitlines(keepends=True)
        begun = self.folder / "half.jsonl.partial"
        begun.write_bytes(b"".join(lines[:30]) + lines[30][:20])
        said = self.scored(out="half.jsonl")
        self.assertEqual(said["made"], len(lines) - 30)
        self.assertFalse(begun.exists())
        first, *half = read_lines(self.folder / "half.jsonl")
        head, *wanted = [json.loads(line) for line in lines]
        self.assertEqual(first, head)
        self.assertEqual(len(half), len(wanted))
        for line, other in zip(sorted(half, key=SENT_ID), sorted(wanted, key=SENT_ID)):
            self.assertEqual(line["sent_id"], other["sent_id"])
            self.assertEqual(line["sentence"], other["sentence"])
            # Texts are encoded in other batches.
            for score, same in zip(line["scores"], other["scores"], strict=True):
                self.assertAlmostEqual(score, same, delta=2e-6)
        other = self.score(method="clip-global-local")
        self.assert_fails(other, 1, "is there already", "--replace")
        self.scored("--replace", method="clip-global-local")
        self.assertNotEqual((self.folder / "scores.jsonl").read_bytes(), whole)

    def test_training_reads_them_and_asks_no_clip(self):
        self.scored()
        scores = self.folder / "scores.jsonl"
        stored = self.dry_run(data__clip_scores=scores)
        self.assertEqual(stored.returncode, 0, stored.stderr)
        self.assertNotIn("frozen CLIP", stored.stderr)
        # The other way round the foreground is another one.
        lines = [json.loads(line) for line in scores.read_text().splitlines()]
        for line in lines[1:]:
            line["scores"] = [-score for score in line["scores"]]
        scores.write_text("\n".join(map(json.dumps, lines)))
        turned = self.dry_run(data__clip_scores=scores)
        self.assertNotEqual(*(json.loads(result.stdout)["loss"]["foreground_overlap"]
                              for result in (stored, turned)))
        without = self.dry_run()
        self.assertEqual(without.returncode, 2)
        self.assertIn("data.clip_scores", without.stderr.splitlines()[-1])

    def dry_run(self, **changes):
        command = ("--json", "train", CONFIGS / "pcnet.yaml", "--root", ROOT, "--dry-run")
        return run(*command, *settings(**self.FOREGROUND, **changes))

    def test_those_of_other_proposals_are_refused(self):
        self.scored()
        other = self.folder / "proposals.jsonl"
        run_well("-q", "proposals", "import", next(ROOT.rglob("proposals.jsonl")), "--root", ROOT,
                 "--out", other)
        result = self.dry_run(
            data__clip_scores=self.folder / "scores.jsonl", data__proposals=other)
        self.assertEqual(result.returncode, 1)
        self.assertIn("scores of other proposals", result.stderr.splitlines()[-1])

    def test_what_cannot_be_scored(self):
        self.assert_fails(self.score(method="clip-map"), 2, "clip-map scores no proposals")
        pack = self.folder / "pack"
        run_well("-q", "data", "pack", CONFIGS / "pcnet.yaml", "--root", ROOT, "--out", pack)
        result = run("-q", "proposals", "score", pack, "--weights", CLIP)
        self.assert_fails(result, 2, "cannot score the proposals of the pack")


if __name__ == "__main__":
    unittest.main()
