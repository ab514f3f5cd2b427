"""Segment Anything beside its Python packages: seconds of an image's embedding and of 64 clicks on
it, with the same random weights and as many threads, one after the other in one run.

    python tests/benchmarks/sam_benchmark.py build/release/tests/parity/parity_tool --threads 2
    python tests/benchmarks/sam_benchmark.py build/release/tests/parity/parity_tool --device cuda
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "parity"))
import sam_peers
import torch


def python_seconds(package, model, repeats, device):
    import numpy as np

    picture = (np.arange(480 * 640 * 3) ** 2 % 251).astype(np.uint8).reshape(480, 640, 3)
    columns, rows = np.meshgrid(40 + 80 * np.arange(8), 30 + 60 * np.arange(8))
    points = np.stack([columns.ravel(), rows.ravel()], -1).astype(float)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    predictor = package.SamPredictor(model.to(device))
    best = {"encoder": float("inf"), "clicks": float("inf")}
    for repeat in range(repeats + 1):  # the first is a warm-up
        start = time.perf_counter()
        predictor.set_image(picture)
        wait()
        middle = time.perf_counter()
        scaled = torch.as_tensor(predictor.transform.apply_coords(points, (480, 640)),
                                 device=device)
        with torch.no_grad():
            sparse, dense = model.prompt_encoder(
                points=(scaled[:, None, :], torch.ones(64, 1, device=device)), boxes=None, masks=None)
            model.mask_decoder(
                image_embeddings=predictor.get_image_embedding(),
                image_pe=model.prompt_encoder.get_dense_pe(), sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense, multimask_output=True)
        wait()
        end = time.perf_counter()
        if repeat > 0:
            best["encoder"] = min(best["encoder"], middle - start)
            best["clicks"] = min(best["clicks"], end - middle)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool", help="build/release/tests/parity/parity_tool")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--models", nargs="+", default=["vit_t", "vit_b"])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.allow_tf32 = False  # as pcnet: fp32 is fp32
    document = {}
    for name in arguments.models:
        package = sam_peers.mobile_sam() if name == "vit_t" else sam_peers.segment_anything()
        model = sam_peers.lively(package.sam_model_registry[name](), seed=1)
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/{name}.pth"
            torch.save(model.state_dict(), path)
            theirs = python_seconds(package, model, arguments.repeats, arguments.device)
            ours = json.loads(subprocess.run(
                [arguments.tool, "sam-time", path, str(arguments.threads), str(arguments.repeats),
                 arguments.device],
                check=True, capture_output=True, text=True).stdout)
        document[name] = {part: {"python_s": theirs[part], "pcnet_s": ours[part],
                                 "ratio": ours[part] / theirs[part]} for part in theirs}
    if arguments.json:
        print(json.dumps(document))
        return
    print(f"{'':8}{'':10}{'Python s':>10}{'pcnet s':>10}{'ratio':>8}")
    for name, parts in document.items():
        for part, one in parts.items():
            print(f"{name:8}{part:10}{one['python_s']:10.3f}{one['pcnet_s']:10.3f}"
                  f"{one['ratio']:8.2f}")


if __name__ == "__main__":
    main()
