"""Checks the layers of the source tree from its includes.

A file includes only its own layer and those below it; headers of config/ know no torch; each
public header has a source folder of its layer; nothing is called utils, common, helpers or misc.
Usage: check_layers.py ROOT. Prints one line a fault and exits with 1 when there is any.
"""

import pathlib
import re

import tree_check

# From the top to the bottom, a row as the architecture draws it: its folders may know each other.
ROWS = [
    ["study", "serve"],
    ["runtime"],
    ["weight_tools"],
    ["engine"],
    ["report"],
    ["model"],
    ["losses"],
    ["cues"],
    ["proposals", "synth"],
    ["clip", "freesolo", "sam"],
    ["data/audit", "data/export"],
    ["data/batches"],
    ["data/sources"],
    ["data/pack"],
    ["data/cues", "data/proposals"],
    ["data/annotations"],
    ["text", "image", "metrics", "weights"],
    ["config", "distributed"],
    ["core"],
]
# Layers whose folders are layers of their own.
ROOMY = {layer.split("/")[0] for row in ROWS for layer in row if "/" in layer}
HEIGHT = {layer: len(ROWS) - i for i, row in enumerate(ROWS) for layer in row}
LAYERS = {layer.split("/")[0] for layer in HEIGHT}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
TORCH = re.compile(r"^(torch|ATen|c10|caffe2)/")
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc"}
SOURCES = {".h", ".cpp"}


def includes(path):
    """(line number, name) of each include."""
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1)


def layer_of(parts):
    """The layer of a file by its path from src/ or include/pcnet/ on, "" for none."""
    folders = parts[:-1]
    return "/".join(folders[:2] if folders[:1] and folders[0] in ROOMY else folders[:1])


def check_file(path, root):
    """Faults of one library file."""
    name = path.relative_to(root)
    layer = layer_of(name.parts[1 if name.parts[0] == "src" else 2:])
    if layer not in HEIGHT:
        yield f"{name}: in no known layer; the layers are {', '.join(HEIGHT)}"
        return
    for number, included in includes(path):
        if layer == "config" and path.suffix == ".h" and TORCH.match(included):
            yield f"{name}:{number}: a header of config includes {included}, but config knows no torch"
        parts = included.split("/")
        if parts[0] == "pcnet" and len(parts) > 2:
            other = layer_of(parts[1:])
        elif len(parts) > 1 and parts[0] in LAYERS:  # private, from src/ on
            other = layer_of(parts)
        elif len(parts) > 1 and parts[0] == "..":
            yield f"{name}:{number}: includes {included}; write the path from pcnet/ on"
            continue
        else:
            continue
        if other not in HEIGHT:
            yield f"{name}:{number}: includes {included}, of no known layer"
        elif HEIGHT[other] > HEIGHT[layer]:
            yield f"{name}:{number}: {layer} includes {included}, but {other} is above {layer}"


def check_names(root, folders):
    """Files and folders whose names say nothing."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.stem.lower() in VAGUE and "__pycache__" not in path.parts:
                yield f"{path.relative_to(root)}: the name says nothing; call it by what it does"


def check_mirrors(root):
    """Layers whose sources have no public header folder."""
    for folder in sorted((root / "src").glob("*")):
        if folder.is_dir() and not (root / "include" / "pcnet" / folder.name).is_dir():
            yield f"src/{folder.name}: has no include/pcnet/{folder.name}"


def check(root):
    """Every fault of the tree, one line each."""
    faults = []
    for folder in ("src", "include/pcnet"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SOURCES:
                faults += check_file(path, root)
    faults += check_mirrors(root)
    faults += check_names(root, ["apps", "cmake", "configs", "include", "scripts", "src", "tests"])
    return faults


if __name__ == "__main__":
    tree_check.report("layers", check)
