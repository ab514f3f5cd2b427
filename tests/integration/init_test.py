"""`train --init`: official checkpoints and runs of ours as the whole start of a new run."""

import json
import pathlib
import shutil
import signal
import tempfile
import unittest

from official import official_shapes, tensors_of
from program import (
    CONFIGS,
    Case,
    make_benchmark,
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
    write_safetensors,
)

CLIP_TOKENS = 49408
# The encoders of official.py, with CLIP's own tokens.
ENCODERS = {
    "model__width": 6,
    "model__clip__visual__layers": "[1,2]",
    "model__clip__visual__strides": "[1,2]",
    "model__clip__visual__attention_pool": "true",
    "model__clip__visual__heads": 1,
    "model__clip__visual__output_dim": 12,
    "model__clip__visual__resolution": 16,
    "model__clip__text__tokenizer": "bpe",
    "model__clip__text__width": 8,
    "model__clip__text__heads": 1,
    "model__clip__text__layers": 1,
    "model__clip__text__context_length": 9,
    "model__clip__text__output_dim": 12,
    "data__text_length": 9,
    "data__truncate": "cut",
    "train__max_steps": 4,
}
KINDS = {
    "tris": ("tris.yaml", {"model__fusion": "attn_fusion"}),
    "pcnet": (
        "pcnet.yaml",
        {
            "model__profile": "released",
            "model__referring__modules": 4,
            "loss__calibration__weight": 0,
            "loss__region_aware_shrinking__foreground": "response",
        },
    ),
}


def setUpModule():
    global FOLDER, ROOT, FILES
    FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_init_"))
    unittest.addModuleCleanup(shutil.rmtree, FOLDER)
    ROOT = make_benchmark(FOLDER / "data")
    FILES = {}
    for kind in KINDS:
        source = FOLDER / f"{kind}.safetensors"
        write_safetensors(source, {}, tensors_of(official_shapes(kind, CLIP_TOKENS)))
        FILES[kind] = FOLDER / f"{kind}.pth"
        layout = f"official-{kind}"
        run_well("-q", "weights", "convert", source, FILES[kind], "--layout", layout)


def tensors_in(path):
    """Model tensors of a checkpoint of ours or of an official one's safetensors."""
    tensors = read_safetensors(path)[1]
    return {name: t for name, t in tensors.items() if not name.startswith("optimizer.")}


def last_of(folder):
    return tensors_in(folder / "checkpoints/last.safetensors")


