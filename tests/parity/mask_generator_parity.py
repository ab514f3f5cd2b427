"""The mask generator against segment-anything's, record for record and bit for bit.

A stand-in for the networks gives both sides the same logits: sums of a few parabolas around the
click, in whole numbers, so that both compute the same floats.
"""

import itertools
import json

import peers
import sam_peers

np = peers.peer("numpy")
torch = peers.peer("torch")
coco = peers.peer("pycocotools.mask")
sam = sam_peers.segment_anything()

# With one thread LibTorch enlarges three masks at once by another kernel, which rounds otherwise: a
# pixel here and there whose logit is 0 but for the last bit changes. With two or more it is the one
# that the generator has, whatever its threads.
torch.set_num_threads(2)

SIDE = 256  # of the logits
SIZES = [(50, 60), (120, 161), (333, 250), (480, 640), (1200, 1600)]
LEAST_RECORDS = 500


def picture(height, width):
    y, x, c = np.ogrid[:height, :width, :3]
    return ((7 * y + 13 * x + 5 * c + x * y % 251) % 256).astype(np.uint8)


def mixed(*numbers):
    """A number of 16 bits that looks random."""
    state = 12345
    for number in numbers:
        state = (state * 1103515245 + number * 2654435761 + 12345) % (1 << 31)
    return state >> 15


def parabola(cx, cy, radius, stretch):
    """Above 0 in an ellipse; whole numbers."""
    i, j = np.ogrid[:SIDE, :SIDE]
    return radius * radius - (j - cx) ** 2 - (i - cy) ** 2 * stretch


def blob(seed, x, y, output):
    """Logits of a click on the 1024 square and their predicted IoU: an ellipse near the click with a
    hole and two satellites; output 2 is larger than 1, and 1 than 0."""
    draw = lambda k, below: mixed(seed, int(x), int(y), output, k) % below
    cx, cy = int(x) // 4 + draw(0, 9) - 4, int(y) // 4 + draw(1, 9) - 4
    radius = (6 + draw(2, 24)) * (output + 1)
    value = parabola(cx, cy, radius, 1 + draw(3, 3))
    hole = parabola(cx + draw(4, 9), cy + draw(5, 9), draw(6, 6), 1)
    value = np.where(hole > 0, -hole, value)
    for k in range(2):
        sx, sy = draw(7 + 3 * k, SIDE), draw(8 + 3 * k, SIDE)
        value = np.maximum(value, parabola(sx, sy, draw(9 + 3 * k, 7), 1))
    # A power of two, so that nothing is rounded: how steep the edge is makes the stability.
    logits = value.astype(np.float32) / np.float32(1 << (3 + draw(14, 5)))
    return logits, np.float32(512 + draw(15, 512)) / np.float32(1024)


class Encoder(torch.nn.Module):
    img_size = 1024


class Prompts(torch.nn.Module):
    def forward(self, points, boxes, masks):
        assert boxes is None and masks is None
        coordinates, labels = points
        assert coordinates.dtype == torch.float64 and torch.all(labels == 1)
        return coordinates, None

    def get_dense_pe(self):
        return None


class Decoder(torch.nn.Module):
    def forward(self, image_embeddings, image_pe, sparse_prompt_embeddings,
                dense_prompt_embeddings, multimask_output):
        assert multimask_output
        answers = [[blob(image_embeddings, x, y, output) for output in range(3)]
                   for ((x, y),) in sparse_prompt_embeddings.tolist()]
        logits = torch.tensor(np.array([[a[0] for a in three] for three in answers]))
        return logits, torch.tensor(np.array([[a[1] for a in three] for three in answers]))


class Predictor(sam.SamPredictor):
    """The package's, but for the encoder: the sum of the crop's bytes stands for its features."""

    def set_image(self, image):
        self.reset_image()
        self.original_size = image.shape[:2]
        self.input_size = self.transform.get_preprocess_shape(*image.shape[:2], 1024)
        self.features = int(image.sum(dtype=np.int64)) % 65536
        self.is_image_set = True


def expected(case):
    model = sam.modeling.Sam(Encoder(), Prompts(), Decoder())
    generator = sam.SamAutomaticMaskGenerator(
        model, points_per_side=case["points"], points_per_batch=case["batch"],
        pred_iou_thresh=case["predicted_iou"], stability_score_thresh=case["stability"],
        box_nms_thresh=case["box_nms"], crop_n_layers=case["crop_layers"],
        crop_nms_thresh=case["crop_nms"],
        crop_n_points_downscale_factor=case["crop_points_factor"],
        min_mask_region_area=case["region_area"], output_mode="coco_rle")
    generator.predictor = Predictor(model)
    return generator.generate(picture(case["height"], case["width"]))


def case(size, points, batch=64, box_nms=0.7, crop_layers=0, region_area=0, **other):
    return {"height": size[0], "width": size[1], "points": points, "batch": batch,
            "box_nms": box_nms, "crop_layers": crop_layers, "region_area": region_area,
            "predicted_iou": 0.75, "stability": 0.7, "crop_nms": 0.7, "crop_points_factor": 1,
            **other}


CASES = [
    *[case(size, 8 if size[0] < 1000 else 4, *rest) for size, rest in itertools.product(
        SIZES, [(64, 0.7), (23, 0.95)])],
    case(SIZES[0], 6, crop_layers=1),
    case(SIZES[1], 4, batch=23, crop_layers=2, box_nms=0.95, crop_nms=0.95),
    case(SIZES[2], 8, crop_layers=2, crop_points_factor=2, region_area=800),
    case(SIZES[3], 8, region_area=800),
    case(SIZES[3], 5, box_nms=0.95, crop_layers=1, region_area=800, batch=23),
    case(SIZES[4], 3, crop_layers=1, region_area=800),
    case(SIZES[0], 3, region_area=100000),  # every island is small
    case(SIZES[1], 3, predicted_iou=0, stability=0),  # no bound
    case(SIZES[1], 1, predicted_iou=0.9999),  # nothing is left
]


class MaskGenerator(peers.DriverTest):
    def test_equal_the_package(self):
        with open(self.path("in"), "w") as out:
            out.writelines(json.dumps(one) + "\n" for one in CASES)
        self.run_driver("mask-generator", self.path("in"), self.path("out"))
        with open(self.path("out")) as lines:
            answers = [json.loads(line) for line in lines]
        self.assertEqual(len(answers), len(CASES))
        counts = []
        for one, answer in zip(CASES, answers):
            wanted = expected(one)
            counts.append(len(wanted))
            self.assertEqual(len(answer), len(wanted), one)
            for i, (ours, theirs) in enumerate(zip(answer, wanted)):
                self.assertEqual(ours, theirs, f"record {i} of {one}")
        self.assertGreaterEqual(sum(counts), LEAST_RECORDS)
        self.assertEqual(counts[-1], 0)

    def test_the_stand_ins_do_what_they_stand_for(self):
        pixels = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 1, 0]], dtype=np.uint8)
        count, labels, areas, _ = sam_peers.connected_components_with_stats(pixels, 8)
        self.assertEqual(labels.tolist(), [[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 2], [3, 0, 2, 0]])
        self.assertEqual((count, areas[:, -1].tolist()), (4, [10, 3, 2, 1]))
        boxes = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [0, 0, 10, 10]])
        kept = sam_peers.batched_nms(boxes.float(), torch.tensor([0.5, 0.9, 0.1, 0.5]),
                                     torch.zeros(4), iou_threshold=0.8)
        self.assertEqual(kept.tolist(), [1, 2])


if __name__ == "__main__":
    peers.main()
