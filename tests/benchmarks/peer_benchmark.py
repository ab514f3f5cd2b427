"""pcnet beside the authors' Python at full size: CLIP RN50, 320 px, fp32, random weights, as many threads,
on the same CPU, in turn in one run.

    python tests/benchmarks/peer_benchmark.py build/release/pcnet --repository DIR [DIR] --threads 2

Each DIR is a checkout of github.com/zaiquanyang/Boosting_WRIS (752868b: PCNet) or github.com/fawnliu/TRIS
(c6666b3), from which their model code is imported. Needs torch, numpy and Pillow.

- `train`: forward, loss, backward and AdamW's update. PCNet with three stages, three cues a sentence, one
  partner, 40 proposals: Cls, RaS and IaD; TRIS: classification alone. Calibration is left out on both sides.
  Ours is `bench train`, its images and texts loaded by it; theirs gets one ready batch.
- `train, published`, PCNet alone: theirs with calibration, which their code computes even with weight 0: a
  ViT-B/32 forward and backward in all three stages, here with one negative an image. Ours has no such row.
- `eval`: theirs runs both encoders and the network for each pair of image and sentence, one after the other
  as validate.py does, resizes the map to 480 x 640, normalises it and finds its peak and mask. Their PCNet
  stops after an object's first sentence; here it goes on to all. Ours is `bench eval` with the same weights
  and so many sentences: it encodes an image once, of three cues the two that are read, and includes files,
  decoding and all measures.
- Peak memory is that of each process, the largest resident size.

Left out of theirs: data loading and augmentation, the schedule, logging, all measures but the peak and the
mask, CLIP's weights; of TRIS calibration, which is in its training script. Their code does not run as it is;
stand-ins are put for: `CLIP.clip` (load() makes the network of CLIP/clip/model.py with random weights),
`turtle` and `transformers` (imported, not used), cuda() and the device "cuda:0".

The two sides get different random texts: theirs takes 20 tokens of each, padded, whatever its words, so that
their number does not matter there; ours computes a text up to its end. Sentences have as many words as
RefCOCOg's (--words, on average 8.4), cues up to a third of that. Ours finds few equal texts: words are drawn.

Each speed is the best of --rounds processes, each peak the largest. On a shared machine set
GOMP_SPINCOUNT=1000, which then holds for both: pcnet alone would notice by itself that others use the cores
(docs/threads.md).
"""

import argparse
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time
import types

NEEDED = ("CLIP/clip/model.py", "model/attn.py", "model/utils.py", "args.py")
NETWORKS = {"PCNet": "model/model_prog_v5.py", "TRIS": "model/model_stage1.py"}
PROFILES = {"PCNet": "model: {profile: paper}\ndata: {cues_per_sentence: 3}\n",
            "TRIS": "model: {profile: tris}\ndata: {partners: 0}\nloss: {calibration: {weight: 0}}\n"}
SIDE, TOKENS, PROPOSALS, HEIGHT, WIDTH = 320, 20, 40, 480, 640
WORDS = ("man woman dog cat car bus tree cup red blue green black white left right big small near "
         "far old new top bottom front back chair table horse bird boat").split()  # one token each


# Their side: a process of its own -------------------------------------------------------------


def stand_in(name, **members):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)
    return sys.modules[name]