class Init(Case):
    def start(self, kind, *arguments, folder=None, **changes):
        """Trains a model of that kind."""
        config, own = KINDS[kind]
        return train(
            ROOT,
            folder or self.folder / "run",
            *arguments,
            config=config,
            changes={**ENCODERS, **own, **changes},
        )

    def start_well(self, kind, *arguments, **more):
        result = self.start(kind, *arguments, **more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def dry_run(self, kind, *arguments, **changes):
        config, own = KINDS[kind]
        command = ("-q", "train", CONFIGS / config, "--root", ROOT, "--dry-run", *arguments)
        return run(*command, *settings(**{**ENCODERS, **own, **changes}))

    def warm_start(self, folder=None):
        """The event that the run's log has of it."""
        lines = read_lines((folder or self.folder / "run") / "log.jsonl")
        (event,) = [line for line in lines if line["event"] == "warm_start"]
        return event


class Official(Init):
    def test_every_tensor_is_the_files(self):
        for kind, path in FILES.items():
            with self.subTest(kind):
                folder = self.folder / kind
                result = self.start_well(kind, "--init", path, folder=folder, train__max_steps=0)
                given = tensors_in(FOLDER / f"{kind}.safetensors")
                self.assertEqual(last_of(folder), given)
                self.assertIn(f"from {path}: {len(given)} of {len(given)} tensors\n", result.stderr)
                event = self.warm_start(folder)
                self.assertEqual((event["taken"], event["new"]), (len(given), []))

    def test_the_encoders_key_takes_the_encoders_alone(self):
        path = FILES["pcnet"]
        self.start_well("pcnet", model__clip__weights=path, train__max_steps=0)
        given, mine = tensors_in(FOLDER / "pcnet.safetensors"), last_of(self.folder / "run")
        for name in ("backbone.visual.conv1.weight", "backbone.ln_final.weight"):
            self.assertEqual(mine[name], given[name])
        self.assertNotEqual(mine["c4_vis_project.weight"], given["c4_vis_project.weight"])

    def test_init_wins_over_the_encoders_key(self):
        result = self.start_well(
            "pcnet",
            *("--init", FILES["pcnet"]),
            model__clip__weights=FILES["tris"],
            train__max_steps=0,
        )
        self.assertIn("nothing is taken from model.clip.weights", result.stderr)
        self.assertEqual(last_of(self.folder / "run"), tensors_in(FOLDER / "pcnet.safetensors"))

    def test_pcnet_from_tris_lists_what_is_new(self):
        result = self.start_well("pcnet", "-v", model__init=FILES["tris"], train__max_steps=0)
        given, mine = tensors_in(FOLDER / "tris.safetensors"), last_of(self.folder / "run")
        self.assertEqual(mine["c4_vis_project.weight"], given["vis_project.weight"])
        self.assertEqual(mine["global_lan_project.bias"], given["lan_project.bias"])
        self.assertEqual(mine["logit_scale"], given["logit_scale"])
        self.assertIn("new: attn_fusion_vl.0 (24 tensors), attn_fusion_vl.1 (24", result.stderr)
        self.assertIn("not used: attn_fusion (24 tensors)", result.stderr)
        self.assertIn("attn_fusion_vl.3.v_proj1.0.weight", result.stderr)
        event = self.warm_start()
        self.assertEqual(len(event["new"]), 4)
        self.assertIn("attn_fusion_vl.0.t_output.0.bias", event["new"][0]["names"])
        self.assertEqual([row["module"] for row in event["not_used"]], ["attn_fusion"])

    def test_a_dry_run_tells_it(self):
        text = self.dry_run("pcnet", "--init", FILES["tris"])
        self.assertEqual(text.returncode, 0, text.stderr)
        self.assertRegex(text.stdout, r"(?m)^start +from .*tris\.pth: .*; new: attn_fusion_vl\.0 ")
        document = self.dry_run("pcnet", "--init", FILES["pcnet"], "--json")
        self.assertEqual(json.loads(document.stdout)["started_from"]["new"], [])
        document = self.dry_run("pcnet", "--json")
        self.assertIsNone(json.loads(document.stdout)["started_from"])

    def test_clip_alone_gives_its_encoders(self):
        clip = self.folder / "clip.pt"
        run_well("-q", "weights", "convert", FILES["tris"], clip, "--layout", "openai-clip")
        result = self.start_well("tris", "--init", clip, train__max_steps=0)
        given, mine = tensors_in(FOLDER / "tris.safetensors"), last_of(self.folder / "run")
        for name in given:
            same = mine[name] == given[name]
            self.assertTrue(same or not name.startswith("backbone."), name)
        self.assertIn("new: attn_fusion (24 tensors), lan_project (2 tensors)", result.stderr)

    def test_what_does_not_fit_is_an_error(self):
        def refused(*words, **changes):
            self.assert_fails(self.dry_run("pcnet", "--init", FILES["pcnet"], **changes), *words)

        refused(2, "--set model.width=6", model__width=8)
        refused(2, "--set model.clip.visual.layers=[1,2]", model__clip__visual__layers="[1,1]")
        refused(2, "--set model.clip.text.tokenizer=bpe", model__clip__text__tokenizer="words")
        result = self.dry_run("pcnet", "--init", self.folder / "gone.pth")
        self.assert_fails(result, 1, "gone.pth")


class Resuming(Init):
    def test_the_file_is_not_needed_again(self):
        whole, folder, path = (self.folder / name for name in ("whole", "run", "init.pth"))
        shutil.copy(FILES["tris"], path)
        config, own = KINDS["tris"]
        changes = {**ENCODERS, **own, "train__max_steps": 12}
        self.start_well("tris", "--init", path, folder=whole, train__max_steps=12)
        arguments = ("--init", path)
        with start_training(ROOT, folder, *arguments, config=config, changes=changes) as process:
            wait_for(lambda: steps_done(folder) >= 2, process)
            process.send_signal(signal.SIGTERM)
            process.communicate()
        path.unlink()
        result = self.start_well("tris", "--resume", "auto", "--init", path, train__max_steps=12)
        self.assertIn("model.init is not read again", result.stderr)
        self.assertEqual(last_of(folder), last_of(whole))
        self.warm_start()  # once

    def test_without_the_key(self):
        folder = self.folder / "run"
        self.start_well("tris", "--init", FILES["tris"])
        result = self.start_well("tris", "--resume", "auto")
        self.assertIn("is finished", result.stderr)
        self.assertEqual(len(steps_of(folder)), 4)


class Runs(Init):
    def test_a_run_gives_its_whole_with_its_scale(self):
        first, second = self.folder / "first", self.folder / "second"
        self.start_well("pcnet", folder=first, model__logit_scale=3)
        self.start_well("pcnet", "--init", first, folder=second, train__max_steps=0)
        best = tensors_in(first / "checkpoints/best.safetensors")
        self.assertEqual(last_of(second), best)


if __name__ == "__main__":
    unittest.main()
