#!/usr/bin/env python3
"""The steps of scripts/cuda_check.sh: runs the programs of a bundle on this machine's GPU and writes
what came out to cuda_check.json and, as a page, beside it. A step that fails does not end the others."""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PRECISIONS = ("fp32", "tf32", "bf16", "fp16")


class Bundle:
    def __init__(self, folder, device, work):
        self.folder, self.device, self.work = folder, device, work

    def run(self, program, *arguments, patience=150, **more):
        """The program's standard output; an Error with its last lines when it fails."""
        command = [str(self.folder / "bin" / program), *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=patience, **more)
        if result.returncode != 0:
            tail = (result.stdout + result.stderr)[-3000:]
            raise RuntimeError(f"{' '.join(command)}: exit code {result.returncode}\n{tail}")
        return result.stdout

    def json(self, program, *arguments, **more):
        return json.loads(self.run(program, *arguments, **more))

    def full_size(self):
        """A configuration of the paper's size: RN50, 320 px, three stages, B = 36."""
        path = self.work / "full_size.yaml"
        path.write_text("model: {profile: paper}\ntrain: {batch_size: 36}\n"
                        "eval: {samples: 0, splits: [val]}\n")
        return path

    def data(self):
        """refsynth, made once."""
        root = self.work / "data"
        if not root.exists():
            self.run("pcnet", "data", "synth", "--out", root, "--images", 400, "--quiet")
            self.run("pcnet", "cues", "make", "--root", root, "--out", self.work / "cues.jsonl")
        return ["--root", root, "--cues", self.work / "cues.jsonl", "--device", self.device]


def doctor(bundle):
    return bundle.json("pcnet", "doctor", "--json", "--device", bundle.device)


def unit_tests(bundle):
    """Every unit test that needs CUDA: keys, losses, profiles, networks, precisions, waits."""
    report = bundle.work / "tests.txt"
    command = [str(bundle.folder / "bin" / "cuda_tests"), "--isolated", "--gtest_filter=*OnCuda*"]
    with open(report, "w") as out:
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, timeout=280).returncode
    text = report.read_text()
    shutil.copy(report, bundle.out / "unit_tests.txt")
    return {"exit_code": code, "passed": text.count("[       OK ]"),
            "failed": re.findall(r"\[  FAILED  \] (\S+)", text)}


def steps_per_precision(bundle):
    """PCNet at the paper's size, B = 36, 320 px, from memory (no loader)."""
    return {precision: bundle.json("full_size", 36, "--device", bundle.device, "--precision",
                                   precision, "--warmup", 5, "--steps", 20)
            for precision in PRECISIONS}


def where_time_goes(bundle):
    """Three bf16 steps of B = 36 under LibTorch's profiler: kernels, launches, waits."""
    path = bundle.work / "trace.json"
    bundle.run("full_size", 36, "--device", bundle.device, "--precision", "bf16", "--warmup", 5,
               "--steps", 2, "--trace", path)
    events = json.loads(path.read_text())["traceEvents"]
    kernels, calls = {}, {}
    spans = []
    for event in events:
        kind, duration = event.get("cat"), event.get("dur", 0)
        if kind in ("kernel", "gpu_memcpy", "gpu_memset"):
            spans.append((event["ts"], event["ts"] + duration))
            one = kernels.setdefault(event["name"][:110], [0, 0])
        elif kind in ("cuda_runtime", "cuda_driver"):
            one = calls.setdefault(event["name"], [0, 0])
        else:
            continue
        one[0] += 1
        one[1] += duration / 1e3
    busy, end = 0, 0
    for first, last in sorted(spans):
        busy += max(0, last - max(first, end))
        end = max(end, last)
    span = (max(last for _, last in spans) - min(first for first, _ in spans)) if spans else 0

    def top(table, count):
        rows = sorted(table.items(), key=lambda item: -item[1][1])[:count]
        return {name: {"times": times, "ms": round(ms, 3)} for name, (times, ms) in rows}

    return {"steps": 3, "gpu_span_ms": span / 1e3, "gpu_busy_ms": busy / 1e3,
            "launches": sum(times for times, _ in kernels.values()),
            "kernels": top(kernels, 45), "calls": top(calls, 14)}


def largest_batch(bundle):
    """bf16, the batch doubled until the memory ends; the message of the first that does not fit."""
    found = {}
    for batch in (72, 144, 288, 576, 1152):
        try:
            one = bundle.json("full_size", batch, "--device", bundle.device, "--precision", "bf16",
                              "--warmup", 2, "--steps", 5)
        except RuntimeError as error:
            found["message"] = re.sub(r"(?s)Exception raised.*", "", str(error))[-600:]
            break
        found[str(batch)] = {key: one[key] for key in ("images_per_second", "peak_gb")}
    return found


def training(bundle):
    """`bench train`: loader and step together, B = 36 at 320 px, full-size RN50."""
    return {precision: bundle.json(
        "pcnet", "bench", "train", bundle.full_size(), *bundle.data(), "--set", "data.workers=8",
        "--set", f"train.precision={precision}", "--steps", 30, "--warm-up", 8)
        for precision in ("fp32", "bf16")}


