"""What `data convert --to refer` writes, read as REFER's own API reads it, with pycocotools."""

import json
import pathlib
import pickle
import random
import shutil
import sys
import tempfile
import unittest

import peers

np = peers.peer("numpy")
coco = peers.peer("pycocotools.mask")

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import program  # noqa: E402  (how the program is run, from the tests beside these)

HEIGHT, WIDTH = 24, 30


def parts_by_refer(segmentation):
    """The parts of a mask as arrays: a list of lists are polygons, any other is for the decoder."""
    if isinstance(segmentation[0], list):
        return coco.decode(coco.frPyObjects(segmentation, HEIGHT, WIDTH))
    return coco.decode(segmentation)


def random_masks(rng):
    """Masks as custom data may give them, and what they are."""
    def encoded(mask):
        rle = coco.encode(np.asfortranarray(mask))
        return {"size": [HEIGHT, WIDTH], "counts": rle["counts"].decode()}

    def rectangle():
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        top, left = rng.randrange(HEIGHT - 4), rng.randrange(WIDTH - 4)
        mask[top : top + rng.randint(1, 9), left : left + rng.randint(1, 9)] = 1
        return mask

    one, two = rectangle(), rectangle()
    flat = one.ravel(order="F")
    runs = np.diff(np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [flat.size]])).tolist()
    if flat[0]:
        runs.insert(0, 0)
    yield encoded(one), one
    yield {"size": [HEIGHT, WIDTH], "counts": runs}, one
    yield [encoded(one), encoded(two)], one | two
    polygon = [rng.uniform(0, side) for _ in range(4) for side in (WIDTH, HEIGHT)]
    drawn = coco.decode(coco.frPyObjects([polygon], HEIGHT, WIDTH))[..., 0]
    yield {"polygons": [polygon]}, drawn


class Refer(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pcnet_refer_"))
        self.addCleanup(shutil.rmtree, self.folder)

    def test_masks_of_every_kind(self):
        rng = random.Random(5)
        masks = [mask for _ in range(25) for mask in random_masks(rng)]
        own, tree = self.folder / "own", self.folder / "tree"
        own.mkdir()
        program.write_png(own / "a.png", WIDTH, HEIGHT)
        with (own / "annotations.jsonl").open("w") as lines:
            for i, (mask, _) in enumerate(masks):
                line = {"image": "a.png", "sentence": f"object {i}", "split": "val", "mask": mask}
                lines.write(json.dumps(line) + "\n")
        program.run_well("-q", "data", "convert", "--to", "refer", "--out", tree, own)
        place = tree / "refer" / "custom"
        annotations = {
            annotation["id"]: annotation
            for annotation in json.loads((place / "instances.json").read_text())["annotations"]
        }
        references = pickle.loads((place / "refs(unc).p").read_bytes())
        self.assertEqual(len(references), len(masks))
        for reference, (_, wanted) in zip(references, masks):
            parts = parts_by_refer(annotations[reference["ann_id"]]["segmentation"])
            found = (np.sum(parts, axis=2) > 0).astype(np.uint8)
            np.testing.assert_array_equal(found, wanted, reference["sentences"][0]["sent"])


if __name__ == "__main__":
    peers.main()