class Theirs:
    """Their network with random weights on the CPU, and batches for it."""

    def __init__(self, task):
        import importlib

        import torch
        self.torch, self.task = torch, task
        torch.set_num_threads(task["threads"])
        repository, published = task["repository"], task["what"] == "published"
        sys.path.insert(0, repository)
        stand_in("turtle", forward=None)
        stand_in("transformers", RobertaModel=None, BertModel=None, GPT2LMHeadModel=None)
        clip = stand_in("CLIP.clip", __path__=[f"{repository}/CLIP/clip"])
        stand_in("CLIP", __path__=[f"{repository}/CLIP"], clip=clip)
        network = importlib.import_module("CLIP.clip.model").CLIP
        clip.load = lambda name, txt_length, **_: (network(*{
            "RN50": (1024, 224, (3, 4, 6, 3), 64, None), "ViT-B/32": (512, 224, 12, 768, 32)}[name],
            77, txt_length, 49408, 512, 8, 12), None)
        torch.Tensor.cuda = lambda tensor, *_, **__: tensor
        plain = torch.tensor
        torch.tensor = lambda *words, device=None, **more: plain(*words, **more)
        arguments = importlib.import_module("args").get_parser().parse_args([])
        vars(arguments).update(max_query_len=TOKENS, size=SIDE, K_Iters=3, negative_samples=int(published))
        module = NETWORKS[task["kind"]].removesuffix(".py").replace("/", ".")
        self.model = importlib.import_module(module).TRIS(arguments)
        self.frozen = clip.load("ViT-B/32", TOKENS)[0].eval() if published else None
        if not published:  # otherwise computed whatever its weight
            self.model.cbs_loss = lambda **_: (torch.zeros(()), torch.zeros(()))

    def texts(self, *shape):
        tokens = self.torch.randint(1, 49000, (*shape, TOKENS))
        tokens[..., 0], tokens[..., -1] = 49406, 49407
        return tokens

    def pcnet_loss(self, images, count):
        torch = self.torch
        samples = {"zs_mask": (torch.rand(count, PROPOSALS, 32, 32) > 0.8).float(),
                   "clip_score": torch.rand(count, PROPOSALS), "target": torch.zeros(count, 1, SIDE, SIDE),
                   "same_img_mark_0": torch.ones(count), "neg_word_ids": self.texts(count, 1)}
        classification, calibration, negatives, shrinking, _, disambiguation = self.model(
            images, self.texts(2 * count), self.texts(2 * count, 3), self.frozen, samples, div_loc=True)
        return classification + shrinking + disambiguation + calibration + negatives

    def tris_loss(self, images, count):
        scores = self.model(images, self.texts(count))[0]
        return self.torch.nn.functional.multilabel_soft_margin_loss(scores, self.torch.eye(count))

    def train(self):
        self.model.train()
        try:
            groups = self.model.trainable_parameters()
        except TypeError:  # TRIS's: there its training script takes all parameters as one group
            groups = [list(self.model.parameters())]
        optimizer = self.torch.optim.AdamW([{"params": each} for each in groups], lr=5e-6)
        count = self.task["batch"]
        images = self.torch.randn(count, 3, SIDE, SIDE)
        loss_of = self.pcnet_loss if self.task["kind"] == "PCNet" else self.tris_loss
        for step in range(1 + self.task["steps"]):  # the first is a warm-up
            start = time.perf_counter() if step < 2 else start
            loss = loss_of(images, count)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if not loss.isfinite():
                raise ValueError(f"the loss of step {step} is {loss.item()}")
        return {"images_per_second": count * self.task["steps"] / (time.perf_counter() - start)}

    def answer(self, image, tokens, cues):
        response = self.model(image, tokens, *([cues] if self.task["kind"] == "PCNet" else []))
        response = self.torch.nn.functional.interpolate(
            response, (HEIGHT, WIDTH), align_corners=True, mode="bilinear")
        response /= response.max() + 1e-5
        return int(response.argmax()), response.gt(1e-9)

    def evaluate(self):
        self.model.eval()
        images, sentences = self.task["images"], self.task["sentences"]
        with self.torch.no_grad():
            self.answer(self.torch.randn(1, 3, SIDE, SIDE), self.texts(1), self.texts(1, 3))
            start = time.perf_counter()
            for _ in range(images):
                image = self.torch.randn(1, 3, SIDE, SIDE)
                for _ in range(sentences):
                    self.answer(image, self.texts(1), self.texts(1, 3))
        rate = images / (time.perf_counter() - start)
        return {"images_per_second": rate, "sentences_per_second": rate * sentences}

    def save(self):
        state = {"model": self.model.state_dict(), "optimizer": {}, "lr_scheduler": {}, "epoch": 0}
        self.torch.save(state, self.task["weights"])
        return {}


