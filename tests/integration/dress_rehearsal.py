"""The whole way from a dataset to the rows of Table 1 at full size, as the pages describe it, on a
made-up dataset and random weights: 30 photographs in COCO's layout, CLIP RN50 and MobileSAM under
the names of the published files. It shows that every step of an experiment on RefCOCO goes through,
and what each takes; no figure of it means anything.

Usage: dress_rehearsal.py PCNET [--out FILE.json] [--keep FOLDER] [--sam vit_t|vit_b]. Needs the packages
of tests/parity; minutes.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
IMAGES = 30
STEPS, BATCH = 3, 6


class Rehearsal:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.steps = []

    def run(self, name, *words, codes=(0,), document=False):
        """Runs the program in the folder; what it takes is written down."""
        command = [str(self.program), *map(str, words), *(["--json"] if document else [])]
        print(f"$ pcnet {' '.join(command[1:])}", flush=True)
        begin = time.monotonic()
        with open(self.folder / "stdout", "wb") as out:
            process = subprocess.Popen(command, stdout=out, cwd=self.folder)
        _, status, usage = os.wait4(process.pid, 0)
        seconds, code = time.monotonic() - begin, os.waitstatus_to_exitcode(status)
        text = (self.folder / "stdout").read_text()
        self.steps.append({"step": name, "seconds": round(seconds, 2), "code": code,
                           "peak_mib": usage.ru_maxrss // 1024, "command": command[1:]})
        if not document:
            print(text, end="")
        if code not in codes:
            sys.exit(f"dress rehearsal: {name} ended with {code}")
        return json.loads(text) if document else text

    def skip(self, name, why):
        print(f"SKIPPED {name}: {why}", flush=True)
        self.steps.append({"step": name, "skipped": why})

    def expect(self, holds, what):
        if not holds:
            sys.exit(f"dress rehearsal: {self.steps[-1]['step']}: expected {what}")

    def offers(self, command, word):
        """Whether the program's help of a command names a word."""
        return word in self.run(f"{command} --help", command, "--help").split()

    def table(self):
        rows = [("step", "seconds", "peak MiB")]
        for step in self.steps:
            if "skipped" in step:
                rows.append((step["step"], "skipped", step["skipped"]))
            else:
                rows.append((step["step"], f"{step['seconds']:.1f}", str(step["peak_mib"])))
        widths = [max(len(row[k]) for row in rows) for k in range(2)]
        return "\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c}" for a, b, c in rows)


DATA = ("--root", "coco", "--dataset", "refcoco", "--split-by", "unc")
FILES = ("--cues", "cues.jsonl", "--proposals", "proposals.jsonl")
TRAINING = ("--set", "model.clip.weights=RN50.pt", "--set", f"train.batch_size={BATCH}", "--set",
            f"train.max_steps={STEPS}", "--set", "train.warmup_steps=1", "--set",
            "run.tensorboard=false")
ROWS = (("TRIS", "tris.yaml", "runs/tris"), ("PCNet_S", "pcnet_sam.yaml", "runs/pcnet_sam"))


def prepare(rehearsal, sam):
    """Everything before training."""
    clip = rehearsal.run("weights inspect RN50.pt", "weights", "inspect", "RN50.pt", document=True)
    rehearsal.expect(clip["fit"]["fits"] and clip["architecture"]["name"] == "RN50", "RN50")
    found = rehearsal.run(f"weights inspect {sam}", "weights", "inspect", sam, document=True)
    rehearsal.expect(found["fit"]["fits"] and found["layout"] == "SAM", "a SAM that fits")
    rehearsal.run("data check", "data", "check", *DATA)
    rehearsal.run("data stats", "data", "stats", *DATA)
    rehearsal.run("cues make", "cues", "make", *DATA, "--source", "rules", "--out", "cues.jsonl")
    rehearsal.run("cues check", "cues", "check", *DATA, "--cues", "cues.jsonl")
    made = rehearsal.run("proposals make", "proposals", "make", *DATA, "--weights", sam, "--out",
                         "proposals.jsonl", document=True)
    rehearsal.expect(made["images"] == IMAGES and made["proposals"] > IMAGES, "some proposals an image")
    check = rehearsal.run("proposals check", "proposals", "check", *DATA, "--proposals",
                          "proposals.jsonl", document=True)
    rehearsal.expect(check["missing"] == 0, "an entry of every image")
    shown = rehearsal.run("proposals show", "proposals", "show", *DATA, "--proposals",
                          "proposals.jsonl", "--count", 4, "--out", "shown", document=True)
    rehearsal.expect(all("predicted_iou" in one for image in shown["images"]
                         for one in image["proposals"]), "the predicted IoU of every proposal")
    configuration = REPOSITORY / "configs/refcoco/pcnet_sam.yaml"
    rehearsal.run("data pack", "data", "pack", configuration, *DATA, *FILES, "--set",
                  "model.clip.weights=RN50.pt", "--out", "refcoco.pack")


