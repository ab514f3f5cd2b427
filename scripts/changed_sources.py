"""Prints the sources under src/ and apps/ that changed since a commit, or that include, directly or
not, a header that did. Usage: changed_sources.py COMMIT"""

import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def resolve(file, name):
    """The file of this project that an include names, if it is one."""
    for place in (file.parent, pathlib.Path("include"), pathlib.Path("src")):
        if (place / name).is_file():
            return place / name
    return None


def closure(file, known):
    """All headers that a file includes, directly or not."""
    if file not in known:
        known[file] = set()  # a header that includes itself in a circle ends here
        for name in INCLUDE.findall(file.read_text(encoding="utf-8")):
            header = resolve(file, name)
            if header is not None:
                known[file] |= {header} | closure(header, known)
    return known[file]


def main():
    command = ["git", "diff", "--name-only", sys.argv[1], "--", "src", "apps", "include"]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    changed = {pathlib.Path(name) for name in names}
    known = {}
    for folder in ("src", "apps"):
        for source in sorted(pathlib.Path(folder).rglob("*.cpp")):
            if source in changed or closure(source, known) & changed:
                print(source)


if __name__ == "__main__":
    main()
