"""Makes dataset trees of every layout by hand, as Python 2 wrote them. Standard library only.

Usage: make_trees.py FOLDER. Makes FOLDER/coco, FOLDER/data and FOLDER/flat. What is in them is
written down in SPLITS and AREAS, for tests to compare with.
"""

import json
import pathlib
import struct
import sys
import zlib

# (image_id, width, height); pictures are PNG under COCO's names: readers go by content.
IMAGES = [(9, 24, 16), (25, 20, 20), (30, 12, 30), (34, 16, 16)]
CATEGORIES = [(1, "person"), (3, "car"), (90, "toothbrush")]


def rectangle(x, y, width, height):
    return [x, y, x + width, y, x + width, y + height, x, y + height]


# ann_id: (image_id, category_id, iscrowd, segmentation, bbox). Runs go down the columns.
ANNOTATIONS = {
    1: (9, 1, 0, [rectangle(2, 2, 4, 4)], [2, 2, 4, 4]),
    # Two parts that share 2 x 2 pixels.
    2: (9, 3, 0, [rectangle(10, 4, 4, 4), rectangle(12, 6, 4, 4)], [10, 4, 6, 6]),
    # A crowd, as COCO writes it: columns 3 and 4, rows 5 to 9.
    3: (25, 1, 1, {"size": [20, 20], "counts": [65, 5, 15, 5, 310]}, [3, 5, 2, 5]),
    # The same kind of mask as COCO's string: columns 0 to 2 whole.
    4: (25, 90, 0, {"size": [20, 20], "counts": [0, 60, 340], "string": True}, [0, 0, 3, 20]),
    5: (30, 3, 0, [rectangle(1, 1, 3, 9), rectangle(6, 20, 3, 3)], [1, 1, 8, 22]),
    6: (34, 1, 0, [rectangle(0, 0, 16, 16)], [0, 0, 16, 16]),
}
# Pixels by the rule "union", and by "exclusive" where it differs.
AREAS = {1: 16, 2: 28, 3: 10, 4: 60, 5: 36, 6: 256}
EXCLUSIVE_AREAS = {**AREAS, 2: 24}

# Sentences: str is a byte string of Python 2 in Latin-1, bytes stand for its unicode type.
# ref_id: (ann_id, split, sentences)
UNC = {
    1: (1, "train", ["left man", "man on the left", "caf\u00e9 owner"]),
    2: (2, "val", ["the car", "it's the red car"]),
    3: (4, "testA", ["toothbrush"]),
    4: (5, "testB", ["bus \\ car", b"stra\xc3\x9fe"]),
}
GOOGLE = {
    1: (1, "train", ["a man"]),
    2: (2, "val", ["a red car", "a car"]),
    3: (3, "testAB", ["a crowd"]),
    4: (4, "testBC", ["a toothbrush", "a brush"]),
    5: (5, "test", ["a bus", "the bus", "one bus"]),
}
UMD = {1: (1, "train", ["a man"]), 2: (2, "val", ["a car"]), 3: (5, "test", ["a bus", "the bus"])}

# Sentences in each split, by hand.
SPLITS = {
    "unc": {"train": 3, "val": 2, "test": 3, "testA": 1, "testB": 2},
    "google": {"train": 1, "val": 2, "test": 6, "testA": 1, "testB": 3, "testC": 2},
    "umd": {"train": 1, "val": 1, "test": 2},
}

# Layout: where the annotations are, where the pictures, and dataset -> {partition: (refs,
# protocol)}.
LAYOUTS = {
    "coco": (
        "coco/refer",
        "coco/train2014",
        {"refcoco": {"unc": (UNC, 0), "google": (GOOGLE, 2)}, "refcoco+": {"unc": (UNC, 2)}},
    ),
    "data": ("data/refer", "data/train2014", {"refcocog": {"google": (GOOGLE, 0), "umd": (UMD, 2)}}),
    "flat": ("flat", "flat/images/mscoco/images/train2014", {"refcoco": {"unc": (UNC, 0)}}),
}


