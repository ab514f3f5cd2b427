"""`pcnet weights inspect | convert | diff` on every kind of file, there and back, and bad input."""

import json
import pathlib
import random
import shutil
import struct
import tempfile
import unittest
import zipfile

import segmentors
from official import LAYERS, OUTPUT, VOCABULARY, clip_shapes, official_shapes, tensors_of
from program import (
    Case,
    file_limit,
    make_benchmark,
    read_safetensors,
    run,
    run_well,
    train,
    write_safetensors,
)


def setUpModule():
    global RUN
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_weights_"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    RUN = folder / "run"
    changes = {"train__max_steps": 2, "train__batch_size": 8}
    result = train(make_benchmark(folder / "data"), RUN, changes=changes)
    if result.returncode != 0:
        raise AssertionError(result.stderr)


class Weights(Case):
    def make(self, name, shapes, prefix="", **metadata):
        path = self.folder / name
        write_safetensors(path, metadata, tensors_of(shapes, prefix))
        return path

    def clip(self, name="clip.safetensors", prefix=""):
        return self.make(name, clip_shapes(), prefix)

    def inspect(self, path, *more):
        return json.loads(run_well("-q", "weights", "inspect", path, *more, "--json").stdout)

    def convert(self, source, out, *more):
        return json.loads(
            run_well("-q", "weights", "convert", source, self.folder / out, *more, "--json").stdout
        )

    def diff(self, a, b, *more):
        result = run("-q", "weights", "diff", a, b, *more, "--json")
        self.assertEqual(result.stderr, "")
        document = json.loads(result.stdout)
        self.assertEqual(result.returncode, 0 if document["equal"] else 1)
        return document


