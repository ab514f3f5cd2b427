"""Pictures of one's own: JSON lines, training with and without masks, evaluation, prediction."""

import json
import unittest

from program import CONFIGS, Case, run, run_well, settings, write_png

SIZE = 48


def square(x, y, side):
    return [x, y, x + side, y, x + side, y + side, x, y + side]


class Custom(Case):
    def write(self, masks=True, count=12, validation=True):
        """Two squares on every picture; the last third is for validation."""
        root = self.folder / "own"
        (root / "images").mkdir(parents=True)
        lines = []
        for number in range(count):
            name = f"images/{number}.png"
            pixels = bytearray([40, 40, 40] * SIZE * SIZE)
            for place, colour in ((4, (220, 30, 30)), (26, (30, 30, 220))):
                for y in range(place, place + 16):
                    for x in range(place, place + 16):
                        pixels[3 * (y * SIZE + x) : 3 * (y * SIZE + x) + 3] = bytes(colour)
            write_png(root / name, SIZE, SIZE, bytes(pixels))
            split = "val" if validation and number >= count * 2 // 3 else "train"
            for place, word in ((4, "red"), (26, "blue")):
                line = {"image": name, "sentences": [f"the {word} square", f"a {word} one"],
                        "cues": [f"{word} thing"], "split": split, "object": word}
                if masks and split == "val":
                    line["mask"] = {"polygons": [square(place, place, 16)]}
                lines.append(json.dumps(line))
        (root / "annotations.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return root

    def train(self, root, *more):
        run_folder = self.folder / "run"
        tiny = settings(data__dataset="custom", data__image_size=SIZE, train__max_steps=4)
        run_well("train", CONFIGS / "tris.yaml", "--root", root, "--run", run_folder, *tiny, *more)
        return run_folder

    def test_training_evaluation_and_prediction(self):
        root = self.write()
        run_folder = self.train(root)
        self.assertTrue((run_folder / "samples/val.png").is_file())
        results = json.loads(run_well("-q", "--json", "eval", run_folder, "--split", "val").stdout)
        self.assertEqual(results["splits"]["val"]["sentences"], 16)
        self.assertEqual(results["protocol"]["dataset"], "custom")
        arguments = ["--image", root / "images/0.png", "--text", "the red square"]
        run_well("predict", run_folder, *arguments, "--out", self.folder / "found")
        self.assertTrue((self.folder / "found/0.mask.png").is_file())

    def test_training_needs_no_masks_evaluation_does(self):
        root = self.write(masks=False)
        run_folder = self.train(root)
        self.assertTrue((run_folder / "checkpoints/best.safetensors").is_file())
        self.assertFalse((run_folder / "results.json").exists())
        self.assert_fails(run("-q", "eval", run_folder, "--split", "val"), 1, "\"val\"",
                          "16 sentences have no mask", "sent_id 33, 34, 35")

    def test_a_training_split_alone_trains_without_validation(self):
        root = self.write(validation=False)
        run_folder = self.folder / "run"
        tiny = settings(data__dataset="custom", data__image_size=SIZE, train__max_steps=2)
        trained = run_well("train", CONFIGS / "tris.yaml", "--root", root, "--run", run_folder, *tiny)
        self.assertIn("the dataset has the split train alone, no \"val\": it trains without "
                      "validation", trained.stderr)
        self.assertTrue((run_folder / "checkpoints/best.safetensors").is_file())
        self.assertFalse((run_folder / "results.json").exists())
        dry = run("train", CONFIGS / "tris.yaml", "--root", root, "--run", self.folder / "other", *tiny,
                  "--dry-run")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.assert_fails(run("train", CONFIGS / "tris.yaml", "--root", root, "--run",
                              self.folder / "wrong", *tiny, *settings(eval__splits="[vall]")), 2, "vall")

    def write_turned(self, orientation, mask_size):
        """A picture of 64 x 48 stored pixels; a mask of value 1 in 16 bits, all but a border."""
        root = self.folder / "turned"
        root.mkdir()
        pixels = b"".join(bytes([x * 4 % 256, y * 5, 40]) for y in range(48) for x in range(64))
        write_png(root / "phone.png", 64, 48, pixels, orientation=orientation)
        width, height = mask_size
        inside = [1 if 4 <= x < width - 4 and 4 <= y < height - 4 else 0
                  for y in range(height) for x in range(width)]
        write_png(root / "mask.png", width, height, b"".join(b"\0" + bytes([v]) for v in inside),
                  colour=0, bits=16)
        line = {"image": "phone.png", "sentence": "the red square", "cues": ["red"], "split": "val",
                "mask": {"png": "mask.png"}}
        (root / "annotations.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
        return root

    def test_a_turned_picture_and_a_mask_of_labels(self):
        run_folder = self.train(self.write())
        root = self.write_turned(6, (48, 64))
        lines = self.folder / "lines.jsonl"
        evaluated = json.loads(run_well("-q", "--json", "eval", run_folder, "--root", root, "--split",
                                        "val", "--per-sentence", lines).stdout)
        self.assertEqual(evaluated["protocol"]["exif"], "turned")
        line = json.loads(lines.read_text())
        self.assertEqual(line["segmentation"]["size"], [64, 48])
        self.assertGreaterEqual(line["union"], 40 * 56)  # the mask's area
        run_well("predict", run_folder, "--image", root / "phone.png", "--text", "the red square",
                 "--out", self.folder / "found")
        predicted = json.loads((self.folder / "found/phone.json").read_text())
        self.assertEqual(predicted["peak"], line["peak"])
        notes = run_well("-q", "data", "check", root).stdout
        self.assertIn("phone.png has the EXIF orientation 6 and is turned (data.exif)", notes)

    def test_a_mask_of_the_stored_picture_is_refused_where_it_is_turned(self):
        root = self.write_turned(6, (64, 48))
        self.assert_fails(run("-q", "eval", "--baseline", "centre", "--root", root, "--split", "val"),
                          1, "its mask is 48 x 64 (height x width), its image 64 x 48",
                          "phone.png has the EXIF orientation 6 and is turned (data.exif)")
        stored = json.loads(run_well("-q", "--json", "eval", "--baseline", "centre", "--root", root,
                                     "--split", "val", "--set", "data.exif=stored").stdout)
        self.assertEqual(stored["protocol"]["exif"], "stored")
        self.assertEqual(stored["splits"]["val"]["point_m"], 100)

    def test_a_fault_names_its_line(self):
        root = self.write()
        path = root / "annotations.jsonl"
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[0], lines[1].replace("sentences", "sentense")]))
        self.assert_fails(run("-q", "eval", "--baseline", "centre", "--root", root), 1,
                          f"{path}:2", "unknown key \"sentense\"")


if __name__ == "__main__":
    unittest.main()
