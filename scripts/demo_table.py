"""Prints the demo's table: one row a results.json, PointM, mIoU, oIoU and PointM by kind of sentence.

Usage: demo_table.py [--split SPLIT] NAME=results.json...
"""

import argparse
import json
import sys

KINDS = ("attribute", "position", "relation")
HEADINGS = ["", "PointM", "mIoU", "oIoU", *KINDS, "empty maps %"]


def number(value):
    """One decimal, a dash for what was not measured."""
    return "-" if value is None else f"{value:.1f}"


def row(name, path, split):
    """The cells of one result file; exits with one line when it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            splits = json.load(file)["splits"]
        result = splits[split]
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"demo_table: error: {path}: no results of split {split!r}: {error!r}")
    kinds = result.get("kinds", {})
    values = [result.get("point_m"), result.get("miou"), result.get("oiou"),
              *(kinds.get(kind, {}).get("point_m") for kind in KINDS), result.get("empty_maps")]
    return [name, *map(number, values)]


def table(rows):
    """Lines with the first column to the left and the others to the right."""
    widths = [max(len(line[i]) for line in rows) for i in range(len(rows[0]))]
    for line in rows:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        yield "  ".join(cells).rstrip()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", default="val")
    parser.add_argument("results", nargs="+", metavar="NAME=FILE")
    options = parser.parse_args()
    rows = [HEADINGS]
    for argument in options.results:
        name, found, path = argument.partition("=")
        if not found:
            parser.error(f"{argument!r} is not NAME=FILE")
        rows.append(row(name, path, options.split))
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