class Inspect(Weights):
    def test_a_clip(self):
        document = self.inspect(self.clip())
        shapes = clip_shapes()
        self.assertEqual(document["layout"], "openai-clip")
        self.assertEqual((document["tensors"], document["prefix"]), (len(shapes), ""))
        self.assertTrue(document["fit"]["fits"], document["fit"])
        architecture = document["architecture"]
        self.assertIsNone(architecture["name"])
        self.assertEqual(architecture["vocabulary_size"], VOCABULARY)
        self.assertEqual(architecture["visual"]["layers"], list(LAYERS))
        self.assertEqual(architecture["visual"]["resolution"], 16)
        self.assertEqual(architecture["text"]["context_length"], 9)
        (place,) = document["loads"]
        self.assertEqual(place["where"], "model.clip.weights")
        self.assertIn("model.clip.visual.layers=[1,2]", place["set"])
        self.assertEqual(document["dtypes"].keys(), {"F32", "I64"})
        parts = document["parts"]
        self.assertEqual(sum(part["tensors"] for part in parts.values()), len(shapes))
        elements = 3 * (64 + 1) * 64 + (64 + 1) * OUTPUT + 5 * 64
        self.assertEqual(parts["attention pool"], {"tensors": 9, "elements": elements})

    def test_what_is_wrapped_round_it(self):
        document = self.inspect(self.clip(prefix="model.module."))
        self.assertEqual((document["layout"], document["prefix"]), ("openai-clip", "model.module."))
        self.assertTrue(document["fit"]["fits"])

    def test_official_checkpoints(self):
        for kind in ("tris", "pcnet"):
            with self.subTest(kind):
                source = self.make("a.safetensors", official_shapes(kind))
                self.convert(source, "a.pth", "--layout", f"official-{kind}")
                document = self.inspect(self.folder / "a.pth")
                self.assertEqual(document["layout"], f"official-{kind}")
                self.assertEqual(document["prefix"], "model.")
                self.assertTrue(document["fit"]["fits"], document["fit"])
                self.assertEqual(document["values"]["epoch"], "0")
                self.assertEqual(
                    [place["where"] for place in document["loads"]],
                    ["eval, predict", "train --init", "model.clip.weights"],
                )

    def test_a_run_of_ours(self):
        for path in (RUN, RUN / "checkpoints/last.safetensors"):
            document = self.inspect(path)
            self.assertEqual(document["layout"], "pcnet")
            self.assertEqual(document["metadata"]["config"]["train"]["max_steps"], 2)
            self.assertTrue(document["fit"]["fits"], document["fit"])
        where = [place["where"] for place in document["loads"]]
        self.assertEqual(
            where, ["eval, predict", "train --resume", "train --init", "model.clip.weights"]
        )
        self.assertRegex(document["left_out"][0], r"^optimizer \(\d+ tensors\)$")

    def test_other_models_get_advice(self):
        cases = {
            "vision transformer": ["visual.class_embedding", "visual.proj"],
            "Hugging Face": ["vision_model.embeddings.class_embedding"],
            "torchvision": ["conv1.weight", "layer1.0.conv1.weight", "fc.weight"],
            "known": ["some.weight"],
        }
        for words, names in cases.items():
            with self.subTest(words):
                path = self.make("other.safetensors", {name: [2] for name in names})
                document = self.inspect(path)
                self.assertIn(words, document["advice"])
                self.assertEqual(document["loads"], [])
                text = run_well("-q", "weights", "inspect", path).stdout
                self.assertIn(document["advice"], text)

    def test_a_file_that_lacks_something(self):
        shapes = clip_shapes()
        del shapes["visual.bn1.weight"]
        shapes["visual.bn2.weight"] = [5]
        shapes["stranger"] = [1]
        path = self.make("broken.safetensors", shapes)
        fit = self.inspect(path)["fit"]
        self.assertEqual(fit["missing"], ["visual.bn1.weight"])
        self.assertEqual(fit["unexpected"], ["stranger"])
        (mismatched,) = fit["mismatched"]
        self.assertEqual(mismatched, {"name": "visual.bn2.weight", "got": [5], "wanted": [4]})
        text = run_well("-q", "weights", "inspect", path).stdout
        self.assertIn("visual.bn2.weight is [5], wanted [4]", text)

    def test_every_tensor_with_its_numbers(self):
        path = self.folder / "few.safetensors"
        values = struct.pack("<6f", 1, 2, 3, 4, float("nan"), float("inf"))
        tensors = {"a": ("F32", [2, 3], values), "b": ("I64", [], struct.pack("<q", 7))}
        write_safetensors(path, {"note": "hello"}, tensors)
        rows = self.inspect(path, "--tensors")["tensor_list"]
        self.assertEqual(
            rows,
            [
                {"name": "a", "dtype": "F32", "shape": [2, 3]},
                {"name": "b", "dtype": "I64", "shape": []},
            ],
        )
        a, b = self.inspect(path, "--stats")["tensor_list"]
        self.assertEqual((a["non_finite"], a["min"], a["max"], a["mean"]), (2, 1, 4, 2.5))
        self.assertAlmostEqual(a["std"], 1.25**0.5)
        self.assertEqual((b["non_finite"], b["min"], b["std"]), (0, 7, 0))
        text = run_well("-q", "weights", "inspect", path, "--stats").stdout
        self.assertIn("2 numbers in 1 tensor\n", text)
        self.assertRegex(text, r"(?m)^a +F32 +\[2,3\] +1 +4 +2\.5 +1\.118 +2$")
        self.assertIn("note = hello", text)
        self.assertRegex(run_well("-v", "weights", "inspect", path).stdout, r"(?m)^b +I64 +\[\]$")


