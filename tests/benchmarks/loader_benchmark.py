"""Feeding the same JPEG pictures here and with a PyTorch DataLoader and Pillow, with as many workers.

Makes a dataset in REFER's format, feeds it with `pcnet bench load` (its cold pass: every picture is
decoded and resized), from the files and from a pack, and with a DataLoader that decodes, resizes
(bilinear) and stacks the same pictures, one sample each, and prints JSON: images a second of each
and how many times faster the program is (the median of the rounds' ratios, with the smallest and
largest). A round runs them in turn, so that other load on the machine meets all; no start is
counted.
usage: loader_benchmark.py PCNET [--workers N] [--pictures N] [--rounds N]
"""

import argparse
import json
import os
import pickle
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "parity"))

import peers
from pictures_parity import scene

np = peers.peer("numpy")
torch = peers.peer("torch")
Image = peers.peer("PIL.Image")


def write_dataset(root, count, height, width):
    """One object and one sentence a picture, so that an epoch reads each picture once."""
    rng = random.Random(11)
    (root / "toy").mkdir()
    (root / "train2014").mkdir()
    images, annotations, references, paths = [], [], [], []
    for i in range(count):
        # Enlarged, noise is about as fine, and the file about as large, as a photograph's.
        picture = Image.fromarray(scene(rng, height // 2, width // 2))
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
        name = f"{i}.jpg"
        paths.append(str(root / "train2014" / name))
        picture.save(paths[-1], quality=90)
        images.append({"id": i, "file_name": name, "height": height, "width": width})
        annotations.append(
            {"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 9, 9], "area": 81,
             "iscrowd": 0, "segmentation": [[1, 1, 10, 1, 10, 10, 1, 10]]})
        sentence = {"sent_id": i, "sent": f"thing number {i}", "raw": "", "tokens": []}
        references.append(
            {"ref_id": i, "ann_id": i, "image_id": i, "split": "train", "sent_ids": [i],
             "sentences": [sentence]})
    document = {"images": images, "annotations": annotations, "categories": []}
    (root / "toy" / "instances.json").write_text(json.dumps(document))
    (root / "toy" / "refs(unc).p").write_bytes(pickle.dumps(references, protocol=2))
    return paths


class Pictures(torch.utils.data.Dataset):
    def __init__(self, paths, size):
        self.paths = paths
        self.size = size

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        with Image.open(self.paths[index]) as file:
            picture = file.convert("RGB").resize((self.size, self.size), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(picture))


def time_torch(paths, options):
    torch.set_num_threads(1)
    pictures = Pictures(paths * (options.repeats + 1), options.size)
    loader = torch.utils.data.DataLoader(
        pictures, batch_size=options.batch, num_workers=options.workers, drop_last=True,
        prefetch_factor=4 if options.workers else None)
    batches = iter(loader)
    for _ in range(max(options.workers, 1)):
        next(batches)  # the workers have started
    start = time.perf_counter()
    images = sum(len(batch) for batch in batches)
    return images / (time.perf_counter() - start)


def pcnet(options, *arguments):
    done = subprocess.run([options.pcnet, "-q", "--threads", "1", *map(str, arguments)],
                          check=True, capture_output=True, text=True)
    return done.stdout


def time_pcnet(source, options):
    """@param source what names the dataset: --root DIR or --pack FILE"""
    batches = options.repeats * options.pictures // options.batch
    settings = {"data.image_size": options.size, "data.workers": options.workers,
                "data.cache": "none", "train.batch_size": options.batch}
    return json.loads(pcnet(
        options, "bench", "load", *source, "--batches", batches,
        *(part for item in settings.items() for part in ("--set", "%s=%s" % item))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pcnet")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=4, help="of each image in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--width", type=int, default=640)
    options = parser.parse_args()
    ours, packed, theirs = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paths = write_dataset(root, options.pictures, options.height, options.width)
        pack = root / "toy.pack"
        pcnet(options, "data", "pack", "--root", root, "--out", pack,
              "--set", f"data.image_size={options.size}")
        mean_bytes = statistics.mean(os.path.getsize(path) for path in paths)
        for _ in range(options.rounds):
            ours.append(time_pcnet(("--root", root), options))
            packed.append(time_pcnet(("--pack", pack), options))
            theirs.append(time_torch(paths, options))
    rates = [one["cold"]["images_per_second"] for one in ours]
    packed_rates = [one["cold"]["images_per_second"] for one in packed]
    ratios = [mine / other for mine, other in zip(rates, theirs)]
    packed_ratios = [mine / other for mine, other in zip(packed_rates, theirs)]
    print(json.dumps({
        "picture": [options.height, options.width], "bytes": round(mean_bytes),
        "size": options.size, "workers": options.workers, "batch": options.batch,
        "rounds": options.rounds, "images_per_second": round(statistics.median(rates), 1),
        "torch_images_per_second": round(statistics.median(theirs), 1),
        "times_faster": round(statistics.median(ratios), 2),
        "range": [round(min(ratios), 2), round(max(ratios), 2)],
        "milliseconds_per_image": ours[-1]["milliseconds_per_image"],
        "pack": {
            "images_per_second": round(statistics.median(packed_rates), 1),
            "times_faster": round(statistics.median(packed_ratios), 2),
            "range": [round(min(packed_ratios), 2), round(max(packed_ratios), 2)],
            "milliseconds_per_image": packed[-1]["milliseconds_per_image"],
        },
    }, indent=1))


if __name__ == "__main__":
    main()
