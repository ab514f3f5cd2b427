"""Checks that whatever the project refers to is there.

In code, configurations, scripts and pages: a page that is named exists, from the root of the
project or beside the page that names it, with the heading of its `#anchor`; code names those of
docs/ with their folder; a number of the paper (Eq. 5, Table 7, Fig. 2, Sec. 3.2, App. D, A.2) stands
in the list of docs/method.md; a link or picture of a page leads to a file of the project. The source
of a configuration key names headings of pages and numbers of the paper, and nothing else.
Usage: check_references.py ROOT. Prints one line a fault and exits with 1 when there is any.
"""

import pathlib
import re

import tree_check

LIST = "## The paper's numbers"
CODE = ["src", "include", "apps", "examples", "tests", "configs", "scripts", "cmake", ".github"]
READ = {".h", ".cpp", ".py", ".sh", ".yaml", ".yml", ".cmake", ".txt", ".md"}
# Pages of other places, in trees that the test of this file makes.
SKIPPED = {"check_references.py", "check_references_test.py"}
# Pages that the program writes, or that a test does.
WRITTEN = {"study.md", "readme.md"}
PAGE = re.compile(r"(?<![\w/.-])((?:[\w.-]+/)*[\w-]+\.md)(#[\w-]+)?")
LINK = re.compile(r"\]\(([^)]+)\)|<(?:img|a)\b[^>]*?\b(?:src|href)=\"([^\"]+)\"")
KIND = r"(Eq\.|Table|Fig\.|Sec\.|App\.)"
NUMBER = re.compile(
    KIND + r"\s+([A-E]\.\d|[A-E]\b|\d+(?:\.\d+)*)(?:-(\d+))?|(?<![\w.])(A\.\d)\b"
)
SOURCE = re.compile(r'\.source\s*=\s*((?:"[^"]*"\s*)+)')
OF_PAPER = KIND + r" [A-E\d][\d.]*(-\d+)?|A\.\d"
SOURCE_PART = re.compile(rf"docs/[\w/]+\.md#[\w-]+|({OF_PAPER})(, ({OF_PAPER}))*")


def numbers(text):
    """The numbers of the paper in a text, of a range its two ends: "Eq. 5", "A.2"."""
    for kind, number, last, appendix in NUMBER.findall(text):
        yield from [appendix] if appendix else [f"{kind} {n}" for n in (number, last) if n]


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
        self.numbers = set(numbers(text.partition(LIST)[2]))

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
        """Numbers of the paper that the list lacks."""
        for number in numbers(line):
            if number not in self.numbers:
                yield f"{number} is not listed in docs/method.md, {LIST.lstrip('# ')}"

    def page_fault(self, path, page, anchor):
        """What is wrong with a page that a file names in its text, or nothing."""
        beside = path.suffix == ".md" and (path.parent / page).is_file()
        if beside or page.rpartition("/")[2] in WRITTEN:
            return self.has(path.parent / page, anchor) if beside else None
        if "/" not in page and (self.root / "docs" / page).is_file():
            return f"write docs/{page}, and a heading"
        return self.has(self.root / page, anchor)


def source_faults(text):
    """Parts of the sources of keys that are neither a page nor a number of the paper."""
    for literals in SOURCE.findall(text):
        source = "".join(re.findall(r'"([^"]*)"', literals))
        for part in source.split("; "):
            if not SOURCE_PART.fullmatch(part):
                yield f'the source "{part}" is neither docs/<page>.md#<heading> nor the paper\'s'


def page_faults(project, path, line):
    """Links of a page that lead nowhere."""
    for target in map("".join, LINK.findall(line)):
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
            faults += filter(None, [project.page_fault(path, page, anchor)])
        for fault in faults:
            yield number, fault
    for fault in source_faults(text):
        yield 0, fault


def files(root):
    """What is looked at: code, configurations, pages."""
    for pattern in ("*.md", "CMakeLists.txt", "Dockerfile*"):
        yield from sorted(root.glob(pattern))
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


if __name__ == "__main__":
    tree_check.report("references", check)
