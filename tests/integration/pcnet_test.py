"""PCNet from a warm start: both profiles are trained, evaluated, asked and resumed."""

import json
import pathlib
import shutil
import signal
import tempfile
import unittest

from program import (
    CONFIGS,
    Case,
    make_benchmark,
    pictures_of,
    read_lines,
    read_safetensors,
    run,
    run_well,
    settings,
    start_training,
    steps_done,
    steps_of,
    train,
    wait_for,
)

PROFILES = {"improved": "pcnet.yaml", "paper": "pcnet_paper.yaml"}
TERMS = {"total", "classification", "region_aware_shrinking", "instance_disambiguation"}

# Each must show in the first step's loss or in the number of parameters.
SWITCHES = (
    "model.position_channels=false",
    "model.stages=2",
    "model.referring.modules=4",
    "model.referring.context=own",
    "model.referring.modulation=add",
    "model.referring.cue_residual=false",
    "model.referring.stage_cue=sentence_last",
    "model.referring.residual_scale=0.7",
    "model.referring.train_residual_scale=true",
    "model.referring.scaled_inputs=false",
    "model.referring.unit_inputs=false",
    "model.referring.projections=shared",
    "model.referring.visual_update=on",
    "model.referring.response_text=vision_updated",
    "loss.grid=16",
    "loss.classification.max_pooling=false",
    "loss.region_aware_shrinking.weight=0",
    "loss.region_aware_shrinking.scores=mean",
    "loss.region_aware_shrinking.background=strongest",
    "loss.region_aware_shrinking.iou=sum",
    "loss.region_aware_shrinking.form=released",
    "loss.instance_disambiguation.ramp=0",
    "loss.kl_divergence.weight=1",
)


# The first changes nothing with improved, whose texts and cells have unit length anyhow.
PAPER_SWITCHES = (
    "model.referring.response=inner_product",
    "model.referring.visual_update=gated",
    "model.referring.context=pair",
)


def setUpModule():
    global FOLDER, ROOT, CLIP
    FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_pcnet_"))
    unittest.addModuleCleanup(shutil.rmtree, FOLDER)
    ROOT = make_benchmark(FOLDER / "data")
    CLIP = FOLDER / "clip"
    train_well(CLIP, "clip_plain.yaml", {})
    for profile, config in PROFILES.items():
        train_well(FOLDER / profile, config, {})


def train_well(folder, config, changes):
    start = {} if config == "clip_plain.yaml" else {"model__clip__weights": CLIP}
    result = train(ROOT, folder, config=config, changes={**start, **changes})
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    return result


def dry_run(*overrides, config="pcnet.yaml"):
    more = [part for item in overrides for part in ("--set", item)]
    command = ("--json", "train", CONFIGS / config, "--root", ROOT, "--dry-run")
    return run(*command, *settings(model__clip__weights=CLIP), *more)


