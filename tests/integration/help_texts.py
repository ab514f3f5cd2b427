"""What `--help` says of each command, read from its text: the source that pages and completion are
compared with."""

import dataclasses
import re

from program import run_well


@dataclasses.dataclass
class Help:
    """One command's help."""

    commands: list[str]
    options: dict[str, str]  # by name, "-h" too; the type's name, "" of a flag
    arguments: list[str]
    examples: list[str]  # lines


def read_help(path):
    text = run_well(*path, "--help").stdout
    found = Help([], {}, [], [])
    section = ""
    for line in text.splitlines():
        if re.fullmatch(r"[A-Z][^:]*:", line):
            section = line
        elif not line:
            section = "" if section == "Examples:" else section
        elif section == "Examples:":
            found.examples.append(line)
        elif line.startswith("  ") and line[2] != " ":
            first, *rest = line.split("  ")[1].split()
            if section == "Commands:":
                found.commands.append(first)
            elif section == "Arguments:":
                found.arguments.append(first)
            else:
                kind = rest[0].split("=")[0] if rest and rest[0] != "Excludes:" else ""
                kind = "KEY=VALUE" if first == "--set" else kind
                names = re.sub(r"\{.*?\}", "", first).split(",")  # of a flag: what it means alone
                found.options.update(dict.fromkeys(names, kind))
    return found


def read_all():
    """Each command's help by its path: () is the program's, ("data", "synth")."""
    tree, paths = {}, [()]
    for path in paths:
        tree[path] = read_help(path)
        paths.extend((*path, name) for name in tree[path].commands)
    return tree