def loading(bundle):
    return bundle.json("pcnet", "bench", "load", *bundle.data(), "--set", "data.image_size=320",
                       "--set", "data.workers=2", "--set", "train.batch_size=36")


def resume(bundle):
    """A deterministic run, killed twice and resumed, ends as one that was left alone."""
    config = bundle.folder / "configs/refsynth/pcnet.yaml"
    settings = ["--set", "train.max_steps=40", "--set", "run.deterministic=true", "--set",
                "train.checkpoint_every=5", "--set", "eval.samples=0", "--set", "train.eval_every=0",
                "--set", "train.batch_size=16"]
    def arguments(run):
        return ["train", config, *bundle.data(), "--run", run, "--resume", "auto", *settings]
    bundle.run("pcnet", *arguments(bundle.work / "whole"))
    killed = bundle.work / "killed"
    kills = 0
    for wanted in (1, 2):
        process = subprocess.Popen([bundle.folder / "bin/pcnet", *map(str, arguments(killed))],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        log = killed / "log.jsonl"
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            lines = log.read_text().count('"event":"step"') if log.exists() else 0
            if lines >= 13 * wanted:
                process.send_signal(signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.005)
        process.wait()
    bundle.run("pcnet", *arguments(killed))
    difference = subprocess.run(
        [bundle.folder / "bin/pcnet", "weights", "diff",
         bundle.work / "whole/checkpoints/last.safetensors",
         killed / "checkpoints/last.safetensors"], capture_output=True, text=True)
    return {"kills": kills, "equal": difference.returncode == 0,
            "said": (difference.stdout + difference.stderr)[-400:]}


def evaluation(bundle):
    """`bench eval` of the untrained full-size model on refsynth's val."""
    run = bundle.work / "untrained"
    bundle.run("pcnet", "train", bundle.full_size(), *bundle.data(), "--run", run, "--set",
               "train.max_steps=0")
    return bundle.json("pcnet", "bench", "eval", run, "--split", "val", *bundle.data())


def sam(bundle):
    """SAM beside its Python packages on this GPU, random weights, float32 on both sides."""
    found = subprocess.run(
        [sys.executable, bundle.folder / "sam_benchmark.py", bundle.folder / "bin/parity_tool",
         "--device", bundle.device, "--json", "--repeats", "3", "--models", "vit_t", "vit_b",
         "vit_h"], capture_output=True, text=True, timeout=240,
        env={**os.environ, "PYTHONPATH": str(bundle.folder / "python")})
    if found.returncode != 0:
        raise RuntimeError(found.stderr[-3000:])
    return json.loads(found.stdout.splitlines()[-1])


STEPS = (doctor, unit_tests, steps_per_precision, where_time_goes, largest_batch, training, loading, resume,
         evaluation, sam)


def markdown(document):
    lines = ["# On a GPU", "", f"`scripts/cuda_check.sh`, commit {document['commit']}, "
             f"torch {document['torch']}, {document['gpu']}.", ""]
    for name, step in document["steps"].items():
        lines += [f"## {name}", "", f"{step['seconds']:.0f} s" +
                  ("" if step["ok"] else ", **failed**"), "", "```",
                  json.dumps(step.get("result", step.get("error")), indent=1), "```", ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("steps", nargs="*", help="some steps instead of all")
    if "--list" in sys.argv:
        print("\n".join(f"{step.__name__:20}{step.__doc__ or ''}" for step in STEPS))
        return 0
    arguments = parser.parse_args()
    import torch

    gpu = torch.cuda.is_available()
    if not gpu:
        arguments.device = "cpu"
    chosen = [step for step in STEPS if not arguments.steps or step.__name__ in arguments.steps]
    document = {"commit": (arguments.bundle / "COMMIT").read_text().strip(),
                "torch": torch.__version__,
                "gpu": torch.cuda.get_device_name(0) if gpu else "no GPU", "steps": {}}
    with tempfile.TemporaryDirectory() as work:
        bundle = Bundle(arguments.bundle, arguments.device, pathlib.Path(work))
        bundle.out = arguments.out
        for step in chosen if gpu else (doctor, unit_tests, resume):
            start = time.monotonic()
            entry = {"ok": True}
            try:
                entry["result"] = step(bundle)
            except (RuntimeError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
                entry.update(ok=False, error=str(error)[-3000:])
            entry["seconds"] = time.monotonic() - start
            document["steps"][step.__name__] = entry
            print(f"{step.__name__}: {entry['seconds']:.0f} s "
                  f"{json.dumps(entry.get('result', entry.get('error')))[:1500]}", flush=True)
            (arguments.out / "cuda_check.json").write_text(json.dumps(document, indent=1))
            (arguments.out / "cuda_check").with_suffix(".md").write_text(markdown(document))
    if not gpu:
        print("cuda_check: there is no GPU: what was run, ran on the processor", file=sys.stderr)
        return 3
    ok = all(step["ok"] for step in document["steps"].values())
    return 0 if ok and not document["steps"].get("unit_tests", {}).get("result", {}).get("failed") \
        else 1


if __name__ == "__main__":
    sys.exit(main())
