"""Provenance: what runs were made by, which no mark, curve or verdict puts together, however alike they are otherwise.

Another version of results may compute otherwise, another preset trains with other numbers throughout, and another way
to store weights rounds otherwise. Runs of several environments under one mark have one provenance, too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparserl.report.runs import Run

PROVENANCE: Mapping[str, str] = {
    "results_version": "results versions",
    "preset": "presets",
    "storage": "ways to store weights",
}
"""The columns, and what several of their values are called."""
_CHOSEN = ("results_version", "storage")  # parts of an experiment's identifier, so that its runs cannot differ in them


def provenance(columns: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values of these columns; None is not known, which is not the same as any that is."""
    return tuple(columns.get(name) for name in PROVENANCE)


def goes_with(columns: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Whether runs may stand beside others; how weights are stored means nothing to a dense network."""
    of_dense = "dense" in (columns["method"], others["method"])
    return all(columns.get(name) == others.get(name) for name in PROVENANCE if name != "storage" or not of_dense)


def several_origins(runs: Sequence["Run"]) -> tuple[str, ...]:
    """Why runs are no single side of a comparison: they are of several versions, presets or storages; else empty."""
    several = [words for name, words in PROVENANCE.items() if len({run.columns.get(name) for run in runs}) > 1]
    return (f"runs of several {' and '.join(several)} are compared apart",) if several else ()


def machine_of(run: "Run") -> str | None:
    """The class of device and processor that trained a run, of which its seconds are; None where that is not known.

    Its last word is the processor that programs were compiled for, as `znver5`: generations differ in seconds.
    """
    machine = _machine(run)
    words = [*(machine.get(name) for name in ("device", "architecture", "cpu_features")), processor_of(run)]
    return " ".join(str(word) for word in words if word not in (None, "cpu")) or None


def processor_of(run: "Run") -> str | None:
    """The processor that a run's programs were compiled for, by LLVM's name, as `znver5`; None where not known."""
    return next(iter(str(_machine(run).get("compiled_for") or "").split()), None)


def _machine(run: "Run") -> Mapping[str, object]:
    """What a run's status tells of its machine; empty where it tells nothing."""
    machine = run.status.machine if run.status is not None else None
    return machine if isinstance(machine, Mapping) else {}


def of_several_machines(runs: Sequence["Run"]) -> tuple[str, ...]:
    """Why seconds of these runs do not compare; empty where they do."""
    kinds = {machine_of(run) for run in runs}
    return ("seconds of several kinds of machines do not compare",) if len(kinds) > 1 else ()


def strangers(runs: Sequence["Run"]) -> Iterator[tuple["Run", str]]:
    """The runs whose rows tell another version or storage than most of their experiment's, and a line about each.

    They are of another experiment: somebody put them there, or changed their rows.
    """
    by_experiment: dict[str, list[Run]] = {}
    for run in runs:
        by_experiment.setdefault(run.id.experiment, []).append(run)
    for every in by_experiment.values():
        for name in _CHOSEN:
            counts = Counter(value for run in every if (value := run.columns.get(name)) is not None)
            if len(counts) > 1:
                usual = max(counts, key=lambda value: (counts[value], value))
                for run in every:
                    if (value := run.columns.get(name)) not in (None, usual):
                        what = f"{name.replace('_', ' ')} {value}, and its experiment is of {usual}"
                        yield run, f"left out: {run.folder or run.id} has rows of {what}"
