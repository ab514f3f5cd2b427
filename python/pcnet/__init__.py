"""Starts the program pcnet with the torch of this Python. There is nothing else to import."""

import importlib.util
import os
import sys


def main():
    """The command `pcnet`: becomes the program."""
    if not os.environ.get("PCNET_TORCH"):
        found = importlib.util.find_spec("torch")  # without importing it, which takes seconds
        if found and found.submodule_search_locations:
            os.environ["PCNET_TORCH"] = found.submodule_search_locations[0]
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "pcnet")
    os.execv(program, [program, *sys.argv[1:]])