def evaluations(rehearsal, name, run, sam):
    """A row of Table 1 and those with a segmentor: {what: splits}."""
    found = {}
    sets = (*DATA, *FILES)
    found[name] = rehearsal.run(f"eval {name}", "eval", run, *sets, document=True)["splits"]
    choices = [("proposal", ()), ("sam", ("--sam", sam))]
    if name == "PCNet_S":
        choices += [("oracle-proposal", ()), ("oracle-point", ("--sam", sam))]
    for choice, more in choices:
        what = f"{name} with {choice}"
        if more and not rehearsal.has_sam:
            rehearsal.skip(f"eval {what}", f"this program's `eval --help` names no segmentor {choice}")
            continue
        result = rehearsal.run(f"eval {what}", "eval", run, *sets, "--segmentor", choice, *more,
                               document=True)
        found[what] = result["splits"]
    return found


def train_and_evaluate(rehearsal, sam):
    """The rows: training, and the evaluations of each."""
    rows = {}
    rehearsal.has_sam = rehearsal.offers("eval", "--sam")
    for name, config, run in ROWS:
        rehearsal.run(f"train {name}", "train", REPOSITORY / "configs/refcoco" / config, *DATA, *FILES,
                      "--run", run, *TRAINING)
        rows.update(evaluations(rehearsal, name, run, sam))
    rehearsal.run("train PCNet_S from the pack", "train", REPOSITORY / "configs/refcoco/pcnet_sam.yaml",
                  "--pack", "refcoco.pack", "--run", "runs/packed", *TRAINING)
    picture = next((rehearsal.folder / "coco/images/mscoco/images/train2014").iterdir())
    rehearsal.run("predict", "predict", "runs/pcnet_sam", "--image", picture, "--text",
                  "the person on the left", "--out", "predicted")
    return rows


def print_rows(rows):
    splits = ("val", "testA", "testB")
    width = max(map(len, rows))
    print(f"\n{'random weights: these figures mean nothing':<{width}}")
    print(f"{'':<{width}}", *(f"{split:>20}" for split in splits))
    print(f"{'':<{width}}", *(f"{'PointM   mIoU   oIoU':>20}" for _ in splits))
    for name, found in rows.items():
        cells = [" ".join(f"{found[split][key]:6.1f}" for key in ("point_m", "miou", "oiou"))
                 for split in splits]
        print(f"{name:<{width}}", *(f"{cell:>20}" for cell in cells))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("dress_rehearsal.json"))
    parser.add_argument("--keep", type=pathlib.Path, help="work in this folder and leave it")
    parser.add_argument("--sam", choices=("vit_t", "vit_b"), default="vit_t")
    arguments = parser.parse_args()
    sam = {"vit_t": "mobile_sam.pt", "vit_b": "sam_vit_b.pth"}[arguments.sam]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or pathlib.Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        # By a process of its own: what a step takes of memory counts from what this one has.
        subprocess.run([sys.executable, HERE / "rehearsal_inputs.py", folder, arguments.sam, sam],
                       check=True)
        rehearsal = Rehearsal(arguments.program.resolve(), folder)
        prepare(rehearsal, sam)
        rows = train_and_evaluate(rehearsal, sam)
    arguments.out.write_text(json.dumps({"images": IMAGES, "sam": arguments.sam,
                                         "steps": rehearsal.steps, "rows": rows}, indent=1))
    print_rows(rows)
    print("\n" + rehearsal.table())


if __name__ == "__main__":
    main()
