"""Prints "picture<TAB>sentence" for the first pictures of a split: the first reference of each
picture in the order of the annotation file, with its first sentence. Nothing is picked by hand.
"""

import argparse
import pathlib
import pickle
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=pathlib.Path, help="folder that pcnet data synth wrote")
    parser.add_argument("--split", default="testA")
    parser.add_argument("--count", type=int, default=6)
    options = parser.parse_args()

    annotations = sorted(options.root.rglob("refs(*).p"))
    if not annotations:
        sys.exit(f"demo_refs: error: no refs(*).p under {options.root}")
    # Our own generator's file: loading a pickle from elsewhere could run code.
    with open(annotations[0], "rb") as file:
        refs = pickle.load(file, encoding="latin-1")

    seen = set()
    for ref in refs:
        if len(seen) == options.count:
            break
        if ref["split"] != options.split or ref["image_id"] in seen:
            continue
        seen.add(ref["image_id"])
        # A ref's file name may end in the annotation's number; the picture's does not.
        stem = "_".join(ref["file_name"].rsplit(".", 1)[0].split("_")[:3])
        pictures = sorted(options.root.rglob(stem + ".*"))
        if not pictures:
            sys.exit(f"demo_refs: error: picture {ref['file_name']} is not under {options.root}")
        print(pictures[0], ref["sentences"][0]["sent"], sep="\t")


if __name__ == "__main__":
    main()
