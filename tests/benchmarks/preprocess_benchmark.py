"""Decoding, resizing and normalising the same JPEG pictures here and with Pillow, one thread each.

Prints JSON: processor milliseconds a picture of both, and how many times faster the library is (the median of
the rounds' ratios, with the smallest and largest). A round runs both in turn, so that other load
on the machine meets both. usage: preprocess_benchmark.py PARITY_TOOL [--pictures N] [--rounds N]
"""

import argparse
import json
import os
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

PARTS = ("decode", "resize", "normalise")


def write_pictures(folder, count, height, width):
    rng = random.Random(11)
    paths = []
    for i in range(count):
        # Enlarged, noise is about as fine, and the file about as large, as a photograph's.
        picture = Image.fromarray(scene(rng, height // 2, width // 2))
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
        paths.append(str(Path(folder) / f"{i}.jpg"))
        picture.save(paths[-1], quality=90)
    return paths


def time_pillow(size, repeats, paths):
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1) * 255
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1) * 255
    spent = dict.fromkeys(PARTS, 0.0)
    for repeat in range(-1, repeats):
        if repeat == 0:
            spent = dict.fromkeys(PARTS, 0.0)
        for path in paths:
            start = time.process_time()
            with Image.open(path) as file:
                picture = file.convert("RGB")
            decoded = time.process_time()
            resized = picture.resize((size, size), Image.Resampling.BILINEAR)
            stretched = time.process_time()
            pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1).contiguous()
            pixels.float().sub_(mean).div_(deviation)
            done = time.process_time()
            for part, seconds in zip(PARTS, (decoded - start, stretched - decoded, done - stretched)):
                spent[part] += seconds
    return {part: seconds / (repeats * len(paths)) for part, seconds in spent.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parity_tool")
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5, help="of each image in a round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--width", type=int, default=640)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        paths = write_pictures(folder, options.pictures, options.height, options.width)
        mean_bytes = statistics.mean(os.path.getsize(path) for path in paths)
        for _ in range(options.rounds):
            done = subprocess.run(
                [options.parity_tool, "time-pictures", str(options.size), str(options.repeats), *paths],
                check=True, capture_output=True, text=True)
            ours, pillow = json.loads(done.stdout), time_pillow(options.size, options.repeats, paths)
            for times in (ours, pillow):
                times["whole"] = sum(times[part] for part in PARTS)
            rounds.append((ours, pillow))
    answer = {"picture": [options.height, options.width], "bytes": round(mean_bytes),
              "size": options.size, "rounds": options.rounds}
    for part in (*PARTS, "whole"):
        ratios = [pillow[part] / ours[part] for ours, pillow in rounds]
        answer[part] = {
            "milliseconds": round(1e3 * statistics.median(ours[part] for ours, _ in rounds), 3),
            "pillow_milliseconds": round(1e3 * statistics.median(p[part] for _, p in rounds), 3),
            "times_faster": round(statistics.median(ratios), 2),
            "range": [round(min(ratios), 2), round(max(ratios), 2)],
        }
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
