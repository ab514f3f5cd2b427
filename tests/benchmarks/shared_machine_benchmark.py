"""How much speed is left when other processes keep cores busy.

Runs each kind of work alone and beside as many busy processes as --busy says, in turn, so that a
change of the machine's speed meets both, and prints JSON: the rate of each (the median over the
rounds) and the ratio of the two (median, smallest, largest). With --default-waiting each round also
runs it with the spin count that OpenMP's library would take by itself, alone; `kept_alone` is the
program's own rate over that one. With --all-waiting also beside the busy processes.
usage: shared_machine_benchmark.py PCNET [--busy N] [--rounds N] [--only NAME]... [--data DIR]
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"
LIBRARYS_SPIN_COUNT = "300000"  # what libgomp takes without GOMP_SPINCOUNT and OMP_WAIT_POLICY
LIMIT = 600  # seconds that one run may take


@contextlib.contextmanager
def busy(count):
    """So many processes that compute without end."""
    processes = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


class Work:
    """The program's runs; each method gives a rate, the more the faster."""

    def __init__(self, binary, data, folder, threads):
        self.binary = binary
        self.data = data
        self.folder = folder
        self.threads = threads
        self.environment = {}
        self.model = folder / "model"

    def call(self, *arguments):
        command = [self.binary, *map(str, arguments), "--threads", str(self.threads)]
        start = time.monotonic()
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT, check=False,
            env={**os.environ, **self.environment})
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout, time.monotonic() - start

    def prepare(self):
        if self.data is None:
            self.data = self.folder / "data"
            self.call("data", "synth", "--out", self.data)
        self.call("train", CONFIGS / "refsynth/tris.yaml", "--root", self.data, "--run", self.model,
                  "--set", "train.max_steps=0", "-q")

    def bench(self, *arguments):
        return json.loads(self.call("bench", *arguments)[0])

    def train(self):
        """Pictures a second of training the small encoders."""
        return self.bench("train", CONFIGS / "refsynth/clip_plain.yaml", "--root", self.data,
                          "--warm-up", 2, "--steps", 12)["images_per_second"]

    def full_size(self):
        """Pictures a second of training PCNet with CLIP's ResNet-50 at 320 px, two a step."""
        return self.bench("train", CONFIGS / "refcoco/pcnet_sam.yaml", "--root", self.data,
                          "--set", "data.dataset=refsynth", "--set", 'data.split_by=""',
                          "--set", "train.batch_size=2", "--warm-up", 1, "--steps", 3,
                          )["images_per_second"]

    def evaluate(self):
        """Pictures a second of evaluation, decoding left out."""
        return self.bench("eval", self.model, "--root", self.data, "--repeats", 3,
                          )["pictures_per_second"]

    def load(self):
        """Pictures a second of decoding, resizing and feeding."""
        return self.bench("load", CONFIGS / "refsynth/clip_plain.yaml", "--root", self.data,
                          )["cold"]["images_per_second"]

    def predict(self):
        """Whole runs of `predict` on 40 pictures, a second."""
        pictures = sorted((self.data / "images/mscoco/images/train2014").iterdir())[:40]
        seconds = self.call("predict", self.model, "--image", *pictures, "--text",
                            "the small red circle", "--out", self.folder / "found")[1]
        return 1 / seconds

    def cues(self):
        """Whole runs of `cues make` a second."""
        seconds = self.call("cues", "make", "--root", self.data, "--replace", "--out",
                            self.folder / "cues.jsonl")[1]
        return 1 / seconds


WORKS = ("train", "full_size", "evaluate", "load", "predict", "cues")


def ratios(values):
    return {"median": round(statistics.median(values), 3),
            "least": round(min(values), 3), "most": round(max(values), 3)}


def measure(work, name, options):
    """Rates and ratios of one kind of work."""
    environments = {"": {}}
    if options.default_waiting or options.all_waiting:
        environments["default_waiting_"] = {"GOMP_SPINCOUNT": LIBRARYS_SPIN_COUNT}
    rates = {}
    for _ in range(options.rounds):
        for prefix, environment in environments.items():
            for place, count in (("alone", 0), ("shared", options.busy)):
                if prefix and count and not options.all_waiting:
                    continue
                work.environment = environment
                with busy(count):
                    rates.setdefault(prefix + place, []).append(getattr(work, name)())
    pairs = zip(rates["shared"], rates["alone"])
    found = {key: round(statistics.median(values), 3) for key, values in rates.items()}
    found["kept_shared"] = ratios([shared / alone for shared, alone in pairs])
    if "default_waiting_alone" in rates:
        pairs = zip(rates["alone"], rates["default_waiting_alone"])
        found["kept_alone"] = ratios([ours / theirs for ours, theirs in pairs])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("binary", metavar="PCNET")
    parser.add_argument("--busy", type=int, default=1, help="processes beside it (default 1)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="of the program; 0: all cores")
    parser.add_argument("--only", action="append", choices=WORKS, help="repeatable; default: all")
    parser.add_argument("--data", type=pathlib.Path, help="of `data synth`; default: made anew")
    parser.add_argument("--default-waiting", action="store_true")
    parser.add_argument("--all-waiting", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Work(options.binary, options.data, pathlib.Path(folder), options.threads)
        work.prepare()
        found = {name: measure(work, name, options) for name in options.only or WORKS}
    print(json.dumps({"cores": os.cpu_count(), "busy": options.busy, "rounds": options.rounds,
                      "work": found}, indent=2))


if __name__ == "__main__":
    main()
