"""The machine and the software a run was computed with; bit-identity is promised only where they agree."""

import functools
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("sparserl", "jax", "jaxlib", "numpy", "optax", "gymnasium", "mujoco")
_FEATURE_CLASSES = (("avx512f", "avx512"), ("avx2", "avx2"), ("avx", "avx"), ("sse4_2", "sse4.2"), ("asimd", "neon"))


def machine_description() -> dict[str, Any]:
    """Processor, vector instructions, cores, platform and versions, as plain JSON; None is what is not known."""
    cpu = _cpu_info()
    return {
        "cpu_model": cpu.get("model name") or platform.processor() or None,
        "cpu_generation": _generation(cpu),
        "cpu_features": _feature_class(cpu.get("flags", "") or cpu.get("Features", "")),
        "num_cores": os.cpu_count(),
        "platform": platform.platform(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def processor_name(machine: Mapping[str, Any]) -> str:
    """The processor of a description, in words: its name, and which generation of it where that is known."""
    name, generation = machine["cpu_model"] or "a processor without a name", machine.get("cpu_generation")
    return f"{name} ({generation})" if generation else str(name)


def machine_class() -> dict[str, str]:
    """Processor and software of which bits depend; within one class the same run ends in the same bits."""
    described = machine_description()
    packages = {name: version for name, version in described["packages"].items() if version is not None}
    return {"architecture": described["architecture"], "cpu_features": described["cpu_features"], **packages}


def several_classes(machines: Mapping[str, Iterable[Mapping[str, str] | None]]) -> str | None:
    """One line where runs of an experiment were trained in different machine classes; None where nothing differs.

    machines: those of all runs whose returns are pooled, by experiment; None is not known, and differs from none.
    """
    lines = [
        f"{name} ({what})"
        for name, each in machines.items()
        if (what := _differing([known for known in each if isinstance(known, Mapping)]))
    ]
    if not lines:
        return None
    more = f", and so were those of {len(lines) - 1} more experiments" if lines[1:] else ""
    told = f"seeds of {lines[0]} were trained in different machine classes{more}"
    return f"{told}: returns may be pooled, and bits repeat within a class only"


def _differing(machines: Sequence[Mapping[str, str]]) -> str:
    names = sorted({name for machine in machines for name in machine})
    values = {name: list(dict.fromkeys(machine.get(name, "none") for machine in machines)) for name in names}
    return "; ".join(f"{name} {' and '.join(each)}" for name, each in values.items() if each[1:])


@functools.cache  # whoever checks the experiments of a study asks thousands of times
def memory_bytes(system: Path = Path("/")) -> int | None:
    """What processes here may use together: physical memory, or the limit of a control group; None: not known."""
    limits = []
    if {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(getattr(os, "sysconf_names", ())):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for folder, name in _memory_groups(system):
        try:
            limits.append(int((folder / name).read_text()))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return min((limit for limit in limits if limit > 0), default=None)


def _memory_groups(system: Path) -> list[tuple[Path, str]]:
    """Folder and limit file of this process's control group and of all above it, in versions 1 and 2."""
    try:
        lines = (system / "proc/self/cgroup").read_text(errors="replace").splitlines()
    except OSError:
        return []
    limits = []
    for controllers, _, place in (line.partition(":")[2].partition(":") for line in lines):
        if controllers == "":
            root, name = system / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            root, name = system / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        own = root / place.strip("/")
        limits += [(folder, name) for folder in (own, *own.parents) if folder.is_relative_to(root)]
    return limits


@functools.cache  # it stays what it is, and checkpoints ask for it
def _cpu_info(path: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """The first processor that Linux lists; empty on other systems."""
    try:
        lines = path.read_text(errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _generation(cpu: Mapping[str, str]) -> str | None:
    """What tells processors of one name apart, which virtual machines give to several generations; None: not known."""
    named = {  # on x86-64, and on ARM
        "family": cpu.get("cpu family"),
        "model": cpu.get("model"),
        "implementer": cpu.get("CPU implementer"),
        "part": cpu.get("CPU part"),
    }
    words = [cpu.get("vendor_id"), *(f"{name} {value}" for name, value in named.items() if value)]
    return " ".join(filter(None, words)) or None


def _feature_class(flags: str) -> str:
    """The widest vector instructions among a processor's `flags`, because XLA compiles for these."""
    given = set(flags.split())
    wide = next((name for flag, name in _FEATURE_CLASSES if flag in given), None)
    return wide or ("neon" if platform.machine() in ("arm64", "aarch64") else platform.machine())


@functools.cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
