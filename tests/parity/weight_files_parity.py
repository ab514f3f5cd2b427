"""Weight files of torch and safetensors, both ways, bit for bit."""

import argparse
import collections
import datetime
import fractions
import functools
import json
import os
import pathlib
import struct
import zipfile

import peers

torch = peers.peer("torch")
np = peers.peer("numpy")
safetensors_torch = peers.peer("safetensors.torch")

TYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32,
         torch.int16, torch.int8, torch.uint8, torch.bool)


def every_type():
    generator = torch.Generator().manual_seed(1)
    tensors = collections.OrderedDict()
    for dtype in TYPES:
        for shape in ((3, 5), (), (0, 4), (7,)):
            name = f"{str(dtype)[6:]}.{'x'.join(map(str, shape)) or 'scalar'}"
            tensors[name] = (torch.rand(shape, generator=generator) * 90).to(dtype)
    return tensors


class Block(torch.nn.Module):
    """Modules inside lists, buffers, constants and flags, as OpenAI's archives have them."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(4)
        self.layer1 = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 1), torch.nn.ReLU())
        self.attn = torch.nn.MultiheadAttention(4, 2)
        self.text_projection = torch.nn.Parameter(torch.rand(4, 6))
        self.logit_scale = torch.nn.Parameter(torch.tensor(2.6593))
        self.register_buffer("input_resolution", torch.tensor(224))
        self.width = 4
        self.sizes = [1, 2, 3]

    def forward(self, x):
        return self.layer1(self.bn1(self.conv1(x))).flatten(2).mean(2) @ self.text_projection


class Mine:
    """An object of a user's own, with a tensor in it."""

    def __init__(self, tensor):
        self.tensor = tensor
        self.me = self


class Weights(peers.DriverTest):
    def convert(self, source):
        self.run_driver("weights", source, self.path("out.safetensors"), self.path("about"))
        with open(self.path("about"), encoding="utf-8") as file:
            about = json.load(file)
        return safetensors_torch.load_file(self.path("out.safetensors")), about

    def assert_same(self, got, wanted):
        self.assertEqual(set(got), set(wanted))
        for name, tensor in wanted.items():
            self.assertEqual(got[name].dtype, tensor.dtype, name)
            self.assertEqual(got[name].shape, tensor.shape, name)
            same = got[name].contiguous().view(-1).view(torch.uint8)
            self.assertTrue(torch.equal(same, tensor.contiguous().view(-1).view(torch.uint8)), name)

    def check(self, saved, wanted, **how):
        torch.save(saved, self.path("in.pth"), **how)
        got, about = self.convert(self.path("in.pth"))
        self.assert_same(got, wanted)
        self.assertEqual(about["names"], list(wanted))
        return about