class Segmentors(Weights):
    SMALL = (8, 2, 2, (1,), 32)  # a SAM of 512 px with two narrow blocks

    def hollow(self, name, shapes, prefix=""):
        path = self.folder / name
        segmentors.write_hollow(path, shapes, prefix)
        return path

    def test_every_published_sam(self):
        directions = 256  # are drawn, not learned
        for name, tensors, numbers in (
            ("ViT-B", 314, 93_735_728),
            ("ViT-L", 482, 312_343_088),
            ("ViT-H", 594, 641_090_864),
        ):
            with self.subTest(name):
                path = self.hollow("sam.safetensors", segmentors.sam_shapes(name))
                document = self.inspect(path)
                width, blocks, heads, global_blocks = segmentors.VITS[name]
                self.assertEqual((document["layout"], document["tensors"]), ("SAM", tensors))
                self.assertEqual(document["parameters"], numbers - directions)
                self.assertTrue(document["fit"]["fits"], document["fit"])
                self.assertEqual(document["architecture"]["name"], name)
                self.assertEqual(
                    document["architecture"]["image_encoder"],
                    {"width": width, "blocks": blocks, "heads": heads,
                     "global_blocks": list(global_blocks)},
                )
                (place,) = document["loads"]
                self.assertEqual(place["where"], "proposals make --weights")
                text = run_well("-q", "weights", "inspect", path).stdout
                self.assertIn(f"{name}: {blocks} blocks of width {width}", text)

    def test_mobile_sam(self):
        path = self.hollow("mobile.safetensors", segmentors.sam_shapes("MobileSAM"))
        document = self.inspect(path)
        self.assertEqual((document["layout"], document["tensors"]), ("SAM", 439))
        self.assertEqual(document["architecture"]["name"], "MobileSAM")
        self.assertTrue(document["fit"]["fits"], document["fit"])
        self.assertEqual(
            document["left_out"],
            ["image_encoder.norm_head (2 tensors)", "image_encoder.head (2 tensors)"],
        )

    def test_freesolo(self):
        path = self.hollow("solo.safetensors", segmentors.freesolo_shapes(), prefix="model.")
        document = self.inspect(path)
        self.assertEqual((document["layout"], document["prefix"]), ("FreeSOLO", "model."))
        self.assertTrue(document["fit"]["fits"], document["fit"])
        self.assertEqual(
            document["left_out"], ["_iter (1 tensor)", "ins_head.emb_pred (2 tensors)"]
        )
        self.assertEqual(
            document["loads"][0]["where"], "proposals make --source freesolo --weights"
        )

    def test_what_is_missing_or_too_much(self):
        sam = segmentors.sam_shapes(self.SMALL)
        del sam["image_encoder.blocks.1.attn.rel_pos_w"]
        sam["mask_decoder.iou_token.weight"] = [2, 256]
        sam["mask_decoder.extra"] = [1]
        solo = segmentors.freesolo_shapes()
        del solo["mask_head.conv_pred.1.bias"]
        solo["ins_head.cate_pred.bias"] = [3]
        solo["mask_head.extra"] = [1]
        for shapes, missing, unexpected, mismatched in (
            (sam, "image_encoder.blocks.1.attn.rel_pos_w", "mask_decoder.extra",
             {"name": "mask_decoder.iou_token.weight", "got": [2, 256], "wanted": [1, 256]}),
            (solo, "mask_head.conv_pred.1.bias", "mask_head.extra",
             {"name": "ins_head.cate_pred.bias", "got": [3], "wanted": [2]}),
        ):
            document = self.inspect(self.hollow("part.safetensors", shapes))
            fit = document["fit"]
            self.assertEqual((fit["missing"], fit["unexpected"]), ([missing], [unexpected]))
            self.assertEqual(fit["mismatched"], [mismatched])
            self.assertEqual(document["loads"], [])
        del sam["image_encoder.pos_embed"]
        document = self.inspect(self.hollow("part.safetensors", sam))
        self.assertIn("no tensor image_encoder.pos_embed", document["advice"])
        self.assertEqual(document["layout"], "SAM")

    def test_other_families_by_their_names(self):
        sam = segmentors.sam_shapes(self.SMALL)
        cases = {
            "SAM 2": {"memory_attention.layers.0.norm1.weight": [1]},
            "SAM-HQ": sam | {"mask_decoder.hf_token.weight": [1, 256]},
            "EfficientSAM": sam | {"mask_decoder.final_output_upscaling_layers.0.0.bias": [64]},
            "SAM under Hugging Face's names": {
                "shared_image_embedding.positional_embedding": [2, 128],
                "vision_encoder.pos_embed": [1, 64, 64, 768],
                "mask_decoder.iou_token.weight": [1, 256]},
            "a YOLO (FastSAM is one)": {"model.22.cv2.0.0.conv.weight": [1]},
        }
        for name, shapes in cases.items():
            with self.subTest(name):
                path = self.hollow("other.safetensors", shapes)
                document = self.inspect(path)
                self.assertEqual((document["layout"], document["loads"]), (name, []))
                self.assertIn(f"it is {name}, which is not read", document["advice"])
        onnx = self.folder / "sam.onnx"
        onnx.write_bytes(b"\x08\x07\x12\x07pytorch")
        self.assert_fails(run("-q", "weights", "inspect", onnx), 1, onnx, "ONNX")

    def test_there_and_back_keeps_names(self):
        for prefix, shapes in (
            ("", segmentors.sam_shapes(self.SMALL)),
            ("model.", {"_iter": [1], "ins_head.cate_pred.weight": [2, 4, 3, 3],
                        "backbone.bottom_up.stem.conv1.weight": [4, 3, 7, 7]}),
        ):
            source = self.hollow("source.safetensors", shapes, prefix)
            self.convert(source, "a.pth")
            self.convert(self.folder / "a.pth", "b.safetensors")
            self.assertEqual(
                read_safetensors(self.folder / "b.safetensors")[1], read_safetensors(source)[1])
            document = self.diff(source, self.folder / "a.pth")
            self.assertTrue(document["equal"])
            self.assertEqual(document["a"]["prefix"], prefix)
            self.assertEqual(
                document["common"], len(shapes) - sum(name == "_iter" for name in shapes))

    def test_a_segmentor_is_no_model_around_a_clip(self):
        path = self.hollow("sam.safetensors", segmentors.sam_shapes(self.SMALL))
        result = run("-q", "weights", "convert", path, self.folder / "a.safetensors", "--layout", "pcnet")
        self.assert_fails(result, 2, "this looks like SAM", "knows no text")


