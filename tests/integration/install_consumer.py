"""Installs the build into a fresh folder and uses it as a stranger would.

Every installed header belongs to the interface or is included by it, and compiles alone; the programs of
examples/ are built with find_package(pcnet) and train, evaluate and predict on images of their
own; the installed `pcnet --version` answers.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIDE, SQUARE = 48, 16  # pixels
INCLUDE = re.compile(r'^#include "(pcnet/[^"]+)"', re.MULTILINE)
TORCH = re.compile(r"^#include <(?:torch|ATen|c10)/", re.MULTILINE)


def run(*command):
    print("+", *command, flush=True)
    # What is installed must find its libraries without help.
    environment = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                            env={**environment, "OMP_NUM_THREADS": "1"})
    print(result.stdout + result.stderr, flush=True)
    if result.returncode != 0:
        sys.exit(f"failed with {result.returncode}: {' '.join(map(str, command))}")
    return result.stdout


def check(condition, message):
    if not condition:
        sys.exit(message)


def headers_below(includes):
    """The text of each installed header by its name, "pcnet/core/error.h"."""
    return {str(path.relative_to(includes)): path.read_text(encoding="utf-8")
            for path in sorted(includes.rglob("*")) if path.is_file()}


def reached_from(names, texts):
    """What these headers include, directly or not, and they themselves."""
    reached, open_names = set(), list(names)
    while open_names:
        name = open_names.pop()
        if name not in reached:
            check(name in texts, f"{name} is included, but not installed")
            reached.add(name)
            open_names += INCLUDE.findall(texts[name])
    return reached


def check_headers(includes):
    """The interface is installed with what it includes, and nothing else is."""
    texts = headers_below(includes)
    listed = (ROOT / "cmake" / "InstallHeaders.cmake").read_text(encoding="utf-8")
    interface = re.findall(r"pcnet/\w+/\w+\.h", listed)
    for example in sorted((ROOT / "examples").glob("*.cpp")):
        for name in INCLUDE.findall(example.read_text(encoding="utf-8")):
            check(name in interface, f"{example.name} includes {name}, which is no interface")
    more = set(texts) - reached_from(interface, texts)
    check(not more, f"installed, but neither interface nor included by it: {sorted(more)}")
    return texts


def write_header_sources(texts, folder):
    """A file that includes one header twice, for each."""
    for name in texts:
        knows_torch = any(TORCH.search(texts[each]) for each in reached_from([name], texts))
        path = folder / ("tensors" if knows_torch else "plain") / name.replace("/", "_")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".cpp").write_text(f'#include "{name}"\n#include "{name}"\n')


def write_png(path, pixels):
    def chunk(kind, body):
        check_sum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check_sum

    rows = b"".join(b"\0" + pixels[y * SIDE * 3:(y + 1) * SIDE * 3] for y in range(SIDE))
    path.write_bytes(b"\x89PNG\r\n\x1a\n"
                     + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def write_own_data(root):
    """A red and a blue square on each of six images; the last two are for validation."""
    root.mkdir()
    lines = []
    for number in range(6):
        pixels = bytearray([40]) * (SIDE * SIDE * 3)
        for at, word, colour in ((4, "red", (220, 30, 30)), (26, "blue", (30, 30, 220))):
            for y in range(at, at + SQUARE):
                start = 3 * (y * SIDE + at)
                pixels[start:start + 3 * SQUARE] = bytes(colour) * SQUARE
            end = at + SQUARE
            lines.append(json.dumps({
                "image": f"{number}.png", "sentence": f"the {word} square", "object": word,
                "split": "val" if number > 3 else "train",
                "mask": {"polygons": [[at, at, end, at, end, end, at, end]]}}))
        write_png(root / f"{number}.png", bytes(pixels))
    (root / "annotations.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def run_examples(programs, configs, work):
    own, trained, mask = work / "own", work / "run", work / "mask.png"
    write_own_data(own)
    tiny = ("model.clip.visual.width=8", f"data.image_size={SIDE}", "train.max_steps=2",
            "train.batch_size=4", "train.warmup_steps=1", "run.threads=1")
    run(programs / "train_own_data", configs / "refsynth" / "tris.yaml", own, trained, *tiny)
    output = run(programs / "evaluate", trained, own, "val")
    check(re.fullmatch(r"val: 4 sentences, PointM [\d.]+, mIoU [\d.]+, oIoU [\d.]+\n", output),
          f"evaluate wrote {output!r}")
    output = run(programs / "predict", trained, own / "5.png", "the red square", mask)
    check(re.fullmatch(r"x \d+, y \d+, cosine \S+\n", output), f"predict wrote {output!r}")
    header = struct.unpack(">II", mask.read_bytes()[16:24])
    check(header == (SIDE, SIDE), f"the mask has {header} pixels")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("cmake", "build", "work", "compiler", "version"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--flags", default="", help="compiler flags, e.g. a sanitizer")
    options = parser.parse_args()

    work = pathlib.Path(options.work)
    shutil.rmtree(work, ignore_errors=True)
    prefix = work / "prefix"
    run(options.cmake, "--install", options.build, "--prefix", prefix)
    output = run(prefix / "bin" / "pcnet", "--version")
    check(output.split()[:2] == ["pcnet", options.version],
          f"the installed program wrote {output!r}, wanted 'pcnet {options.version} ...'")

    for name in ("bash-completion/completions/pcnet", "zsh/site-functions/_pcnet",
                 "fish/vendor_completions.d/pcnet.fish", "man/man1/pcnet-data-synth.1"):
        check((prefix / "share" / name).stat().st_size > 0, f"share/{name} is empty")

    def build(source, name, *definitions):
        run(options.cmake, "-S", source, "-B", work / name, "-G", "Ninja",
            f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={options.compiler}",
            f"-DCMAKE_CXX_FLAGS={options.flags}", *definitions)
        run(options.cmake, "--build", work / name)

    write_header_sources(check_headers(prefix / "include"), work / "sources")
    build(pathlib.Path(__file__).parent / "installed_headers", "headers",
          f"-DSOURCES={work / 'sources'}")
    build(ROOT / "examples", "examples", "-DCMAKE_BUILD_TYPE=Release")
    run_examples(work / "examples", prefix / "share" / "pcnet" / "configs", work)


if __name__ == "__main__":
    main()
