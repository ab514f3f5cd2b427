"""The whole way: benchmark, warm start, training, evaluation, prediction."""

import ast
import json
import pathlib
import pickle
import random
import shutil
import statistics
import struct
import tempfile
import unittest

from program import (
    STEPS,
    Case,
    decode_rle,
    files_below,
    make_benchmark,
    read_lines,
    read_png,
    read_safetensors,
    run,
    run_well,
    steps_of,
    train,
)

RATIOS = ["point_m", "point_m_box", "miou", "oiou"]
THRESHOLDS = [0.5, 0.6, 0.7, 0.8, 0.9]
ENDINGS = [".json", ".mask.png", ".overlay.png", ".response.npy", ".stages.png"]
SPLITS = ["val", "testA", "testB"]


def setUpModule():
    global ROOT, CLIP, TRIS
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_pipeline_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ROOT = make_benchmark(folder / "data")
    CLIP, TRIS = folder / "clip", folder / "tris"
    for run_folder, config, changes in (
        (CLIP, "clip_plain.yaml", {"train__max_steps": 60}),
        (TRIS, "tris.yaml", {"model__clip__weights": CLIP}),
    ):
        result = train(ROOT, run_folder, config=config, changes=changes)
        if result.returncode != 0:
            raise AssertionError(result.stderr)


def instances():
    path = ROOT / "refsynth" / "instances.json"
    loaded = json.loads(path.read_text(encoding="utf-8"))
    return {a["id"]: a for a in loaded["annotations"]}, {i["id"]: i for i in loaded["images"]}


def split_sentences(split):
    refs = pickle.loads((ROOT / "refsynth" / "refs(unc).p").read_bytes())
    return [
        (ref["ref_id"], sentence["sent_id"])
        for ref in refs
        if ref["split"] == split
        for sentence in ref["sentences"]
    ]


def inside_polygon(polygon, x, y):
    """Whether a point is inside, by the number of edges to its right."""
    points = list(zip(polygon[::2], polygon[1::2]))
    crossings = 0
    for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1]):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
            crossings += 1
    return crossings % 2 == 1


def picture(image):
    return ROOT / "images/mscoco/images/train2014" / image["file_name"]


class Training(Case):
    def test_the_run_folder_is_complete(self):
        for name in ("config.yaml", "log.jsonl", "results.json", "samples/val.png"):
            self.assertTrue((TRIS / name).is_file(), name)
        for name in ("last", "best"):
            metadata, tensors = read_safetensors(TRIS / "checkpoints" / f"{name}.safetensors")
            self.assertEqual(json.loads(metadata["config"])["data"]["root"], str(ROOT))
            has_optimizer = any(tensor.startswith("optimizer.") for tensor in tensors)
            self.assertEqual(has_optimizer, name == "last")
        self.assert_no_leftovers(TRIS)

    def test_the_log_has_every_step(self):
        steps = steps_of(TRIS)
        self.assertEqual([event["step"] for event in steps], list(range(1, STEPS + 1)))
        for event in steps:
            self.assertEqual(event["loss"]["total"], event["loss"]["classification"])
            self.assertGreater(event["images_per_second"], 0)
        self.assertEqual(steps[0]["epoch"], 0)
        self.assertGreater(steps[-1]["epoch"], 0)

    def test_training_lowers_the_contrastive_loss(self):
        losses = [event["loss"]["total"] for event in steps_of(CLIP)]
        self.assertLess(sum(losses[-5:]), 0.9 * sum(losses[:5]))

    def test_the_warm_start_comes_from_the_other_run(self):
        start = read_safetensors(CLIP / "checkpoints/best.safetensors")
        end = read_safetensors(TRIS / "checkpoints/last.safetensors")
        self.assertEqual(start[0]["vocabulary"], end[0]["vocabulary"])
        untrained = train(
            *(ROOT, self.folder / "a"),
            config="tris.yaml",
            changes={"model__clip__weights": CLIP, "train__max_steps": 0},
        )
        self.assertEqual(untrained.returncode, 0, untrained.stderr)
        same = read_safetensors(self.folder / "a" / "checkpoints/best.safetensors")[1]
        for name, tensor in start[1].items():
            if name != "logit_scale":
                self.assertEqual(same[name], tensor, name)

    def test_its_config_can_be_loaded_again(self):
        shown = json.loads(run_well("config", "show", TRIS / "config.yaml", "--json").stdout)
        self.assertEqual(shown["values"]["train"]["max_steps"], STEPS)
        self.assertEqual(shown["values"]["model"]["clip"]["visual"]["width"], 8)
        self.assertEqual(
            json.loads(run_well("config", "diff", TRIS, TRIS / "config.yaml", "--json").stdout), []
        )

    def test_a_second_training_into_the_folder_is_refused(self):
        before = files_below(TRIS)
        for arguments in ([], ["--resume", "never"]):
            result = train(ROOT, TRIS, "-q", *arguments, config="tris.yaml")
            self.assert_fails(result, 1, TRIS, "holds a run", "--resume auto")
        self.assertEqual(files_below(TRIS), before)

    def test_resuming_a_finished_run_does_nothing(self):
        before = files_below(TRIS)
        changes = {"model__clip__weights": CLIP}
        result = train(ROOT, TRIS, "--resume", "auto", config="tris.yaml", changes=changes)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("finished", result.stderr)
        self.assertEqual(files_below(TRIS), before)


