"""For pyproject.toml: which torch a wheel runs with. It holds classes as the torch of its build
lays them out, and calls functions that other minor versions do not have."""

import importlib.metadata


def dynamic_metadata(settings, project):
    """The requirement: the minor version of the torch that is there when the wheel is built."""
    version = importlib.metadata.version("torch")
    minor = ".".join(version.split("+")[0].split(".")[:2])
    return {"dependencies": [f"torch=={minor}.*"]}


def dynamic_wheel(settings):
    """An sdist may be built into a wheel with another torch."""
    return {"dependencies": True}