class TorchFiles(Weights):
    def test_every_type_and_protocol(self):
        tensors = every_type()
        for protocol in (2, 3, 4, 5):
            about = self.check(tensors, tensors, pickle_protocol=protocol)
            self.assertEqual(about["container"], "PyTorch checkpoint (zip)")
        self.check(dict(tensors), tensors)

    def test_views(self):
        base = torch.arange(60, dtype=torch.float32).reshape(6, 10)
        tensors = {"base": base, "transposed": base.t(), "slice": base[1:5, 2:9:3],
                   "row": base[3], "expanded": torch.ones(1, 3).expand(4, 3),
                   "last": base[5, 9], "parameter": torch.nn.Parameter(base[:2]),
                   "channels_last": torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)}
        self.check(tensors, {k: v.detach() for k, v in tensors.items()})

    def test_a_tensor_with_attributes(self):
        tensor = torch.rand(2, 3)
        tensor.note = "x"
        parameter = torch.nn.Parameter(torch.rand(2))
        parameter.note = "y"
        self.check({"t": tensor, "p": parameter}, {"t": tensor, "p": parameter.detach()})

    def test_checkpoint_with_optimizer(self):
        model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5)
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
        model(torch.rand(6, 4)).sum().backward()
        optimizer.step()
        schedule.step()
        saved = {"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                 "lr_scheduler": schedule.state_dict(), "epoch": 15, "best": np.float64(0.625),
                 "args": argparse.Namespace(lr=5e-5, name="tris", eval=False, device=None,
                                            size=torch.Size([3, 4]), dtype=torch.float16,
                                            where=torch.device("cuda", 1))}
        wanted = {f"model.{k}": v for k, v in model.state_dict().items()}
        for index, state in optimizer.state_dict()["state"].items():
            wanted |= {f"optimizer.state.{index}.{k}": v for k, v in state.items()}
        values = dict(self.check(saved, wanted)["values"])
        for name, text in {"epoch": "15", "best": "0.625", "args.lr": "5e-05", "args.name": "tris",
                           "args.eval": "False", "args.device": "None", "args.size.1": "4",
                           "args.dtype": "torch.float16", "args.where": "cuda:1",
                           "lr_scheduler.last_epoch": "1", "lr_scheduler.milestones.3": "1",
                           "optimizer.param_groups.0.weight_decay": "0.01"}.items():
            self.assertEqual(values.get(name), text, name)

    def test_without_checksums(self):
        torch.serialization.set_crc32_options(False)
        self.addCleanup(torch.serialization.set_crc32_options, True)
        self.check({"a": torch.ones(3)}, {"a": torch.ones(3)})

    def test_torchscript(self):
        for half in (False, True):
            module = Block().eval()
            if half:
                module.half()
            example = torch.rand(1, 3, 8, 8).to(module.conv1.weight.dtype)
            for make in (torch.jit.script, lambda m: torch.jit.trace(m, example)):
                make(module).save(self.path("in.pt"))
                got, about = self.convert(self.path("in.pt"))
                self.assert_same(got, module.state_dict())
                self.assertEqual(about["container"], "TorchScript archive")
                self.assertFalse([n for n, _ in about["values"] if n.endswith("training")])

    def test_deflated_pickle(self):
        torch.save({"a": torch.arange(5)}, self.path("stored"))
        with zipfile.ZipFile(self.path("stored")) as stored, \
                zipfile.ZipFile(self.path("packed"), "w") as packed:
            for item in stored.infolist():
                how = zipfile.ZIP_DEFLATED if item.filename.endswith(".pkl") else zipfile.ZIP_STORED
                packed.writestr(item.filename, stored.read(item), how)
        got, _ = self.convert(self.path("packed"))
        self.assert_same(got, {"a": torch.arange(5)})

    def test_older_layouts_are_named(self):
        torch.save({"a": torch.ones(2)}, self.path("old"), _use_new_zipfile_serialization=False)
        message = self.driver_error("weights", self.path("old"), self.path("o"), self.path("j"))
        self.assertIn("torch before 1.6", message)
        np.savez(self.path("a.npz"), x=np.ones(2))
        message = self.driver_error("weights", self.path("a.npz"), self.path("o"), self.path("j"))
        self.assertIn(".npz", message)

    def test_other_dtypes_are_named(self):
        for tensor, name in ((torch.ones(2, dtype=torch.complex64), "ComplexFloatStorage"),
                             (torch.ones(2, dtype=torch.uint16), "torch.uint16")):
            torch.save({"a": tensor}, self.path("in"))
            message = self.driver_error("weights", self.path("in"), self.path("o"), self.path("j"))
            self.assertIn(name, message)

    def test_code_is_not_run(self):
        class Evil:
            def __reduce__(self):
                return os.system, (f"touch {self.mark}",)

        for protocol in (1, 2, 4):
            evil = Evil()
            evil.mark = self.path("ran")
            tensors = {"a": torch.ones(2)}
            about = self.check({**tensors, "b": evil}, tensors, pickle_protocol=protocol)
            ((name, kind),) = about["opaque"]
            self.assertEqual(name, "b")
            self.assertRegex(kind, r"^(posix|os)\.system$")
            self.assertFalse(os.path.exists(self.path("ran")))

    def test_what_is_no_tensor_is_named(self):
        partial = functools.partial(max, 1)
        beside = {
            "array": (np.arange(6, dtype=np.float32).reshape(2, 3), "numpy.ndarray f4 [2, 3]"),
            "swapped": (np.arange(3, dtype=">i8"), "numpy.ndarray >i8 [3]"),
            "objects": (np.array([None, {}], dtype=object), "numpy.ndarray O8 [2]"),
            "imaginary": (np.complex64(1j), "a number of numpy.c8"),
            "when": (np.datetime64("2024-01-02"), "a number of numpy.M8"),
            "path": (pathlib.PosixPath("/a/b"), f"{pathlib.PosixPath.__module__}.PosixPath"),
            "set": ({1, 2}, "builtins.set"),
            "frozen": (frozenset({1}), "builtins.frozenset"),
            "default": (collections.defaultdict(list, {"k": [1]}), "collections.defaultdict"),
            "date": (datetime.datetime(2024, 1, 2), "datetime.datetime"),
            "version": (torch.__version__, "torch.torch_version.TorchVersion"),
            "complex": (1j, "builtins.complex"),
            "fraction": (fractions.Fraction(1, 3), "fractions.Fraction"),
            "partial": (partial, "functools.partial"),
            "class": (dict, "builtins.dict"),
            "mine": (Mine(torch.ones(2)), "__main__.Mine"),
            "layout": (torch.strided, "torch.serialization._get_layout"),
        }
        tensors = {"w": torch.rand(3, 2)}
        saved = {"w": tensors["w"], "epoch": 3, **{k: v for k, (v, _) in beside.items()},
                 "size": torch.Size([2, 3]), "dtype": torch.float32,
                 "device": torch.device("cpu"), "args": argparse.Namespace(root=beside["path"][0])}
        wanted = {k: t for k, (_, t) in beside.items()}
        wanted["args.root"] = wanted["path"]
        for protocol in (1, 2, 3, 4, 5):
            about = self.check(saved, tensors, pickle_protocol=protocol)
            self.assertEqual(dict(about["opaque"]), wanted, protocol)
            self.assertEqual(about["hidden_tensors"], 1)
            values = dict(about["values"])
            self.assertEqual((values["epoch"], values["size.1"]), ("3", "3"))
            self.assertEqual((values["dtype"], values["device"]), ("torch.float32", "cpu"))

    def test_a_whole_module_is_named(self):
        torch.save(Block(), self.path("in"))
        message = self.driver_error("weights", self.path("in"), self.path("o"), self.path("j"))
        self.assertRegex(message, r"nothing but \S+\.Block, .* save its state dict")
        about = self.check({"model": Block(), "epoch": 2, "w": torch.ones(1)}, {"w": torch.ones(1)})
        self.assertEqual([name for name, _ in about["opaque"]], ["model"])
        self.assertEqual(about["hidden_tensors"], len(Block().state_dict()))

    def test_keys_without_a_name(self):
        saved = {"w": torch.ones(1), "by": {pathlib.PosixPath("a"): torch.ones(2), 3: "x"}}
        about = self.check(saved, {"w": torch.ones(1)})
        ((name, kind),) = about["opaque"]
        self.assertEqual(name, "by")
        self.assertRegex(kind, r"^an entry under a key of type pathlib\S*\.PosixPath$")
        self.assertEqual(about["hidden_tensors"], 1)

    def test_cut_files(self):
        torch.save({"a": torch.ones(50)}, self.path("in"))
        with open(self.path("in"), "rb") as file:
            data = file.read()
        for size in range(0, len(data), 50):
            with open(self.path("cut"), "wb") as file:
                file.write(data[:size])
            self.driver_error("weights", self.path("cut"), self.path("o"), self.path("j"))


