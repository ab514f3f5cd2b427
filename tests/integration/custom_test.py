"""Pictures of one's own: JSON lines, training with and without masks, evaluation, prediction."""

import json
import unittest

from program import CONFIGS, Case, run, run_well, settings, write_png

SIZE = 48


def square(x, y, side):
    return [x, y, x + side, y, x + side, y + side, x, y + side]


class Custom(Case):
    def write(self, masks=True, count=12):
        """Two squares on every picture; the last third is for validation."""
        root = self.folder / "own"
        (root / "pictures").mkdir(parents=True)
        lines = []
        for number in range(count):
            name = f"pictures/{number}.png"
            pixels = bytearray([40, 40, 40] * SIZE * SIZE)
            for place, colour in ((4, (220, 30, 30)), (26, (30, 30, 220))):
                for y in range(place, place + 16):
                    for x in range(place, place + 16):
                        pixels[3 * (y * SIZE + x) : 3 * (y * SIZE + x) + 3] = bytes(colour)
            write_png(root / name, SIZE, SIZE, bytes(pixels))
            split = "val" if number >= count * 2 // 3 else "train"
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
        arguments = ["--image", root / "pictures/0.png", "--text", "the red square"]
        run_well("predict", run_folder, *arguments, "--out", self.folder / "found")
        self.assertTrue((self.folder / "found/0.mask.png").is_file())

    def test_training_needs_no_masks_evaluation_does(self):
        root = self.write(masks=False)
        run_folder = self.train(root)
        self.assertTrue((run_folder / "checkpoints/best.safetensors").is_file())
        self.assertFalse((run_folder / "results.json").exists())
        self.assert_fails(run("-q", "eval", run_folder, "--split", "val"), 1, "\"val\"",
                          "16 sentences have no mask", "sent_id 33, 34, 35")

    def test_a_fault_names_its_line(self):
        root = self.write()
        path = root / "annotations.jsonl"
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[0], lines[1].replace("sentences", "sentense")]))
        self.assert_fails(run("-q", "eval", "--baseline", "centre", "--root", root), 1,
                          f"{path}:2", "unknown key \"sentense\"")


if __name__ == "__main__":
    unittest.main()
