"""What the dress rehearsal needs: 30 photographs as RefCOCO, and random weights as the published files
hold them, CLIP RN50 and a SAM.

Usage: rehearsal_inputs.py FOLDER vit_t|vit_b NAME_OF_SAM. Writes FOLDER/coco, FOLDER/RN50.pt, FOLDER/NAME_OF_SAM.
"""

import json
import math
import pathlib
import pickle
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "parity"))

import clip_peers
import peers
import sam_peers

torch = peers.peer("torch")
pillow = peers.peer("PIL.Image")

# Of scikit-image, all of them larger than what is cut out.
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg",
               "motorcycle_left.png", "rocket.jpg")
SIZES = ((480, 640), (640, 480), (427, 640), (480, 480), (375, 500))  # height, width: COCO's usual ones
SPLITS = ("train",) * 21 + ("val",) * 3 + ("testA",) * 3 + ("testB",) * 3
CATEGORIES = ((1, "person"), (2, "bicycle"), (44, "bottle"))
SENTENCES = (("the person on the left", "left one in the dark shirt"),
             ("bottle at the bottom right", "the small shiny thing near the edge"))


# The dataset ---------------------------------------------------------------------------------


def photograph(number):
    """The number-th picture: a cut of one photograph, mirrored every other time round."""
    name = PHOTOGRAPHS[number % len(PHOTOGRAPHS)]
    picture = pillow.open(peers.package_folder("skimage") / "data" / name).convert("RGB")
    height, width = SIZES[number % len(SIZES)]
    scale = max(height / picture.height, width / picture.width) * (1 + number / 60)
    picture = picture.resize((math.ceil(picture.width * scale), math.ceil(picture.height * scale)))
    left = (picture.width - width) * (number % 4) // 3
    top = (picture.height - height) * (number % 3) // 2
    picture = picture.crop((left, top, left + width, top + height))
    return picture.transpose(pillow.Transpose.FLIP_LEFT_RIGHT) if number // 6 % 2 else picture


def ellipse(x, y, across, down):
    """A polygon of 24 corners."""
    turns = [2 * math.pi * k / 24 for k in range(24)]
    return [round(value, 2) for turn in turns
            for value in (x + across * math.cos(turn), y + down * math.sin(turn))]


def write_dataset(root):
    """RefCOCO's files with two objects and four sentences an image."""
    folder = root / "images/mscoco/images/train2014"
    folder.mkdir(parents=True)
    (root / "refcoco").mkdir()
    images, annotations, refs = [], [], []
    for number, split in enumerate(SPLITS):
        picture = photograph(number)
        image_id = 1000 + 37 * number
        name = f"COCO_train2014_{image_id:012}.jpg"
        picture.save(folder / name, quality=90)
        width, height = picture.size
        images.append({"id": image_id, "file_name": name, "height": height, "width": width,
                       "license": 1, "coco_url": ""})
        for k, (place, sentences) in enumerate(zip(((0.3, 0.4), (0.7, 0.75)), SENTENCES)):
            ann_id = 2 * number + k + 1
            across, down = width * (0.1 + 0.01 * (number % 7)), height * 0.15
            polygon = ellipse(place[0] * width, place[1] * height, across, down)
            annotations.append({
                "id": ann_id, "image_id": image_id, "category_id": CATEGORIES[(number + k) % 3][0],
                "iscrowd": 0, "segmentation": [polygon], "area": math.pi * across * down,
                "bbox": [min(polygon[::2]), min(polygon[1::2]), 2 * across, 2 * down]})
            refs.append({
                "ref_id": ann_id, "ann_id": ann_id, "image_id": image_id, "split": split,
                "category_id": annotations[-1]["category_id"], "file_name": f"COCO_{ann_id}.jpg",
                "sent_ids": [10 * ann_id, 10 * ann_id + 1],
                "sentences": [{"sent_id": 10 * ann_id + i, "raw": text, "sent": text,
                               "tokens": text.split()} for i, text in enumerate(sentences)]})
    (root / "refcoco/instances.json").write_text(json.dumps({
        "images": images, "annotations": annotations,
        "categories": [{"id": key, "name": name} for key, name in CATEGORIES]}))
    with open(root / "refcoco/refs(unc).p", "wb") as out:
        pickle.dump(refs, out, protocol=0)


# The weights ---------------------------------------------------------------------------------


class Tree(torch.nn.Module):
    """A module of tensors under given names, for torch.jit to save as OpenAI's files are."""

    def __init__(self, tensors):
        super().__init__()
        below = {}
        for name, value in tensors.items():
            first, _, rest = name.partition(".")
            if rest:
                below.setdefault(first, {})[rest] = value
            elif value.is_floating_point():
                self.register_parameter(first, torch.nn.Parameter(value, requires_grad=False))
            else:
                self.register_buffer(first, value)
        for name, inner in below.items():
            self.add_module(name, Tree(inner))

    def forward(self):
        return 0


def write_clip(path):
    """RN50.pt as OpenAI published it: a TorchScript archive of halves."""
    model = clip_peers.lively(
        clip_peers.open_clip().create_model("RN50", force_quick_gelu=True), seed=1)
    tensors = {name: value.half() if value.is_floating_point() else value
               for name, value in model.state_dict().items()}
    for name, value in (("input_resolution", 224), ("context_length", 77), ("vocab_size", 49408)):
        tensors[name] = torch.tensor(value)
    torch.jit.script(Tree(tensors)).save(path)


def write_sam(path, name):
    """A published SAM whose masks are sure of themselves, so that App. D's bounds let some pass."""
    package = sam_peers.mobile_sam() if name == "vit_t" else sam_peers.segment_anything()
    model = sam_peers.lively(package.sam_model_registry[name](), seed=2)
    state = model.state_dict()
    last = "mask_decoder.iou_prediction_head.layers.2"
    state[f"{last}.weight"] *= 0.05
    state[f"{last}.bias"] += 0.85
    for i in range(4):
        for part in ("weight", "bias"):
            state[f"mask_decoder.output_hypernetworks_mlps.{i}.layers.2.{part}"] *= 40
    torch.save(state, path)


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    write_dataset(folder / "coco")
    write_clip(folder / "RN50.pt")
    write_sam(folder / sys.argv[3], sys.argv[2])