class Training(Case):
    def test_every_term_is_in_the_log(self):
        for profile in PROFILES:
            for step in steps_of(FOLDER / profile):
                self.assertEqual(set(step["loss"]), TERMS)

    def test_a_warm_start_says_what_it_gives(self):
        result = train_well(self.folder / "run", "pcnet.yaml", {"train__max_steps": 0})
        self.assertRegex(
            result.stderr, r"from .*: \d+ of \d+ tensors; new: attn_fusion_vl\.0 \(\d+ tensors\), "
        )
        _, mine = read_safetensors(self.folder / "run/checkpoints/last.safetensors")
        _, given = read_safetensors(CLIP / "checkpoints/best.safetensors")
        self.assertEqual(mine["c4_vis_project.weight"], given["vis_project.weight"])
        self.assertEqual(mine["global_lan_project.bias"], given["lan_project.bias"])
        same = [name for name in given if name.startswith("backbone.")]
        self.assertTrue(same)
        for name in same:
            self.assertEqual(mine[name], given[name], name)

    def test_positions_are_new_to_a_warm_start_without_and_come_from_one_with(self):
        clip, fresh, taken = (self.folder / name for name in ("clip", "fresh", "taken"))
        train_well(clip, "clip.yaml", {"train__max_steps": 2})
        result = train_well(fresh, "pcnet.yaml", {"train__max_steps": 0})
        self.assertIn("position_project (1 tensor)", result.stderr)
        result = train_well(
            taken, "pcnet.yaml", {"model__clip__weights": clip, "train__max_steps": 0}
        )
        self.assertNotIn("position_project", result.stderr)
        name = "position_project.weight"
        given, mine, other = (
            read_safetensors(run / "checkpoints/last.safetensors")[1][name]
            for run in (clip, taken, fresh)
        )
        self.assertEqual(mine, given)
        self.assertNotEqual(mine, other)
        result = dry_run(f"model.clip.weights={clip}", config="pcnet_paper.yaml")
        self.assert_fails(result, 2, "model.position_channels is false")

    def test_resuming_gives_the_same_run(self):
        folder, whole = self.folder / "run", FOLDER / "improved"
        start = {"model__clip__weights": CLIP}
        with start_training(ROOT, folder, config="pcnet.yaml", changes=start) as process:
            wait_for(lambda: steps_done(folder) >= 5, process)
            process.send_signal(signal.SIGTERM)
            process.communicate()
        result = train(ROOT, folder, "--resume", "auto", config="pcnet.yaml", changes=start)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(
            [(step["step"], step["loss"]) for step in steps_of(folder)],
            [(step["step"], step["loss"]) for step in steps_of(whole)],
        )
        mine, others = (
            read_safetensors(run / "checkpoints/last.safetensors")[1] for run in (folder, whole)
        )
        self.assertEqual(mine, others)

    def test_a_dataset_without_what_is_needed_is_an_error(self):
        for name, words in (("cues", "cues"), ("proposals", "proposals")):
            root = self.folder / name
            shutil.copytree(ROOT, root)
            for path in root.rglob(f"{name}.jsonl"):
                path.unlink()
            result = train(
                root,
                self.folder / f"run_{name}",
                config="pcnet.yaml",
                changes={"model__clip__weights": CLIP},
            )
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(words, result.stderr)
        result = dry_run("data.partners=0")
        self.assert_fails(result, 2, "data.partners is 0")

    def test_every_switch_changes_the_loss_or_the_model(self):
        for config, switches in (("pcnet.yaml", SWITCHES), ("pcnet_paper.yaml", PAPER_SWITCHES)):
            usual = self.numbers(dry_run(config=config))
            for switch in switches:
                ramp = ["loss.instance_disambiguation.ramp=0"] if "kl_" in switch else []
                now = self.numbers(dry_run(*ramp, switch, config=config))
                self.assertNotEqual(usual, now, f"{config} {switch}")
        adding = [
            self.numbers(
                dry_run("model.referring.modulation=vta_tta_add", f"model.referring.cue_scale={c}")
            )
            for c in (1, 0.7)
        ]
        self.assertNotEqual(*adding)

    def numbers(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)
        document = json.loads(result.stdout)
        return document["loss"], document["parameters"]


class Asking(Case):
    def test_every_stage_is_evaluated(self):
        for profile in PROFILES:
            out = self.folder / f"{profile}.json"
            lines = self.folder / f"{profile}.jsonl"
            run_well("eval", FOLDER / profile, "--out", out, "--per-sentence", lines)
            val = json.loads(out.read_text())["splits"]["val"]
            self.assertEqual(len(val["stages"]), 3)
            self.assertEqual(val["stages"][-1]["point_m"], val["point_m"])
            for line in read_lines(lines):
                self.assertEqual(len(line["stages"]), 3)

    def test_cues_change_the_answer(self):
        picture = pictures_of(ROOT)[0]
        peaks = []
        by_rules = ["the circle", "red circle", "circle on the left"]
        for given in ([], ["the red circle"], ["on the left", "a circle"]):
            out = self.folder / str(len(peaks))
            result = run_well(
                *("--json", "predict", FOLDER / "improved", "--image", picture),
                *("--text", "the red circle on the left", "--out", out),
                *(word for cue in given for word in ("--cue", cue)),
            )
            document = json.loads((out / f"{picture.stem}.json").read_text())
            self.assertEqual(document["cues"], given or by_rules)
            self.assertEqual(result.stderr.count("warning"), 0)
            self.assertEqual(len(document["stages"]), 3)
            self.assertTrue((out / f"{picture.stem}.stages.png").exists())
            peaks.append([stage["peak"]["score"] for stage in document["stages"]])
        self.assertNotEqual(peaks[0], peaks[1])
        self.assertNotEqual(peaks[1], peaks[2])


if __name__ == "__main__":
    unittest.main()