class Convert(Weights):
    def test_there_and_back_is_bit_equal(self):
        source = self.clip()
        chain = (
            ("a.pth", ()),
            ("b.safetensors", ("--layout", "pcnet")),
            ("c.pt", ("--layout", "openai-clip")),
            ("d.safetensors", ()),
        )
        last = source
        for name, more in chain:
            self.convert(last, name, *more)
            last = self.folder / name
        self.assertEqual(read_safetensors(last)[1], read_safetensors(source)[1])
        wrapped = read_safetensors(self.folder / "b.safetensors")[1]
        self.assertTrue(all(name.startswith("backbone.") for name in wrapped))

    def test_an_official_checkpoint_there_and_back(self):
        for kind in ("tris", "pcnet"):
            layout = f"official-{kind}"
            source = self.make("source.safetensors", official_shapes(kind))
            written = self.convert(source, f"{kind}.pth", "--layout", layout)
            self.assertEqual(written["tensors"], len(official_shapes(kind)))
            self.assertTrue(zipfile.is_zipfile(self.folder / f"{kind}.pth"))
            self.convert(self.folder / f"{kind}.pth", "back.safetensors", "--layout", "pcnet")
            back = read_safetensors(self.folder / "back.safetensors")[1]
            self.assertEqual(back, read_safetensors(source)[1])

    def test_the_encoders_of_a_whole_model(self):
        source = self.make("tris.safetensors", official_shapes("tris"))
        self.convert(source, "clip.pt", "--layout", "openai-clip")
        self.assertEqual(self.inspect(self.folder / "clip.pt")["layout"], "openai-clip")
        self.convert(RUN, "run.safetensors", "--layout", "openai-clip")
        self.assertTrue(self.inspect(self.folder / "run.safetensors")["fit"]["fits"])

    def test_a_run_without_its_optimizer_still_evaluates(self):
        last = RUN / "checkpoints/last.safetensors"
        written = self.convert(last, "model.safetensors", "--layout", "pcnet")
        self.assertGreater(written["left_out"], 0)
        names = read_safetensors(self.folder / "model.safetensors")[1]
        self.assertFalse([name for name in names if name.startswith("optimizer.")])
        result = run_well("-q", "eval", self.folder / "model.safetensors", "--json")
        self.assertIn("val", json.loads(result.stdout)["splits"])

    def test_types(self):
        source = self.clip()
        for dtype, size in (("f16", 2), ("bf16", 2), ("f32", 4)):
            self.convert(source, f"{dtype}.safetensors", "--dtype", dtype)
            tensors = read_safetensors(self.folder / f"{dtype}.safetensors")[1]
            self.assertEqual(tensors["visual.bn1.weight"][0], dtype.upper())
            self.assertEqual(len(tensors["visual.bn1.weight"][2]), 4 * size)
            self.assertEqual(tensors["visual.bn1.num_batches_tracked"][0], "I64")
        self.convert(self.folder / "f16.safetensors", "back.safetensors", "--dtype", "f32")
        back = read_safetensors(self.folder / "back.safetensors")[1]
        self.assertEqual(back, read_safetensors(source)[1])

    def test_metadata_and_order_stay(self):
        tensors = {name: ("F32", [1], bytes(4)) for name in ("z", "a", "optimizer.z")}
        write_safetensors(self.folder / "in.safetensors", {"format": "pt"}, tensors)
        self.convert(self.folder / "in.safetensors", "out.safetensors")
        metadata, found = read_safetensors(self.folder / "out.safetensors")
        self.assertEqual((metadata, list(found)), ({"format": "pt"}, list(tensors)))

    def test_what_has_no_meaning_is_refused(self):
        clip = self.clip()
        other = self.make("vit.safetensors", {"visual.class_embedding": [2]})
        (self.folder / "folder.pth").mkdir()
        link = self.folder / "link.safetensors"
        link.symlink_to(clip)
        cases = (
            (clip, "out.bin", (), "wanted .safetensors, .pt or .pth"),
            (clip, "out", (), "its ending"),
            (clip, "folder.pth", (), "is a folder"),
            (clip, "clip.safetensors", (), "is IN"),
            (clip, "link.safetensors", (), "is IN"),
            (clip, "out.pth", ("--layout", "pcnet"), "is a .safetensors file"),
            (clip, "out.safetensors", ("--layout", "official-tris"), "wanted .pth"),
            (clip, "out.pth", ("--layout", "official-tris"), "CLIP's encoders alone"),
            (clip, "out.pth", ("--layout", "sam"), "wanted one of pcnet, official-pcnet"),
            (clip, "out.pth", ("--dtype", "f8"), "wanted f32, f16, bf16 or same"),
            (other, "out.pth", ("--layout", "openai-clip"), "vision transformer"),
        )
        for source, out, more, words in cases:
            with self.subTest(out=out, more=more):
                before = clip.read_bytes()
                result = run("-q", "weights", "convert", source, self.folder / out, *more)
                self.assert_fails(result, 2, words)
                self.assertFalse((self.folder / out).is_file() and out.startswith("out"))
                self.assertEqual(clip.read_bytes(), before)

    def test_what_is_no_tensor_is_named_and_left_out(self):
        source = self.make("tris.safetensors", official_shapes("tris"))
        self.convert(source, "plain.pth", "--layout", "official-tris")
        rich = self.folder / "rich.pth"
        with zipfile.ZipFile(self.folder / "plain.pth") as old, zipfile.ZipFile(rich, "w") as new:
            for item in old.infolist():
                data = old.read(item)
                if item.filename.endswith("data.pkl"):
                    # Before the last SETITEMS: root: PosixPath("x"), best: {1}
                    self.assertTrue(data.endswith(b"u."))
                    data = data[:-2] + b"U\x04rootcpathlib\nPosixPath\n(U\x01xtRU\x04best\x8fu."
                new.writestr(item.filename, data)
        kinds = [
            {"name": "root", "type": "pathlib.PosixPath"},
            {"name": "best", "type": "builtins.set"},
        ]
        document = self.inspect(rich)
        self.assertEqual(document["opaque"], kinds)
        self.assertTrue(document["fit"]["fits"], document["fit"])
        text = run_well("-q", "weights", "inspect", rich).stdout
        self.assertIn("not read (2)\n  root: pathlib.PosixPath\n  best: builtins.set\n", text)
        out = self.folder / "out.safetensors"
        text = run_well("-q", "weights", "convert", rich, out, "--layout", "pcnet").stdout
        self.assertIn("(2)\n  root: pathlib.PosixPath\n  best: builtins.set\n", text)
        self.assertEqual(read_safetensors(out)[1], read_safetensors(source)[1])
        self.assertEqual(self.convert(rich, "again.safetensors")["opaque"], kinds)

    def test_a_layout_whose_tensors_are_not_there(self):
        out = self.folder / "out.pth"
        command = ("-q", "weights", "convert", RUN, out, "--layout", "official-tris")
        self.assert_fails(run(*command), 1, "missing attn_fusion.t_output.0.bias", "more")
        shapes = official_shapes("pcnet")
        del shapes["attn_fusion_vl.3.t_proj2.0.bias"]
        source = self.make("part.safetensors", shapes)
        command = ("-q", "weights", "convert", source, out, "--layout", "official-pcnet")
        self.assert_fails(run(*command), 1, source, "missing attn_fusion_vl.3.t_proj2.0.bias")
        self.assertFalse(out.exists())

    def test_numbers_too_large_for_the_type(self):
        path = self.folder / "large.safetensors"
        write_safetensors(path, {}, {"a": ("F32", [2], struct.pack("<2f", 1, 1e6))})
        out = self.folder / "out.safetensors"
        result = run("-q", "weights", "convert", path, out, "--dtype", "f16")
        self.assert_fails(result, 1, "tensor 'a'", "too large for Half", "bf16")
        self.assertFalse(out.exists())

    def test_a_full_disk_leaves_nothing(self):
        out = self.folder / "out.pth"
        source = self.clip()
        result = run("-q", "weights", "convert", source, out, preexec_fn=file_limit(10_000))
        self.assert_fails(result, 1, out)
        self.assertFalse(out.exists())
        self.assert_no_leftovers(self.folder)

    def test_an_older_file_is_replaced(self):
        out = self.folder / "out.safetensors"
        out.write_text("old")
        source = self.clip()
        self.convert(source, out.name)
        self.assertEqual(read_safetensors(out)[1], read_safetensors(source)[1])


