"""Versions: what must be the same wherever the runs of one study are computed."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("sparserl", "jax", "jaxlib", "distributed")


def versions() -> dict[str, str]:
    """The versions of this process, by name."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def difference(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """The first version that differs, such as `jax 0.10.1 instead of 0.10.0`; empty where all agree."""
    for name, mine in ours.items():
        if (other := theirs.get(name, "none")) != mine:
            return f"{name} {other} instead of {mine}"
    return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
