"""safetensors, npy and pickle files against the packages that define them, both ways."""

import json
import pickle

import peers

np = peers.peer("numpy")
safetensors_numpy = peers.peer("safetensors.numpy")
safe_open = peers.peer("safetensors").safe_open


def as_json(value):
    """The driver's own notation for Python values."""
    if isinstance(value, float):
        return {"float": value}
    if isinstance(value, bytes):
        return {"bytes": list(value)}
    if isinstance(value, list):
        return [as_json(v) for v in value]
    if isinstance(value, tuple):
        return {"tuple": [as_json(v) for v in value]}
    if isinstance(value, dict):
        return {"dict": [[as_json(k), as_json(v)] for k, v in value.items()]}
    return value


def refer_like():
    sentence = {"raw": "l\u00e9ft m\u00e4n \U0001f600 'x' \"y\" back\\slash\n", "sent": "left man",
                "sent_id": 0, "tokens": ["left", "man"]}
    refs = [{"ref_id": i, "ann_id": 10**12 + i, "file_name": "COCO_train2014_%012d_%d.jpg" % (i, i),
             "split": "testAB", "sent_ids": [i, 256 * i, -i], "sentences": [sentence, dict(sentence)]}
            for i in range(1200)]
    return refs + [None, True, False, 2**63 - 1, -(2**63), 1.5, -1e300, float("inf"), [], {}, (),
                   (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), "", "x" * 70000, [[[[[]]]]]]


class Safetensors(peers.DriverTest):
    def test_both_ways(self):
        rng = np.random.default_rng(3)
        tensors = {
            "f64": rng.normal(size=(3, 5)), "f32": rng.normal(size=(7,)).astype(np.float32),
            "f16": rng.normal(size=(2, 3, 4)).astype(np.float16),
            "i64": rng.integers(-9, 9, (4,)), "i32": rng.integers(-9, 9, (4,), dtype=np.int32),
            "i16": rng.integers(-9, 9, (5,), dtype=np.int16),
            "i8": rng.integers(-9, 9, (3,), dtype=np.int8),
            "u8": rng.integers(0, 9, (3,), dtype=np.uint8), "bool": np.array([True, False, True]),
            "scalar": np.array(2.5, dtype=np.float32), "empty": np.zeros((0, 4), dtype=np.float32),
            "n\u00e4me.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        }
        safetensors_numpy.save_file(tensors, self.path("in"), metadata={"format": "pt", "k": "\u00e9"})
        self.run_driver("safetensors", self.path("in"), self.path("out"))
        again = safetensors_numpy.load_file(self.path("out"))
        self.assertEqual(set(again), set(tensors))
        for name, wanted in tensors.items():
            self.assertEqual(again[name].dtype, wanted.dtype, name)
            np.testing.assert_array_equal(again[name], wanted, err_msg=name)
        with safe_open(self.path("out"), "numpy") as file:
            self.assertEqual(file.metadata(), {"format": "pt", "k": "\u00e9"})

    def test_cut_files(self):
        safetensors_numpy.save_file({"a": np.zeros(50, dtype=np.float32)}, self.path("in"))
        with open(self.path("in"), "rb") as file:
            data = file.read()
        for size in range(0, len(data), 40):
            with open(self.path("cut"), "wb") as file:
                file.write(data[:size])
            self.assertIn("cut", self.driver_error("safetensors", self.path("cut"), self.path("out")))


class Npy(peers.DriverTest):
    def test_both_ways(self):
        rng = np.random.default_rng(4)
        arrays, words = [], []
        for dtype in (np.float32, np.float64, np.int64, np.uint8, np.bool_):
            for shape in ((), (0,), (5,), (3, 4), (2, 1, 3, 2), (2, 0, 3)):
                array = np.asarray(rng.uniform(0, 100, size=shape)).astype(dtype)
                words += [self.path(f"{len(arrays)}in.npy"), self.path(f"{len(arrays)}out.npy")]
                np.save(words[-2], array)
                arrays.append(array)
        self.run_driver("npy", *words)
        for i, wanted in enumerate(arrays):
            again = np.load(words[2 * i + 1])
            self.assertEqual((again.dtype, again.shape), (wanted.dtype, wanted.shape))
            np.testing.assert_array_equal(again, wanted)
            with open(words[2 * i], "rb") as a, open(words[2 * i + 1], "rb") as b:
                self.assertEqual(a.read(), b.read())

    def test_version_2(self):
        with open(self.path("in.npy"), "wb") as out:
            np.lib.format.write_array(out, np.arange(3.0), version=(2, 0))
        self.run_driver("npy", self.path("in.npy"), self.path("out.npy"))
        np.testing.assert_array_equal(np.load(self.path("out.npy")), np.arange(3.0))

    def test_fortran_order(self):
        array = np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))
        np.save(self.path("in.npy"), array)
        self.run_driver("npy", self.path("in.npy"), self.path("out.npy"))
        np.testing.assert_array_equal(np.load(self.path("out.npy")), array)

    def test_what_is_not_read(self):
        for array in (np.ones(2, dtype=">f4"), np.ones(2, dtype=np.complex64),
                      np.array([{"a": 1}], dtype=object)):
            np.save(self.path("in.npy"), array, allow_pickle=True)
            self.driver_error("npy", self.path("in.npy"), self.path("out.npy"))


class Pickle(peers.DriverTest):
    def check(self, data, wanted, **how):
        with open(self.path("in"), "wb") as out:
            out.write(data)
        self.run_driver("pickle", self.path("in"), self.path("json"), self.path("out"))
        with open(self.path("json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), json.loads(json.dumps(as_json(wanted))))
        with open(self.path("out"), "rb") as file:
            return pickle.load(file, **how)

    def test_every_protocol(self):
        value = [v for v in refer_like() if v != float("inf")]
        for protocol in range(6):
            data = pickle.dumps(value, protocol)
            self.assertEqual(self.check(data, value), value, f"protocol {protocol}")
            self.assertEqual(self.check(pickle._dumps(value, protocol), value), value)

    def test_bytes(self):
        value = [b"", b"\x00\xff", b"x" * 300]
        for protocol in (3, 4, 5):
            data = pickle.dumps(value, protocol)
            self.assertEqual(self.check(data, value, encoding="bytes"), value)

    def test_infinities_come_back(self):
        value = [float("inf"), -float("inf")]
        for protocol in (0, 2):
            with open(self.path("in"), "wb") as out:
                out.write(pickle.dumps(value, protocol))
            self.run_driver("pickle", self.path("in"), self.path("json"), self.path("out"))
            with open(self.path("out"), "rb") as file:
                self.assertEqual(pickle.load(file), value)

    def test_code_is_refused(self):
        for value in (print, complex(1, 2), {1, 2}, np.zeros(2), Exception("x")):
            for protocol in (0, 2, 4):
                with open(self.path("in"), "wb") as out:
                    out.write(pickle.dumps(value, protocol))
                message = self.driver_error("pickle", self.path("in"), self.path("j"), self.path("o"))
                self.assertRegex(message, "opcode [A-Z_0-9]+ .* at byte [0-9]+")


if __name__ == "__main__":
    peers.main()