class Diff(Weights):
    def write(self, name, values, dtype="F32", **more):
        path = self.folder / name
        code = {"F32": "f", "F64": "d"}[dtype]
        raw = struct.pack(f"<{len(values)}{code}", *values)
        others = {key: ("F32", [side], bytes(4 * side)) for key, side in more.items()}
        write_safetensors(path, {}, {"w": (dtype, [len(values)], raw), **others})
        return path

    def test_equal_files(self):
        a = self.clip()
        self.convert(a, "b.pth")
        for other in (self.folder / "b.pth", self.clip("c.safetensors", prefix="model.")):
            document = self.diff(a, other)
            self.assertTrue(document["equal"])
            self.assertEqual(document["common"], len(clip_shapes()))
        text = run_well("-q", "weights", "diff", a, self.folder / "b.pth").stdout
        self.assertIn(f"equal: {len(clip_shapes())} tensors in both, 0 differ\n", text)
        self.assertTrue(self.diff(RUN, RUN / "checkpoints/best.safetensors")["equal"])

    def test_a_clip_and_a_model_around_it(self):
        model = self.make("tris.safetensors", official_shapes("tris"))
        self.convert(model, "clip.pth", "--layout", "openai-clip")
        for a, b in ((model, self.folder / "clip.pth"), (self.folder / "clip.pth", model)):
            document = self.diff(a, b)
            self.assertTrue(document["equal"])
            self.assertEqual(document["common"], len(clip_shapes()))
            left_out = document["a"]["left_out"] + document["b"]["left_out"]
            self.assertEqual(left_out, ["heads (29 tensors)"])

    def test_numbers_names_and_shapes_that_differ(self):
        a = self.write("a.safetensors", (1, 2, -4), only_a=1, shape=2)
        b = self.write("b.safetensors", (1, 2.5, -4), only_b=1, shape=3)
        document = self.diff(a, b)
        self.assertFalse(document["equal"])
        self.assertEqual((document["only_in_a"], document["only_in_b"]), (["only_a"], ["only_b"]))
        self.assertEqual(document["shapes"][0]["b"]["shape"], [3])
        (row,) = document["numbers"]
        self.assertEqual((row["name"], row["max_absolute"]), ("w", 0.5))
        self.assertAlmostEqual(row["max_relative"], 0.2)
        text = run("-q", "weights", "diff", a, b).stdout
        self.assertIn("different: 2 tensors in both, 1 differ\n", text)
        self.assertRegex(text, r"(?m)^w +0\.5 +0\.2$")

    def test_tolerance(self):
        a = self.write("a.safetensors", (1, 2))
        b = self.write("b.safetensors", (1, 2.25), dtype="F64")
        self.assertFalse(self.diff(a, b)["equal"])
        self.assertFalse(self.diff(a, b, "--tolerance", 0.2)["equal"])
        document = self.diff(a, b, "--tolerance", 0.25)
        self.assertTrue(document["equal"])
        self.assertEqual(document["dtypes"][0]["b"]["dtype"], "F64")
        self.assertFalse(self.diff(a, self.write("c.safetensors", (1, 2), dtype="F64"))["equal"])
        for bad in (-1, "nan", "inf"):
            result = run("-q", "weights", "diff", a, b, f"--tolerance={bad}")
            self.assert_fails(result, 2, "--tolerance")

    def test_numbers_that_are_not_finite(self):
        nan, inf = float("nan"), float("inf")
        a = self.write("a.safetensors", (1, nan, inf))
        self.assertTrue(self.diff(a, self.write("b.safetensors", (1, nan, inf)))["equal"])
        for values in ((1, 2, inf), (1, nan, 2), (1, nan, -inf), (nan, nan, inf)):
            document = self.diff(a, self.write("b.safetensors", values), "--tolerance", 100)
            self.assertFalse(document["equal"], values)
            self.assertEqual(document["numbers"][0]["max_absolute"], "infinite")

    def test_the_largest_difference_comes_first(self):
        one, two, four = (("F32", [1], struct.pack("<f", value)) for value in (1, 2, 4))
        a, b = self.folder / "a.safetensors", self.folder / "b.safetensors"
        write_safetensors(a, {}, {"x": one, "y": one, "z": one})
        write_safetensors(b, {}, {"x": two, "y": four, "z": one})
        self.assertEqual([row["name"] for row in self.diff(a, b)["numbers"]], ["y", "x"])


