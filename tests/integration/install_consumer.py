"""Installs the build into a fresh folder, builds and runs a program that finds it with
find_package(pcnet), and runs the installed `pcnet --version`."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys


def run(*command):
    print("+", *command, flush=True)
    # The installed program must find its libraries without help.
    environment = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    print(result.stdout + result.stderr, flush=True)
    if result.returncode != 0:
        sys.exit(f"failed with {result.returncode}: {' '.join(map(str, command))}")
    return result.stdout


def check(condition, message):
    if not condition:
        sys.exit(message)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("cmake", "build", "work", "compiler", "version"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--flags", default="", help="compiler flags, e.g. a sanitizer")
    options = parser.parse_args()

    work = pathlib.Path(options.work)
    shutil.rmtree(work, ignore_errors=True)
    prefix, build = work / "prefix", work / "build"
    run(options.cmake, "--install", options.build, "--prefix", prefix)

    source = pathlib.Path(__file__).parent / "consumer"
    run(options.cmake, "-S", source, "-B", build, "-G", "Ninja",
        f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={options.compiler}",
        f"-DCMAKE_CXX_FLAGS={options.flags}", "-DCMAKE_BUILD_TYPE=Release")
    run(options.cmake, "--build", build)
    output = run(build / "consumer")
    check(output.startswith("seed 7, first number "), f"the consumer wrote {output!r}")

    output = run(prefix / "bin" / "pcnet", "--version")
    check(output.split()[:2] == ["pcnet", options.version],
          f"the installed program wrote {output!r}, wanted 'pcnet {options.version} ...'")


if __name__ == "__main__":
    main()
