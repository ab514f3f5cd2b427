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

    def expect(self, holds, what):
        if not holds:
            sys.exit(f"dress rehearsal: {self.steps[-1]['step']}: expected {what}")

    def table(self):
        rows = [("step", "seconds", "peak MiB")]
        for step in self.steps:
            rows.append((step["step"], f"{step['seconds']:.1f}", str(step["peak_mib"])))
        widths = [max(len(row[k]) for row in rows) for k in range(2)]
        return "\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c}" for a, b, c in rows)


DATA = ("--root", "coco", "--dataset", "refcoco", "--split-by", "unc")
FILES = ("--proposals", "proposals_sam.jsonl")  # cues lie beside the annotations
TRAINING = ("--set", "model.clip.weights=RN50.pt", "--set", f"train.batch_size={BATCH}", "--set",
            f"train.max_steps={STEPS}", "--set", "train.warmup_steps=1", "--set",
            "run.tensorboard=false")


def prepare(rehearsal, sam):
    """Everything before training."""
    clip = rehearsal.run("weights inspect RN50.pt", "weights", "inspect", "RN50.pt", document=True)
    rehearsal.expect(clip["fit"]["fits"] and clip["architecture"]["name"] == "RN50", "RN50")
    found = rehearsal.run(f"weights inspect {sam}", "weights", "inspect", sam, document=True)
    rehearsal.expect(found["fit"]["fits"] and found["layout"] == "SAM", "a SAM that fits")
    rehearsal.run("data check", "data", "check", *DATA)
    rehearsal.run("data stats", "data", "stats", *DATA)
    rehearsal.run("cues make", "cues", "make", *DATA, "--source", "rules")
    rehearsal.run("cues check", "cues", "check", *DATA)
    # The boxes of random weights' masks are all nearly the image: --box-nms 1 keeps more than one.
    made = rehearsal.run("proposals make", "proposals", "make", *DATA, "--weights", sam, "--box-nms", 1,
                         "--out", "proposals_sam.jsonl", document=True)
    rehearsal.expect(made["images"] == IMAGES and made["proposals"] > IMAGES, "some proposals an image")
    check = rehearsal.run("proposals check", "proposals", "check", *DATA, *FILES,
                          document=True)
    rehearsal.expect(check["missing"] == 0, "an entry of every image")
    shown = rehearsal.run("proposals show", "proposals", "show", *DATA, *FILES,
                          "--count", 4, "--out", "shown", document=True)
    rehearsal.expect(all("predicted_iou" in one for image in shown["images"]
                         for one in image["proposals"]), "the predicted IoU of every proposal")
    # In the place of FreeSOLO's, whose weights this does not make up.
    rehearsal.run("proposals make --source grid", "proposals", "make", *DATA, "--source", "grid",
                  "--out", "proposals_freesolo.jsonl")
    configuration = REPOSITORY / "configs/refcoco/pcnet_sam.yaml"
    rehearsal.run("data pack", "data", "pack", configuration, *DATA, *FILES, "--set",
                  "model.clip.weights=RN50.pt", "--out", "refcoco.pack")


def table_1(rehearsal, sam):
    """The tables of RefCOCO in configs/studies/table1.yaml: every row trained, evaluated, printed."""
    text = (REPOSITORY / "configs/studies/table1.yaml").read_text()
    of_refcoco = text[:text.index("  - title: Table 1, RefCOCO+ val")]
    configs = f"config: {REPOSITORY}/configs/"
    (rehearsal.folder / "table1.yaml").write_text(of_refcoco.replace("config: ../", configs))
    result = rehearsal.run("study table1.yaml", "study", "table1.yaml", *DATA, *TRAINING, "--set",
                           f"eval.sam.weights={sam}", document=True)
    rehearsal.expect(result["done"] > 10 and result["failed"] + result["to_do"] == 0, "every run done")
    (study,) = result["studies"]
    for table in study["tables"]:
        for row in table["rows"]:
            rehearsal.expect(row.get("published") or row["figures"]["miou"]["runs"] == 1,
                             f"a figure in {table['title']}, {row['name']}")
    return study


def use(rehearsal, study, sam):
    """A trained model, by hand."""
    rows = {row["name"]: row for row in study["tables"][0]["rows"]}
    run = rows["PCNet_S"]["runs"][0]["folder"]
    by_hand = rehearsal.run("eval", "eval", run, *DATA, *FILES, "--split", "val", "--segmentor", "sam",
                            "--sam", sam, document=True)
    rehearsal.expect(by_hand["splits"]["val"]["miou"] ==
                     rows["PCNet_S + SAM"]["runs"][0]["figures"]["miou"], "the study's figure")
    rehearsal.run("train from the pack", "train", REPOSITORY / "configs/refcoco/pcnet_sam.yaml",
                  "--pack", "refcoco.pack", "--run", "packed", *TRAINING)
    picture = next((rehearsal.folder / "coco/images/mscoco/images/train2014").iterdir())
    rehearsal.run("predict", "predict", run, "--image", picture, "--text", "the person on the left",
                  "--out", "predicted", "--segmentor", "sam", "--sam", sam)


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
        study = table_1(rehearsal, sam)
        use(rehearsal, study, sam)
        tables = (folder / "runs/studies/table1/study.md").read_text()
    arguments.out.write_text(json.dumps({"images": IMAGES, "sam": arguments.sam,
                                         "steps": rehearsal.steps, "study": study}, indent=1))
    print(f"\nRandom weights: these figures mean nothing.\n\n{tables}\n{rehearsal.table()}")


if __name__ == "__main__":
    main()
