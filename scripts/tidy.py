"""Runs clang-tidy on the tree, many files at a time.

Nearly all of clang-tidy's time on a file goes into torch's headers, so files of one target are
joined into batches that read them once. Files that define the same top-level name are kept in
different batches; a batch that does not compile all the same is checked file by file.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("src/", "apps/", "tests/")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
# Definitions start in the first column, since clang-format does not indent namespaces.
TYPE = re.compile(r"^(?:class|struct|enum class|enum|union) (\w+)", re.MULTILINE)
FUNCTION = re.compile(r"^(?!TEST|using |namespace |return |else )[\w:<>,&*\[\] ]*?\b(\w+)\(",
                      re.MULTILINE)
CONSTANT = re.compile(r"^(?:inline |static |const |constexpr )+[^=({;]*?\b(\w+)(?: =|\{|\()",
                      re.MULTILINE)
ALIAS = re.compile(r"^(?:using|namespace) (\w+) = ", re.MULTILINE)
TEST = re.compile(r"^(?:TEST|TEST_F|TEST_P)\((\w+, \w+)\)", re.MULTILINE)


def names_of(path):
    """Top-level names that this file defines and that could clash with another file's."""
    text = path.read_text(encoding="utf-8")
    return {name for pattern in (TYPE, FUNCTION, CONSTANT, ALIAS, TEST)
            for name in pattern.findall(text)}


def git(*arguments):
    return subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True,
                          text=True).stdout.splitlines()


def included_by(path, folders):
    """The project's own files that this file names in its includes."""
    for name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        for folder in (path.parent, *folders):
            if (folder / name).is_file():
                yield (folder / name).resolve()
                break


def touched(sources, base):
    """Sources that changed since `base`, or include a file that did, at any depth."""
    changed = {(ROOT / name).resolve() for name in git("diff", "--name-only", base)}
    folders = (ROOT / "include", ROOT / "tests")
    depends = {}

    def depends_on_change(path):
        if path not in depends:
            depends[path] = path in changed  # also ends a circle of includes
            depends[path] = depends[path] or any(
                [depends_on_change(other) for other in included_by(path, folders)])
        return depends[path]

    return [path for path in sources if depends_on_change(path)]


def load_commands(build):
    """File -> (folder, arguments) for the project's own sources."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if path.is_relative_to(ROOT) and str(path.relative_to(ROOT)).startswith(FOLDERS):
            arguments = shlex.split(entry["command"])
            if pathlib.Path(arguments[0]).name == "ccache":
                arguments = arguments[1:]
            commands[path] = (entry["directory"], arguments)
    return commands


def target_of(arguments):
    output = arguments[arguments.index("-o") + 1]
    return output.split(".dir/")[0]


def make_batches(commands, paths, size):
    """Lists of files of one target without clashing names, at most `size` files each."""
    batches = []  # (target, names, files)
    for path in sorted(paths):
        target, names = target_of(commands[path][1]), names_of(path)
        for batch in batches:
            if batch[0] == target and len(batch[2]) < size and not batch[1] & names:
                batch[1].update(names)
                batch[2].append(path)
                break
        else:
            batches.append((target, set(names), [path]))
    return [files for _, _, files in batches]


def write_batches(batches, commands, folder):
    """One source and one compile command a batch; returns the sources."""
    folder.mkdir(parents=True, exist_ok=True)
    database, sources = [], []
    for index, files in enumerate(batches):
        source = folder / f"batch_{index}.cpp"
        source.write_text("".join(f'#include "{path}"  // NOLINT\n' for path in files),
                          encoding="utf-8")
        directory, arguments = commands[files[0]]
        # The files' own folder is where their quoted includes are looked up; a batch has another.
        quoted = [flag for path in files for flag in ("-iquote", str(path.parent))]
        changed = [str(source) if argument == str(files[0]) else argument for argument in arguments]
        changed[changed.index("-o") + 1] = str(source.with_suffix(".o"))
        database.append({"directory": directory, "file": str(source),
                         "arguments": changed[:1] + quoted + changed[1:]})
        sources.append(source)
    (folder / "compile_commands.json").write_text(json.dumps(database, indent=1), encoding="utf-8")
    return sources


def tidy(source, database):
    result = subprocess.run(["clang-tidy", "-p", database, "--quiet",
                             f"--config-file={ROOT / '.clang-tidy'}", source],
                            capture_output=True, text=True)
    noise = re.compile(r"^\d+ warnings? (and \d+ errors? )?generated\.$|^Suppressed |^Use -header",
                       re.MULTILINE)
    return result.returncode, noise.sub("", result.stdout + result.stderr).strip()


def check_batch(files, source, folder, build):
    """The text of the findings in these files, empty when there are none."""
    code, text = tidy(source, folder)
    if code != 0 and len(files) > 1 and "[clang-diagnostic-error" in text:
        results = [tidy(path, build) for path in files]
        code = max(abs(code) for code, _ in results)
        text = "\n".join(text for code, text in results if code != 0)
    return text or "clang-tidy failed" if code != 0 else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=ROOT / "build" / "release", type=pathlib.Path,
                        help="build folder with compile_commands.json and the precompiled header")
    parser.add_argument("--changed", metavar="BASE", help="only what changed since this commit")
    parser.add_argument("--batch", type=int, default=12, help="files read together, at most")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()

    commands = load_commands(options.build.resolve())
    tracked = {(ROOT / name).resolve() for name in git("ls-files", "*.cpp")}
    paths = [path for path in commands if path in tracked]
    if options.changed:
        paths = touched(paths, options.changed)
    # Small batches when there are few files, so that every core has work.
    size = max(1, min(options.batch, -(-len(paths) // options.jobs)))
    batches = make_batches(commands, paths, size)
    folder = options.build.resolve() / "tidy"
    sources = write_batches(batches, commands, folder)

    print(f"clang-tidy: {len(paths)} files in {len(batches)} batches, {options.jobs} at a time",
          flush=True)
    started, failed = time.monotonic(), False
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(check_batch, files, source, folder, options.build.resolve())
                for files, source in zip(batches, sources)]
        for number, job in enumerate(concurrent.futures.as_completed(jobs), start=1):
            if job.result():
                failed = True
                print(job.result(), flush=True)
            print(f"clang-tidy: {number}/{len(batches)}, {time.monotonic() - started:.0f} s",
                  flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