def child(task):
    try:
        theirs = Theirs(task)
        works = {"weights": theirs.save, "eval": theirs.evaluate}
        document = works.get(task["what"], theirs.train)()
    except Exception as error:  # whatever their code may raise
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    document["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(json.dumps(document))


# Our side, and both in turn -------------------------------------------------------------------


def kind_of(repository):
    missing = [name for name in NEEDED if not (repository / name).is_file()]
    kinds = [kind for kind, name in NETWORKS.items() if (repository / name).is_file()]
    if missing or len(kinds) != 1:
        wanted = ", ".join(missing) or "one of " + ", ".join(NETWORKS.values())
        sys.exit(f"{repository}: not a checkout of Boosting_WRIS or TRIS: wanted {wanted} there")
    return kinds[0]


def call(command, what):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONBREAKPOINT": "0"}
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"{what}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return done.stdout


def make_dataset(folder, arguments):
    """Custom annotations: two objects an image, as many sentences together as --sentences says."""
    import numpy as np
    from PIL import Image

    chance, lines = random.Random(1), []
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    draw = lambda least, most: " ".join(chance.choices(WORDS, k=chance.randint(least, most)))
    sentence, cue = lambda *_: draw(*arguments.words), lambda *_: draw(1, max(1, arguments.words[1] // 3))
    for number in range(arguments.images + 2 * arguments.batch):
        channels = (columns + 20 * number) % 256, 2 * rows % 256, columns * rows // (7 + number) % 256
        Image.fromarray(np.stack(channels, -1).astype(np.uint8)).save(folder / f"{number}.jpg", quality=90)
        for k, count in enumerate(((arguments.sentences + 1) // 2, arguments.sentences // 2)):
            left, right = 80 + 300 * k, 260 + 300 * k
            lines.append({"image": f"{number}.jpg", "sentences": list(map(sentence, range(count))),
                          "cues": [list(map(cue, range(3))) for _ in range(count)],
                          "split": "val" if number < arguments.images else "train",
                          "mask": {"polygons": [[left, 100, right, 100, right, 340, left, 340]]}})
    (folder / "annotations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def ours(what, kind, arguments, folder):
    common = ("--root", folder / "data", "--dataset", "custom", "--threads", arguments.threads)
    path = folder / f"{kind}.yaml"
    precision = arguments.precision
    path.write_text(PROFILES[kind] + f"train: {{batch_size: {arguments.batch}, precision: {precision}}}\n")
    words = {"train": (path, "--steps", arguments.steps, "--warm-up", 1),
             "eval": (folder / f"{kind}.pth", "--split", "val", "--repeats", 1,
                      "--set", "eval.sentences=all", "--set", f"eval.precision={precision}")}
    out = json.loads(call((arguments.program, "bench", what, *words[what], *common), f"pcnet bench {what}"))
    found = {"peak_gb": out["peak_memory_bytes"] / 1e9}
    if what == "train":
        return found | {"images_per_second": out["images_per_second"]}
    return found | {"images_per_second": out["pictures_per_second"],
                    "sentences_per_second": out["sentences_per_second"]}


def compare(repository, arguments, folder):
    kind = kind_of(repository)
    task = {"repository": str(repository), "kind": kind, "weights": str(folder / f"{kind}.pth")}
    task |= {name: getattr(arguments, name) for name in ("threads", "batch", "steps", "images", "sentences")}

    def theirs(what):
        return json.loads(call((sys.executable, __file__, "--child", json.dumps({**task, "what": what})),
                               f"{repository}: its code did not run ({what})"))

    works = ("train", "published", "eval") if kind == "PCNet" else ("train", "eval")
    best = {what: {"python": {}, "pcnet": {}} for what in works}
    theirs("weights")
    for what, sides in arguments.rounds * list(best.items()):
        runs = {"python": theirs(what)}
        if what != "published":
            runs["pcnet"] = ours(what, kind, arguments, folder)
        for side, figures in runs.items():
            for name, value in figures.items():
                sides[side][name] = max(value, sides[side].get(name, 0))
    for sides in best.values():
        sides["ratio"] = {name: value / sides["python"][name] for name, value in sides["pcnet"].items()}
    return kind, best


def main():
    if sys.argv[1:2] == ["--child"]:
        child(json.loads(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="build/release/pcnet")
    parser.add_argument("--repository", type=pathlib.Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4, help="images a step, at least 2")
    parser.add_argument("--steps", type=int, default=3, help="measured steps a process")
    parser.add_argument("--images", type=int, default=4, help="of an evaluation")
    parser.add_argument("--sentences", type=int, default=7, help="an image, at least 2")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of ours; theirs is fp32")
    parser.add_argument("--words", type=int, nargs=2, default=(4, 13), metavar=("LEAST", "MOST"),
                        help="of a sentence, drawn evenly; at most 18")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    arguments = parser.parse_args()
    if not 1 <= arguments.words[0] <= arguments.words[1] <= TOKENS - 2:
        parser.error(f"--words: wanted 1 <= LEAST <= MOST <= {TOKENS - 2}")
    if min(arguments.batch, arguments.sentences) < 2:
        parser.error("--batch and --sentences: wanted at least 2")
    if not pathlib.Path(arguments.program).is_file():
        parser.error(f"no program {arguments.program}")
    for repository in arguments.repository:
        kind_of(repository)  # before any work
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "data").mkdir()
        make_dataset(folder / "data", arguments)
        call((arguments.program, "proposals", "make", folder / "data", "--source", "grid", "--threads",
              arguments.threads, "--out", folder / "data/proposals.jsonl"), "proposals make")
        document = dict(compare(one.resolve(), arguments, folder) for one in arguments.repository)
    if arguments.json:
        print(json.dumps(document))
        return
    print(f"{'':47}{'Python':>9}{'pcnet':>9}{'ratio':>8}")
    for kind, works in document.items():
        for what, sides in works.items():
            label = "train, published" if what == "published" else what
            for key, value in sides["python"].items():
                rest = f"{sides['pcnet'][key]:9.2f}{sides['ratio'][key]:8.2f}" if sides["pcnet"] else ""
                print(f"{kind:7}{label:18}{key:22}{value:9.2f}{rest}")


if __name__ == "__main__":
    main()