def evaluate(*arguments):
    return json.loads(run_well("-q", "--json", "eval", *arguments).stdout)


class Evaluation(Case):
    @classmethod
    def setUpClass(cls):
        cls.out = TRIS.parent / "results.json"
        path = TRIS.parent / "sentences.jsonl"
        splits = [part for split in SPLITS for part in ("--split", split)]
        cls.results = evaluate(TRIS, *splits, "--per-sentence", path, "--out", cls.out)
        cls.lines = read_lines(path)

    def test_out_holds_what_json_shows(self):
        self.assertEqual(json.loads(self.out.read_text()), self.results)

    def test_results_have_the_fields_of_the_contract(self):
        results = self.results
        self.assertEqual(list(results), ["checkpoint", "protocol", "splits"])
        self.assertEqual(results["checkpoint"], str(TRIS / "checkpoints/best.safetensors"))
        self.assertEqual(results["protocol"]["dataset"], "refsynth")
        self.assertEqual(results["protocol"]["split_by"], "unc")
        self.assertEqual(results["protocol"]["image_size"], 96)
        self.assertEqual(results["protocol"]["segmentor"], "none")
        self.assertEqual(list(results["splits"]), SPLITS)
        for split, scores in results["splits"].items():
            self.assertEqual(scores["sentences"], len(split_sentences(split)))
            self.assertEqual(list(map(float, scores["precision"])), THRESHOLDS)
            self.assertEqual(len(scores["stages"]), 1)
            for ratio in RATIOS:
                self.assertGreaterEqual(scores[ratio], 0)
                self.assertLessEqual(scores[ratio], 100)
                self.assertEqual(scores["stages"][0][ratio], scores[ratio])

    def test_lines_are_in_the_order_of_the_splits(self):
        lines = self.lines
        wanted = [sentence for split in SPLITS for sentence in split_sentences(split)]
        self.assertEqual([(line["ref_id"], line["sent_id"]) for line in lines], wanted)

    def test_lines_add_up_to_the_results(self):
        lines = self.lines
        for split, scores in self.results["splits"].items():
            own, lines = lines[: scores["sentences"]], lines[scores["sentences"] :]

            def percent(values):
                return 100 * sum(values) / len(own)

            for line in own:
                self.assertAlmostEqual(line["iou"], line["intersection"] / line["union"], 6)
                self.assertEqual(line["stages"][-1]["peak"], line["peak"])
                self.assertEqual(line["stages"][-1]["hit"], line["hit"])
            self.assertAlmostEqual(scores["point_m"], percent(line["hit"] for line in own), 6)
            self.assertAlmostEqual(scores["miou"], percent(line["iou"] for line in own), 6)
            union = sum(line["union"] for line in own)
            both = sum(line["intersection"] for line in own)
            self.assertAlmostEqual(scores["oiou"], 100 * both / union, 6)
            for threshold, value in scores["precision"].items():
                above = percent(line["iou"] >= float(threshold) for line in own)
                self.assertAlmostEqual(value, above, 6, threshold)
        self.assertEqual(lines, [])

    def test_intervals_are_near_those_of_another_bootstrap(self):
        self.assertEqual(
            self.results["protocol"]["intervals"],
            {"percent": 95.0, "resampled": "images", "resamples": 1000, "seed": 0},
        )
        scores = self.results["splits"][SPLITS[0]]
        images = {}
        for line in self.lines[: scores["sentences"]]:
            images.setdefault(line["image_id"], []).append(line)
        images, draws = list(images.values()), random.Random(7)
        figures = {"point_m": [], "miou": [], "oiou": []}
        for _ in range(2000):
            drawn = [line for lines in draws.choices(images, k=len(images)) for line in lines]
            figures["point_m"].append(statistics.fmean(line["hit"] for line in drawn))
            figures["miou"].append(statistics.fmean(line["iou"] for line in drawn))
            both, union = (sum(line[key] for line in drawn) for key in ("intersection", "union"))
            figures["oiou"].append(both / union)
        for name, values in figures.items():
            values = sorted(values)
            wanted = (100 * values[50], 100 * values[-51])
            for found, near in zip(scores["intervals"][name], wanted):
                self.assertAlmostEqual(found, near, delta=0.2 * (wanted[1] - wanted[0]), msg=name)
        for part in [*scores["stages"], *scores["kinds"].values()]:
            low, high = part["intervals"]["point_m"]
            self.assertLessEqual(low, part["point_m"])
            self.assertGreaterEqual(high, part["point_m"])

    def test_lines_agree_with_the_annotations(self):
        annotations, images = instances()
        lines = self.lines
        checked = 0
        for line in lines:
            annotation, image = annotations[line["ann_id"]], images[line["image_id"]]
            self.assertEqual(annotation["image_id"], line["image_id"])
            self.assertEqual(
                line["segmentation"]["size"], [image["height"], image["width"]], line["sent_id"]
            )
            mask = decode_rle(line["segmentation"])
            peak = line["peak"]
            if peak["score"] > 0:  # a map without a positive value has an empty mask
                self.assertIn((peak["x"], peak["y"]), mask)
            else:
                self.assertEqual(((peak["x"], peak["y"]), len(mask)), ((0, 0), 0))
            union = len(mask) + annotation["area"] - line["intersection"]
            self.assertEqual(line["union"], union)
            # A pixel is inside for sure when its neighbours' centres are, outside likewise.
            (polygon,) = annotation["segmentation"]
            near = {
                inside_polygon(polygon, peak["x"] + dx, peak["y"] + dy)
                for dx in (-1, 0.5, 2)
                for dy in (-1, 0.5, 2)
            }
            if len(near) == 1:
                self.assertEqual(line["hit"], near.pop(), line["sent_id"])
                checked += 1
        self.assertGreater(checked, len(lines) // 2)

    def test_the_centre_pixel_scores_what_the_benchmark_says(self):
        manifest = json.loads((ROOT / "refsynth" / "refsynth.json").read_text())
        lines = self.folder / "centre.jsonl"
        arguments = ["--baseline", "centre", "--root", ROOT, "--per-sentence", lines]
        results = evaluate(*arguments, "--split", "testA")
        wanted = manifest["splits"]["testA"]
        blind = [value for key, value in flat(wanted) if "centre" in key]
        self.assertEqual(len(blind), 1, wanted)
        self.assertAlmostEqual(results["splits"]["testA"]["point_m"], blind[0], 2)
        _, images = instances()
        for line in read_lines(lines):
            image = images[line["image_id"]]
            self.assertEqual(line["peak"]["x"], image["width"] // 2)
            self.assertEqual(line["peak"]["y"], image["height"] // 2)

    def test_random_pixels_follow_the_seed(self):
        found = []
        for seed in (0, 0, 1):
            lines = self.folder / "random.jsonl"
            arguments = ["--baseline", "random", "--root", ROOT, "--set", f"run.seed={seed}"]
            evaluate(*arguments, "--per-sentence", lines)
            found.append([(line["peak"]["x"], line["peak"]["y"]) for line in read_lines(lines)])
        self.assertEqual(found[0], found[1])
        self.assertNotEqual(found[0], found[2])

    def test_an_oracle_chooses_no_worse_proposals(self):
        by = {
            name: evaluate(TRIS, "--segmentor", name, "--split", "testB")
            for name in ("none", "proposal", "oracle-proposal")
        }
        scores = {name: results["splits"]["testB"] for name, results in by.items()}
        self.assertGreaterEqual(scores["oracle-proposal"]["miou"], scores["proposal"]["miou"])
        self.assertGreater(scores["oracle-proposal"]["miou"], scores["none"]["miou"])
        self.assertGreater(scores["oracle-proposal"]["miou"], 50)
        self.assertEqual({s["point_m"] for s in scores.values()}, {scores["none"]["point_m"]})
        for name, results in by.items():
            self.assertEqual(results["protocol"]["segmentor"], name)

    def test_a_checkpoint_scores_as_its_run_does(self):
        own = json.loads((TRIS / "results.json").read_text())
        for model in (TRIS, TRIS / "checkpoints/best.safetensors"):
            self.assertEqual(evaluate(model)["splits"], own["splits"])


def flat(value, name=""):
    """Every number of a JSON document with its dotted name."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in flat(inner, f"{name}.{key}")]
    return [(name, value)] if isinstance(value, (int, float)) else []


def read_npy(path):
    """Shape and values of a little-endian float32 array."""
    data = path.read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00", path
    (length,) = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10 : 10 + length].decode("latin-1"))
    assert header["descr"] == "<f4" and not header["fortran_order"], header
    count = (len(data) - 10 - length) // 4
    return header["shape"], struct.unpack(f"<{count}f", data[10 + length :])


class Prediction(Case):
    def test_all_five_files_agree(self):
        image = next(iter(instances()[1].values()))
        path = picture(image)
        arguments = ["--image", path, "--text", "the red circle", "--out", self.folder]
        shown = json.loads(run_well("--json", "-q", "predict", TRIS, *arguments).stdout)
        self.assertEqual(
            sorted(file.name for file in self.folder.iterdir()),
            [path.stem + ending for ending in ENDINGS],
        )
        document = json.loads((self.folder / f"{path.stem}.json").read_text())
        self.assertEqual(shown, [document])
        self.check_document(document, path)
        width, height = image["width"], image["height"]
        shape, values = read_npy(self.folder / f"{path.stem}.response.npy")
        self.assertEqual(shape, (height, width))
        peak = document["peak"]
        self.assertEqual(values[peak["y"] * width + peak["x"]], max(values))
        self.assertAlmostEqual(peak["score"], max(values), 6)
        self.assertEqual(read_png(self.folder / f"{path.stem}.mask.png"), (width, height, 1))
        read_png(self.folder / f"{path.stem}.overlay.png")
        read_png(self.folder / f"{path.stem}.stages.png")

    def check_document(self, document, path):
        self.assertEqual(
            list(document),
            [
                *("image", "text", "cues", "peak", "stages", "box"),
                *("mask_area", "segmentor", "checkpoint", "size", "image_digest", "made_with"),
                *("files", "seconds"),
            ],
        )
        self.assertEqual(document["image"], str(path))
        self.assertEqual(document["text"], "the red circle")
        self.assertEqual(document["stages"], [{"peak": document["peak"]}])
        self.assertIsInstance(document["peak"]["x"], int)
        self.assertIsInstance(document["mask_area"], int)
        x, y, w, h = document["box"]
        self.assertLessEqual(document["mask_area"], w * h)
        self.assertTrue(x <= document["peak"]["x"] < x + w)
        self.assertTrue(y <= document["peak"]["y"] < y + h)
        self.assertEqual(document["segmentor"], "none")
        self.assertGreater(document["seconds"], 0)

    def test_many_pictures_and_texts_are_told_apart(self):
        pictures = [picture(image) for image in list(instances()[1].values())[:3]]
        texts = ["the star", "the left cross"]
        arguments = [part for path in pictures for part in ("--image", path)]
        arguments += [part for text in texts for part in ("--text", text)]
        arguments += ["--out", self.folder / "new/folder", "--json"]
        result = run_well("predict", TRIS, *arguments)
        found = [(entry["image"], entry["text"]) for entry in json.loads(result.stdout)]
        self.assertEqual(found, [(str(path), text) for path in pictures for text in texts])
        self.assertEqual(len(list((self.folder / "new/folder").iterdir())), 5 * 6)

    def test_a_text_answers_as_in_evaluation(self):
        annotations, images = instances()
        lines = self.folder / "lines.jsonl"
        run_well("-q", "eval", TRIS, "--per-sentence", lines)
        for line in read_lines(lines):
            path = picture(images[line["image_id"]])
            out = self.folder / str(line["sent_id"])
            arguments = ["--image", path, "--text", line["text"], "--out", out, "--json"]
            (document,) = json.loads(run_well("-q", "predict", TRIS, *arguments).stdout)
            self.assertEqual(document["mask_area"], len(decode_rle(line["segmentation"])))
            self.assertEqual(document["peak"]["x"], line["peak"]["x"])
            self.assertEqual(document["peak"]["y"], line["peak"]["y"])


if __name__ == "__main__":
    unittest.main()
