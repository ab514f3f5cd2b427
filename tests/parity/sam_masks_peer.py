"""segment-anything's mask generator on photographs, behind its own networks and behind ours.

Two networks that round differently may disagree about a pixel whose logit is nearly 0, and then
about a record. So our answers to the clicks are compared with the package's as numbers, and the
package's generator is given ours: from there on every record is equal.
"""

import json

import peers
import sam_peers

np = peers.peer("numpy")
torch = peers.peer("torch")
safetensors = peers.peer("safetensors.torch")
coco = peers.peer("pycocotools.mask")
pillow = peers.peer("PIL.Image")

# With one thread LibTorch enlarges three masks at once by another kernel (mask_generator_parity.py).
torch.set_num_threads(2)

NETWORK_TOLERANCE = 1e-5  # of the largest number
# Of the package's records on its own networks, those that ours have a mask for.
LEAST_FOUND = 0.98
LEAST_IOU = 0.99


def photograph(name):
    """One of scikit-image's, [height, width, 3] uint8."""
    folder = peers.package_folder("skimage") / "data"
    return np.array(pillow.open(folder / name).convert("RGB"))


def case(image, points=8, batch=64, predicted_iou=0.0, stability=0.0, box_nms=0.7, region_area=0,
         crop_layers=0):
    return {"image": image, "points": points, "batch": batch, "predicted_iou": predicted_iou,
            "stability": stability, "box_nms": box_nms, "crop_layers": crop_layers, "crop_nms": 0.7,
            "crop_points_factor": 1, "region_area": region_area}


def generator_of(model, one):
    sam = sam_peers.segment_anything()
    return sam.SamAutomaticMaskGenerator(
        model, points_per_side=one["points"], points_per_batch=one["batch"],
        pred_iou_thresh=one["predicted_iou"], stability_score_thresh=one["stability"],
        box_nms_thresh=one["box_nms"], crop_n_layers=one["crop_layers"],
        crop_nms_thresh=one["crop_nms"], crop_n_points_downscale_factor=one["crop_points_factor"],
        min_mask_region_area=one["region_area"], output_mode="coco_rle")


class _Encoder(torch.nn.Module):
    img_size = 1024

    def forward(self, images):
        return images


class _Prompts(torch.nn.Module):
    def forward(self, points, boxes, masks):
        return points[0], None

    def get_dense_pe(self):
        return None


class Given(torch.nn.Module):
    """A decoder that gives answers which are known, in the order of the clicks."""

    def __init__(self, logits, iou):
        super().__init__()
        self.logits, self.iou, self.at = logits, iou, 0

    def forward(self, sparse_prompt_embeddings, multimask_output, **_):
        assert multimask_output
        begin, self.at = self.at, self.at + len(sparse_prompt_embeddings)
        return self.logits[begin:self.at], self.iou[begin:self.at]


class MasksTest(peers.DriverTest):
    def ours(self, model, pictures, cases):
        """A list of records and the answers to the clicks, of each case."""
        torch.save(model.state_dict(), self.path("sam.pth"))
        safetensors.save_file({name: torch.from_numpy(pixels) for name, pixels in pictures.items()},
                              self.path("images"))
        with open(self.path("cases"), "w") as out:
            out.writelines(json.dumps(one) + "\n" for one in cases)
        self.run_driver("sam-masks", *map(self.path, ("sam.pth", "cases", "images", "records",
                                                      "answers")), "2")
        with open(self.path("records")) as lines:
            records = [json.loads(line) for line in lines]
        answers = safetensors.load_file(self.path("answers"))
        return records, [(answers[f"{i}.logits"], answers[f"{i}.iou"]) for i in range(len(cases))]

    def check_generator(self, pixels, one, records, answer):
        """The package's generator behind our answers: the same records."""
        sam = sam_peers.segment_anything()
        model = sam.modeling.Sam(_Encoder(), _Prompts(), Given(*answer))
        wanted = generator_of(model, one).generate(pixels)
        self.assertEqual(len(records), len(wanted), one)
        for i, (ours, theirs) in enumerate(zip(records, wanted)):
            self.assertEqual(ours, theirs, f"record {i} of {one}")
        return len(wanted)

    def check_networks(self, model, pixels, one, answer, clicks):
        """The package's networks: so many clicks from the whole grid."""
        sam = sam_peers.segment_anything()
        predictor = sam.SamPredictor(model)
        predictor.set_image(pixels)
        height, width = pixels.shape[:2]
        side = one["points"]
        grid = np.array([[width * (a + 0.5) / side, height * (b + 0.5) / side]
                         for b in range(side) for a in range(side)])
        picked = np.linspace(0, len(grid) - 1, clicks).astype(int)
        scaled = torch.as_tensor(predictor.transform.apply_coords(grid[picked], (height, width)))
        _, iou, low = predictor.predict_torch(
            scaled[:, None, :], torch.ones(clicks, 1, dtype=torch.int), multimask_output=True,
            return_logits=True)
        for ours, theirs in ((answer[0][picked], low), (answer[1][picked], iou)):
            apart = (ours - theirs).abs().max().item()
            self.assertLess(apart, NETWORK_TOLERANCE * max(1.0, theirs.abs().max().item()))

    def check_whole(self, model, pixels, one, records):
        """The package's generator on the package's networks: the same but for a pixel here and
        there, and for what hangs on one."""
        wanted = generator_of(model, one).generate(pixels)
        self.assertLess(abs(len(records) - len(wanted)), 1 + (1 - LEAST_FOUND) * len(wanted))
        masks = [[record["segmentation"] for record in of] for of in (records, wanted)]
        iou = coco.iou(*masks, [0] * len(wanted))
        self.assertGreater(np.mean(iou.max(axis=0) > LEAST_IOU), LEAST_FOUND)
        return sum(ours == theirs for ours, theirs in zip(records, wanted)), len(wanted)
