#!/usr/bin/env python3
"""Writes a small synthetic benchmark with the program and reads it with Python's own modules.

Usage: read_refsynth.py PCNET    (the program's path)
"""

import json
import pickle
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

IMAGES = 30
WORDS = set(
    "the left right on of small large solid striped dotted hollow red green blue yellow purple "
    "cyan circle square triangle cross star".split()
)


def read_png(path):
    """Width and height; every chunk's check sum and the length of the pixels are verified."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    at, packed, size = 8, b"", None
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert zlib.crc32(kind + body) == crc, path
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        if kind == b"IDAT":
            packed += body
        at += 12 + length
    assert len(zlib.decompress(packed)) == size[1] * (size[0] * 3 + 1), path
    return size


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def check_refs(folder, images, annotations):
    refs = pickle.loads((folder / "refs(unc).p").read_bytes())
    sentences = {}
    split_of = {}
    for ref in refs:
        image, annotation = images[ref["image_id"]], annotations[ref["ann_id"]]
        assert annotation["image_id"] == image["id"]
        assert annotation["category_id"] == ref["category_id"]
        assert isinstance(annotation["segmentation"], list), "a ref needs polygons"
        assert ref["file_name"] == image["file_name"]
        assert split_of.setdefault(image["id"], ref["split"]) == ref["split"]
        assert ref["sent_ids"] == [s["sent_id"] for s in ref["sentences"]]
        for sentence in ref["sentences"]:
            assert sentence["raw"] == sentence["sent"] == " ".join(sentence["tokens"])
            assert set(sentence["tokens"]) <= WORDS, sentence
            assert sentence["kind"] in ("attribute", "position", "relation")
            sentences[sentence["sent_id"]] = ref["ref_id"]
    assert len({ref["ref_id"] for ref in refs}) == len(refs)
    assert set(split_of) == set(images), "every picture is referred to"
    counts = [list(split_of.values()).count(s) for s in ("train", "val", "testA", "testB")]
    assert counts == [IMAGES - 6, 2, 2, 2], counts
    return sentences


def check_tree(root, dataset):
    folder = root / dataset
    instances = json.loads((folder / "instances.json").read_text(encoding="utf-8"))
    images = {image["id"]: image for image in instances["images"]}
    annotations = {annotation["id"]: annotation for annotation in instances["annotations"]}
    assert len(images) == IMAGES
    for image in images.values():
        path = root / "images/mscoco/images/train2014" / image["file_name"]
        assert read_png(path) == (image["width"], image["height"])
    for annotation in annotations.values():
        x, y, w, h = annotation["bbox"]
        assert 0 < annotation["area"] <= w * h and x >= 4 and y >= 4
        if isinstance(annotation["segmentation"], dict):
            counts = annotation["segmentation"]["counts"]
            if isinstance(counts, list):
                assert sum(counts[1::2]) == annotation["area"]
    sentences = check_refs(folder, images, annotations)
    cues = read_lines(folder / "cues.jsonl")
    assert {line["sent_id"]: line["ref_id"] for line in cues} == sentences
    assert all(len(line["cues"]) == 5 for line in cues)
    captions = read_lines(folder / "captions.jsonl")
    assert [line["image_id"] for line in captions] == list(images)
    assert all(len(line["captions"]) == 12 for line in captions)
    proposals = read_lines(folder / "proposals.jsonl")
    assert [line["image_id"] for line in proposals] == list(images)
    assert all(1 <= len(line["proposals"]) <= 20 for line in proposals)
    return json.loads((folder / "refsynth.json").read_text(encoding="utf-8"))


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "tree"
        command = [program, "-q", "--json", "data", "synth", "--out", str(root)]
        command += ["--images", str(IMAGES), "--dataset", "refcoco"]
        first = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        manifest = check_tree(root, "refcoco")
        assert manifest["splits"] == first["splits"] and not first["already_there"]
        again = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        assert again["already_there"] and again["splits"] == first["splits"]
        other = subprocess.run(command + ["--seed", "1"], capture_output=True, text=True)
        assert other.returncode == 1 and "another benchmark" in other.stderr, other
        few = subprocess.run(command + ["--images", "3"], capture_output=True, text=True)
        assert few.returncode == 2, few
    print("ok")


if __name__ == "__main__":
    main()