class BadInput(Weights):
    def test_every_command_refuses_a_bad_file(self):
        good = self.clip()
        data = good.read_bytes()
        bad = {
            "empty.pth": b"",
            "words.pt": b"Some words that nobody took for a model.\n" * 30,
            "noise.safetensors": random.Random(0).randbytes(5000),
            "torn.safetensors": data[: len(data) // 2],
        }
        self.convert(good, "good.pth")
        bad["torn.pth"] = (self.folder / "good.pth").read_bytes()[:-40]
        for name, content in bad.items():
            path = self.folder / name
            path.write_bytes(content)
            for command in (
                ("inspect", path),
                ("convert", path, self.folder / "out.pth"),
                ("diff", path, good),
                ("diff", good, path),
            ):
                with self.subTest(name=name, command=command[0]):
                    self.assert_fails(run("-q", "weights", *command), 1, path)
        self.assertFalse((self.folder / "out.pth").exists())

    def test_what_is_not_there(self):
        (self.folder / "none").mkdir()
        for path in (self.folder / "missing.pth", self.folder / "none"):
            self.assert_fails(run("-q", "weights", "inspect", path), 1, path)
        out = self.folder / "no/folder/out.pth"
        self.assert_fails(run("-q", "weights", "convert", self.clip(), out), 1, self.folder / "no")

    def test_wrong_usage(self):
        for arguments in ((), ("inspect",), ("convert", "a.pth"), ("diff", "a"), ("inspct", "a")):
            result = run("-q", "weights", *arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertRegex(result.stderr, r"\Apcnet: error: [^\n]+\n\Z")


if __name__ == "__main__":
    unittest.main()
