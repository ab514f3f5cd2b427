"""Checks that whatever the project refers to is there.

In code, configurations, scripts and pages: a page named `docs/x.md` exists, with the heading of its
`#anchor`, and is not named without its folder; a number of the paper (Eq. 5, Table 7, Fig. 2, Sec. 3.2, App. D) stands in the list
of docs/method.md; a link in a page leads to a file of the project. The source of a configuration key
names nothing else.
Usage: check_references.py ROOT. Prints one line a fault and exits with 1 when there is any.
"""

import pathlib
import re
import sys

LIST = "## The paper's numbers"
CODE = ["src", "include", "apps", "examples", "tests", "configs", "scripts", "cmake"]
READ = {".h", ".cpp", ".py", ".sh", ".yaml", ".cmake", ".txt", ".md"}
# Pages of other places, in tests of this file and in trees that tests make.
SKIPPED = {"check_references.py", "check_references_test.py"}
PAGE = re.compile(r"(?<![\w/.-])((?:[\w.-]+/)*[\w-]+\.md)(#[\w-]+)?")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NUMBER = re.compile(r"\b(Eq\.|Table|Fig\.|Sec\.|App\.)\s+([A-Z]?\.?\d[\d.]*|[A-E](?:\.\d)?)(?:-(\d+))?")
SOURCE = re.compile(r'\.source\s*=\s*((?:"[^"]*"\s*)+)')
SOURCE_PART = re.compile(r"docs/[\w/]+\.md(#[\w-]+)?|(Eq\.|Table|Fig\.|Sec\.|App\.) [\w.-]+(, Cls)?|A\.\d")


def headings(text):
    """The anchors of a page, as GitHub makes them."""
    anchors = set()
    seen = {}
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        match = None if fenced else re.match(r"#{1,6} +(.*)", line)
        if not match:
            continue
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match.group(1)).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")
        count = seen.get(anchor, 0)
        seen[anchor] = count + 1
        anchors.add(anchor if count == 0 else f"{anchor}-{count}")
    return anchors


class Project:
    """The pages of a tree and the paper's numbers that one of them lists."""

    def __init__(self, root):
        self.root = root
        self.anchors = {}
        method = root / "docs/method.md"
        text = method.read_text(encoding="utf-8") if method.exists() else ""
        listed = text.partition(LIST)[2]
        self.numbers = {(kind, number.rstrip(".")) for kind, number, _ in NUMBER.findall(listed)}

    def has(self, page, anchor):
        """Nothing when the page has the anchor, else what is missing."""
        if page not in self.anchors:
            exists = page.is_file()
            self.anchors[page] = headings(page.read_text(encoding="utf-8")) if exists else None
        name = page.relative_to(self.root) if page.is_relative_to(self.root) else page
        if self.anchors[page] is None:
            return f"there is no page {name}"
        if anchor and anchor.lstrip("#") not in self.anchors[page]:
            return f"{name} has no heading #{anchor.lstrip('#')}"
        return None

    def number_faults(self, line):
        """Numbers of the paper that the list lacks; of a range its two ends."""
        for kind, number, last in NUMBER.findall(line):
            for one in filter(None, (number.rstrip("."), last)):
                if (kind, one) not in self.numbers:
                    yield f"{kind} {one} is not listed in docs/method.md, {LIST.lstrip('# ')}"


def source_faults(text):
    """Parts of the sources of keys that are neither a page nor a number of the paper."""
    for literals in SOURCE.findall(text):
        source = "".join(re.findall(r'"([^"]*)"', literals))
        for part in source.split("; "):
            pieces = [part] if SOURCE_PART.fullmatch(part) else part.split(", ")
            for piece in pieces:
                if not SOURCE_PART.fullmatch(piece):
                    yield f'the source "{piece}" is neither docs/<page>.md#<heading> nor the paper\'s'


def page_faults(project, path, line):
    """Links of a page that lead nowhere."""
    for target in LINK.findall(line):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if file.suffix == ".md":
            fault = project.has(file, anchor)
            if fault:
                yield fault
        elif not file.exists():
            yield f"the link to {target} leads nowhere"


def check_file(project, path):
    """Faults of one file, with their lines."""
    text = path.read_text(encoding="utf-8")
    fenced = False
    for number, line in enumerate(text.splitlines(), start=1):
        faults = list(project.number_faults(line))
        if path.suffix == ".md":
            fenced ^= line.startswith("```")
            faults += [] if fenced else page_faults(project, path, line)
            line = LINK.sub("", line)
        for page, anchor in PAGE.findall(line):
            if page.startswith("docs/"):
                faults += filter(None, [project.has(project.root / page, anchor)])
            elif path.suffix != ".md" and (project.root / "docs" / page).is_file():
                faults.append(f"write docs/{page}, and a heading")
        for fault in faults:
            yield number, fault
    for fault in source_faults(text):
        yield 0, fault


def files(root):
    """What is looked at: code, configurations, pages."""
    yield from sorted(root.glob("*.md"))
    for folder in [*CODE, "docs"]:
        for path in sorted((root / folder).rglob("*")):
            hidden = "__pycache__" in path.parts or "corpus" in path.parts
            if path.suffix in READ and path.is_file() and not hidden and path.name not in SKIPPED:
                yield path


def check(root):
    """Every fault of the tree, one line each."""
    project = Project(root)
    faults = []
    for path in files(root):
        for number, fault in check_file(project, path):
            place = f":{number}" if number else ""
            faults.append(f"{path.relative_to(root)}{place}: {fault}")
    return faults


def main():
    faults = check(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(faults) if faults else "references: ok")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