class SafetensorsFiles(Weights):
    def shard(self):
        tensors = {f"layer{i}.weight": torch.rand(3, 4) for i in range(4)}
        names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        places = {name: names[i // 2] for i, name in enumerate(tensors)}
        for file in names:
            part = {n: t for n, t in tensors.items() if places[n] == file}
            safetensors_torch.save_file(part, self.path(file))
        return tensors, places

    def index(self, places):
        with open(self.path("model.safetensors.index.json"), "w", encoding="utf-8") as file:
            json.dump({"metadata": {"total_size": 192}, "weight_map": places}, file)
        return self.path("model.safetensors.index.json")

    def test_one_file(self):
        tensors = dict(every_type())
        safetensors_torch.save_file(tensors, self.path("a.safetensors"))
        got, about = self.convert(self.path("a.safetensors"))
        self.assert_same(got, tensors)
        self.assertEqual(about["container"], "safetensors")

    def test_shards(self):
        tensors, places = self.shard()
        index = self.index(places)
        for source in (index, str(self.folder)):
            got, about = self.convert(source)
            self.assert_same(got, tensors)
            self.assertEqual(about["container"], "safetensors in shards")
            os.remove(self.path("out.safetensors"))

    def test_faulty_indices(self):
        _, places = self.shard()
        first = "layer0.weight"
        for change, text in (({first: "gone.safetensors"}, "is missing"),
                             ({first: "../x.safetensors"}, "leaves the folder"),
                             ({first: "/x.safetensors"}, "leaves the folder"),
                             ({first: places["layer3.weight"]}, "the weight_map says"),
                             ({"more": places[first]}, "which lacks it")):
            index = self.index({**places, **change})
            message = self.driver_error("weights", index, self.path("o"), self.path("j"))
            self.assertIn(text, message)
        del places[first]
        message = self.driver_error("weights", self.index(places), self.path("o"), self.path("j"))
        self.assertIn("not in the weight_map", message)


class WrittenFiles(Weights):
    def test_torch_loads_them(self):
        tensors = every_type()
        tensors["transposed"] = torch.rand(4, 3).t()
        torch.save(tensors, self.path("in.pth"))
        self.run_driver("pth", self.path("in.pth"), self.path("out.pth"))
        again = torch.load(self.path("out.pth"), weights_only=True)
        self.assertEqual(list(again), list(tensors))
        self.assertIsInstance(again, collections.OrderedDict)
        self.assert_same(again, tensors)
        mapped = torch.load(self.path("out.pth"), weights_only=True, mmap=True)
        self.assert_same(mapped, tensors)
        got, _ = self.convert(self.path("out.pth"))
        self.assert_same(got, tensors)

    def test_under_a_key(self):
        torch.save({"w": torch.rand(3)}, self.path("in.pth"))
        self.run_driver("pth", self.path("in.pth"), self.path("out.pth"), "model")
        again = torch.load(self.path("out.pth"), weights_only=True)
        self.assertEqual(list(again), ["model", "epoch", "far", "optimizer"])
        self.assertEqual((again["epoch"], again["far"], again["optimizer"]), (3, 2**40, {}))
        self.assert_same(again["model"], torch.load(self.path("in.pth")))

    def test_the_archive_is_sound(self):
        torch.save({f"t{i}": torch.rand(i) for i in range(40)}, self.path("in.pth"))
        self.run_driver("pth", self.path("in.pth"), self.path("out.pth"))
        with zipfile.ZipFile(self.path("out.pth")) as archive, \
                open(self.path("out.pth"), "rb") as file:
            self.assertIsNone(archive.testzip())
            self.assertEqual(archive.read("archive/byteorder"), b"little")
            for item in archive.infolist():
                file.seek(item.header_offset + 26)
                name, extra = struct.unpack("<HH", file.read(4))
                self.assertEqual((item.header_offset + 30 + name + extra) % 64, 0, item.filename)


if __name__ == "__main__":
    peers.main()
