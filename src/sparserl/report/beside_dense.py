"""Beside dense: every sparse experiment beside dense networks at equal parameters, equal FLOPs and equal seconds.

An experiment is compared by itself: it is of one environment, length, results version, preset and storage, and so is
the dense network beside it, so that nothing is pooled.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sparserl.report.cells import agree, experiments_of, has_diverged, swept
from sparserl.report.comparisons import (
    Comparison,
    at_equal_flops,
    at_equal_parameters,
    at_equal_seconds,
    share_of_budget,
)
from sparserl.report.provenance import goes_with
from sparserl.report.roles import FULL, MATCHED, SPARSE
from sparserl.report.runs import Run

_PLACE = ("agent", "network_kind", "environment", "total_steps")
_OF_SPARSE = ("storage", "compressed_layers")  # how weights are kept of which some are dead
_OF_BUDGET = ("actor_sparsity", "critic_sparsity")  # what a budget and the actor's share make of a sparse network
COSTS = ("parameters", "FLOPs", "seconds")
Beside = tuple[Comparison, Comparison, Comparison]  # at equal costs, in their order


def has_sides(runs: Iterable[Run]) -> bool:
    """Whether a sparse network and a dense one, alike but for this, have finished."""
    ended = {run.id.experiment: run for run in runs if run.final_return is not None}.values()
    dense: dict[tuple[Any, ...], list[Run]] = {}
    for run in ended:
        if run.columns["method"] == "dense":
            dense.setdefault(_place(run), []).append(run)
    sparse = [run for run in ended if run.columns.get("role") == SPARSE]
    return any(goes_with(other.columns, run.columns) for run in sparse for other in dense.get(_place(run), []))


def beside_dense(runs: Sequence[Run]) -> dict[str, Beside]:
    """The comparisons of each sparse experiment that has a run, by its identifier."""
    among = [name for name in swept(runs) if name not in _PLACE]
    experiments = experiments_of(runs)
    dense: dict[tuple[Any, ...], list[list[Run]]] = {}
    for own in experiments.values():
        if own[0].columns["method"] == "dense":
            dense.setdefault(_place(own[0]), []).append(own)
    return {
        name: _beside(own, [each for each in dense.get(_place(own[0]), []) if _agree(own[0], each[0], among)])
        for name, own in experiments.items()
        if own[0].columns.get("role") == SPARSE
    }


def in_words(besides: Iterable[Beside]) -> str:
    """At each cost, how many experiments do better and worse than dense networks, by the interval of the difference."""
    told = []
    for name, comparisons in zip(COSTS, zip(*besides, strict=True), strict=True):
        differences = [each.difference for each in comparisons if each.difference is not None]
        better = sum(each.low is not None and each.low > 0 for each in differences)
        worse = sum(each.high is not None and each.high < 0 for each in differences)
        numbers = f"{better} of {len(differences)} better, {worse} worse" if differences else "nothing to compare"
        told.append(f"at equal {name} {numbers}")
    return "; ".join(told)


def _beside(own: Sequence[Run], dense: Sequence[Sequence[Run]]) -> Beside:
    every = [run for each in dense for run in each]
    full = [each for each in dense if each[0].columns.get("role") == FULL]
    matching = [each for each in dense if _matches(each[0], own[0])]
    known = [each for each in dense if each[0].columns.get("live_macs")]
    parameters, flops = at_equal_parameters(own, every), at_equal_flops(own, every)
    seconds = at_equal_seconds(own, full[0] if len(full) == 1 else [])
    return (
        _explained(parameters, own, matching, "as many parameters"),
        _explained(flops, own, known[:1], "known FLOPs", "no dense network of as many FLOPs, nor two around them"),
        _explained(seconds, own, full, "full size", *seconds.missing),
    )


def _explained(
    comparison: Comparison, own: Sequence[Run], candidates: Sequence[Sequence[Run]], what: str, *otherwise: str
) -> Comparison:
    """The comparison with what is missing in words that name no experiment, as they stand beside its name."""
    if comparison.difference is not None:
        return comparison
    if not any(_has_ended(run) for run in own):
        reason = "none of its runs has finished"
    elif not candidates:
        reason = f"no dense network of {what}"
    elif len(candidates) > 1:
        reason = f"{len(candidates)} dense networks of {what}, which differ in other choices"
    elif not any(_has_ended(run) for run in candidates[0]):
        reason = f"no finished run of the dense network of {what}"
    else:
        reason = "; ".join(otherwise) or "no run of one side has a return"
    return comparison._replace(missing=(reason,))


def _has_ended(run: Run) -> bool:
    return run.final_return is not None or has_diverged(run)


def _matches(dense: Run, run: Run) -> bool:
    """Whether a dense network is one of as many parameters as a sparse one: of this sparsity, or of its budget."""
    if (share := share_of_budget(run)) is not None:
        return share_of_budget(dense) == share
    matches = dense.columns.get("matches") or () if dense.columns.get("role") == MATCHED else ()
    return any(match.get("sparsity") == run.columns["sparsity"] for match in matches)


def _place(run: Run) -> tuple[Any, ...]:
    return tuple(run.columns.get(name) for name in _PLACE)


def _agree(run: Run, dense: Run, among: Sequence[str]) -> bool:
    """Whether a dense network was made like a sparse one, but for what it does not have."""
    here, there = run.columns, dense.columns
    follow = _OF_SPARSE if share_of_budget(run) is None else (*_OF_SPARSE, *_OF_BUDGET)
    return goes_with(there, here) and agree(here, there, [name for name in among if name not in follow])
