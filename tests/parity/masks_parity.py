"""Polygons, run lengths and COCO strings against pycocotools, bit for bit."""

import json
import random

import peers

np = peers.peer("numpy")
coco = peers.peer("pycocotools.mask")

CASES = 5000


def polygon(rng, h, w):
    kind = rng.randrange(9)
    count = rng.choice([3, 3, 4, 5, 8, 20])
    around = lambda low, high: [rng.uniform(low, high) for _ in range(2 * count)]
    if kind == 0:  # tiny, often between pixels
        x, y = rng.uniform(0, w), rng.uniform(0, h)
        return [c + rng.uniform(-0.6, 0.6) for _ in range(count) for c in (x, y)]
    if kind == 1:  # over the border
        return [rng.uniform(-0.5, 1.5) * side for _ in range(count) for side in (w, h)]
    if kind == 2:  # outside
        return around(max(h, w) + 1, 2 * max(h, w) + 5)
    if kind == 3:  # far left and above
        return around(-3 * max(h, w), 0.7)
    if kind == 4:  # collinear
        a, b = rng.uniform(-1, 1), rng.uniform(0, h)
        xs = [rng.uniform(-3, w + 3) for _ in range(count)]
        return [c for x in xs for c in (x, a * x + b)]
    if kind == 5:  # whole numbers and halves, repeated points
        points = [(rng.randrange(0, 2 * w + 1) / 2, rng.randrange(0, 2 * h + 1) / 2)]
        while len(points) < count:
            points.append(rng.choice(points) if rng.random() < 0.3 else
                          (rng.randrange(0, w + 1), rng.randrange(0, h + 1)))
        return [float(c) for p in points for c in p]
    if kind == 6:  # exactly along the border
        return [0.0, 0.0, float(w), 0.0, float(w), float(h), 0.0, float(h)]
    if kind == 7:  # COCO's own two decimals
        return [round(rng.uniform(0, side), 2) for _ in range(count) for side in (w, h)]
    return [rng.uniform(0, side) for _ in range(count) for side in (w, h)]  # self-crossing


def random_mask(rng, h, w):
    density = rng.choice([0, 0.02, 0.5, 0.98, 1])
    mask = np.array([[rng.random() < density for _ in range(w)] for _ in range(h)], dtype=np.uint8)
    return coco.encode(np.asfortranarray(mask))["counts"].decode()


def expected(rle):
    return {
        "counts": rle["counts"].decode(),
        "area": int(coco.area(rle)),
        "box": [int(v) for v in coco.toBbox(rle)],
        "again": coco.encode(np.asfortranarray(coco.decode(rle)))["counts"].decode(),
    }


class Masks(peers.DriverTest):
    def test_equal_pycocotools(self):
        rng = random.Random(20260727)
        cases = []
        for i in range(CASES):
            h, w = rng.choice([(1, 1), (1, rng.randint(1, 40)), (rng.randint(1, 40), 1),
                               (rng.randint(2, 60), rng.randint(2, 60)), (480, 640)])
            case = {"h": h, "w": w}
            if i % 4 == 3 and h * w < 5000:
                case["strings"] = [random_mask(rng, h, w) for _ in range(rng.randint(1, 3))]
            else:
                case["polygons"] = [polygon(rng, h, w) for _ in range(rng.choice([1, 2, 3, 12]))]
            cases.append(case)
        with open(self.path("in"), "w") as out:
            out.writelines(json.dumps(case) + "\n" for case in cases)
        self.run_driver("masks", self.path("in"), self.path("out"))
        with open(self.path("out")) as lines:
            answers = [json.loads(line) for line in lines]
        self.assertEqual(len(answers), CASES)
        for case, answer in zip(cases, answers):
            h, w = case["h"], case["w"]
            if "polygons" in case:
                rles = coco.frPyObjects(case["polygons"], h, w)
            else:
                rles = [{"size": [h, w], "counts": s.encode()} for s in case["strings"]]
            both = coco.merge(rles, intersect=True)
            # What the released code makes of an object of several polygons.
            once = (coco.decode(rles).sum(axis=2) == 1).astype(np.uint8)
            wanted = {
                "masks": [expected(rle) for rle in rles],
                "union": expected(coco.merge(rles)),
                "both": expected(both),
                "exclusive": expected(coco.encode(np.asfortranarray(once))),
                "intersection": int(coco.area(coco.merge([rles[0], rles[-1]], intersect=True))),
            }
            self.assertEqual(answer, wanted, json.dumps(case))


if __name__ == "__main__":
    peers.main()
