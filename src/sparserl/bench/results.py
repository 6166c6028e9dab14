"""Results: what the processes measured, as rows of one document."""

import json
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sparserl import persistence
from sparserl.experiment import RESULTS_VERSION
from sparserl.linalg import native


class Sample(NamedTuple):
    """What one process measured of one variant: seconds of each round; `sizes` and `facts` are plain JSON."""

    work: str
    sparsity: float
    variant: str
    sizes: dict[str, Any]
    seconds: list[float]
    seconds_products: list[float]
    facts: dict[str, Any]


def document(rows: Sequence[dict[str, Any]], num_processes: int, notes: Sequence[str]) -> dict[str, Any]:
    """Rows with the machine they were measured on, as plain JSON."""
    available = native.unavailable_reason() is None
    machine = persistence.machine_description() | {
        "instruction_set": native.instruction_set() if available else None,
        "num_processes": num_processes,
    }
    told = list(dict.fromkeys(notes))
    return {"results_version": RESULTS_VERSION, "machine": machine, "rows": list(rows), "notes": told}


def rows(samples: Iterable[Sample]) -> list[dict[str, Any]]:
    """One row for each variant of each case: medians over processes and rounds, and ratios to dense.

    A ratio is the median of the dense variant of the same case over the median of this one; lowest and highest are
    those of single rounds of single processes.
    """
    cases: dict[tuple[Any, ...], dict[str, list[Sample]]] = {}
    for sample in samples:
        case = (sample.work, sample.sparsity, json.dumps(sample.sizes))
        cases.setdefault(case, {}).setdefault(sample.variant, []).append(sample)
    return [_row(own, variants["dense"]) for variants in cases.values() for own in variants.values()]


def _row(samples: Sequence[Sample], dense: Sequence[Sample]) -> dict[str, Any]:
    first, seconds = samples[0], [second for sample in samples for second in sample.seconds]
    median = statistics.median(seconds)
    ratios = [
        beside / own
        for sample, other in zip(samples, dense, strict=True)
        for own, beside in zip(sample.seconds, other.seconds, strict=False)
    ]
    row = {
        "work": first.work,
        "sparsity": first.sparsity,
        "variant": first.variant,
        **first.sizes,
        "seconds_median": median,
        "ratio_to_dense": statistics.median(second for sample in dense for second in sample.seconds) / median,
        "ratio_lowest": min(ratios),
        "ratio_highest": max(ratios),
        "seconds_lowest": min(seconds),
        "seconds_highest": max(seconds),
    }
    if first.seconds_products:
        products = statistics.median(second for sample in samples for second in sample.seconds_products)
        row |= {"seconds_products": products, "seconds_floor": median - products}
    return row | _rates(first, median) | first.facts


def _rates(sample: Sample, seconds: float) -> dict[str, float]:
    live_flop = sample.facts.get("live_flop")
    return {} if live_flop is None else {"live_gflop_per_second": live_flop / seconds / 1e9}