class Python2Pickle:
    """Plain data as cPickle of Python 2 wrote it, protocol 0 or 2: str becomes a byte string in
    Latin-1, bytes become unicode (they hold UTF-8), repeated strings are fetched from the memo."""

    def __init__(self, protocol):
        self.binary = protocol == 2
        self.memo = {}
        self.slots = 0
        self.out = [b"\x80\x02"] if self.binary else []

    def dumps(self, value):
        self.save(value)
        return b"".join(self.out) + b"."

    def put(self, key=None):
        if key is not None:
            self.memo[key] = self.slots
        number, self.slots = self.slots, self.slots + 1
        if not self.binary:
            self.out.append(b"p%d\n" % number)
        else:
            self.out.append(struct.pack("<cB", b"q", number) if number < 256 else
                            struct.pack("<cI", b"r", number))

    def get(self, number):
        if not self.binary:
            return b"g%d\n" % number
        return struct.pack("<cB", b"h", number) if number < 256 else struct.pack("<cI", b"j", number)

    def save(self, value):
        if isinstance(value, int):
            self.save_int(value)
        elif isinstance(value, (str, bytes)):
            self.save_text(value)
        elif isinstance(value, list):
            self.out.append(b"]" if self.binary else b"(l")
            self.put()
            for item in value:
                self.save(item)
                self.out.append(b"a")
        else:
            self.out.append(b"}" if self.binary else b"(d")
            self.put()
            for key, item in value.items():
                self.save(key)
                self.save(item)
                self.out.append(b"s")

    def save_int(self, value):
        if not self.binary:
            self.out.append(b"I%d\n" % value)
        else:
            self.out.append(struct.pack("<cB", b"K", value) if 0 <= value < 256 else
                            struct.pack("<ci", b"J", value))

    def save_text(self, value):
        if value in self.memo:
            self.out.append(self.get(self.memo[value]))
            return
        if isinstance(value, bytes):
            text = value.decode("utf-8")
            self.out.append(struct.pack("<cI", b"X", len(value)) + value if self.binary else
                            b"V" + text.encode("raw-unicode-escape") + b"\n")
        else:
            data = value.encode("latin-1")
            self.out.append(struct.pack("<cB", b"U", len(data)) + data if self.binary else
                            b"S" + repr(data)[1:].encode("ascii") + b"\n")
        self.put(value)


def coco_string(counts):
    """COCO's compressed run lengths."""
    text = ""
    for i, count in enumerate(counts):
        left = count - (counts[i - 2] if i > 2 else 0)
        more = True
        while more:
            group, left = left & 0x1F, left >> 5
            more = left != -1 if group & 0x10 else left != 0
            text += chr((group | 0x20 if more else group) + 48)
    return text


def file_name(image_id):
    return f"COCO_train2014_{image_id:012d}.jpg"


def png(width, height, grey):
    """A plain picture."""

    def chunk(kind, body):
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    rows = (b"\0" + bytes([grey]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def instances():
    annotations = []
    for ann_id, (image_id, category_id, crowd, segmentation, box) in ANNOTATIONS.items():
        if isinstance(segmentation, dict) and "string" in segmentation:
            counts = coco_string(segmentation["counts"])
            segmentation = {"size": segmentation["size"], "counts": counts}
        annotations.append({
            "segmentation": segmentation, "area": AREAS[ann_id], "iscrowd": crowd,
            "image_id": image_id, "bbox": box, "category_id": category_id, "id": ann_id,
        })
    return {
        "info": {"description": "made by hand"},
        "images": [{"license": 1, "file_name": file_name(image_id), "height": height,
                    "width": width, "id": image_id} for image_id, width, height in IMAGES],
        "licenses": [{"name": "none \"at all\" ]}", "id": 1}],
        "annotations": annotations,
        "categories": [{"supercategory": "thing", "id": i, "name": name}
                       for i, name in CATEGORIES],
    }


def references(refs):
    sent_id, document = 0, []
    for ref_id, (ann_id, split, texts) in refs.items():
        image_id, category_id = ANNOTATIONS[ann_id][:2]
        sentences = []
        for text in texts:
            tokens = text.split()
            sentences.append({"tokens": tokens, "raw": text, "sent_id": sent_id, "sent": text})
            sent_id += 1
        document.append({
            "sent_ids": [sentence["sent_id"] for sentence in sentences],
            "file_name": file_name(image_id).replace(".jpg", f"_{ann_id}.jpg"),
            "ann_id": ann_id, "ref_id": ref_id, "image_id": image_id, "split": split,
            "sentences": sentences, "category_id": category_id,
        })
    return document


def make(root, layout):
    """One layout below root; returns the tree's own folder."""
    annotations, pictures, datasets = LAYOUTS[layout]
    (root / pictures).mkdir(parents=True)
    for image_id, width, height in IMAGES:
        (root / pictures / file_name(image_id)).write_bytes(png(width, height, image_id))
    for dataset, partitions in datasets.items():
        folder = root / annotations / dataset
        folder.mkdir(parents=True)
        (folder / "instances.json").write_text(json.dumps(instances()))
        for split_by, (refs, protocol) in partitions.items():
            data = Python2Pickle(protocol).dumps(references(refs))
            (folder / f"refs({split_by}).p").write_bytes(data)
    return root / layout


if __name__ == "__main__":
    for name in LAYOUTS:
        make(pathlib.Path(sys.argv[1]), name)
