"""Beginning: what an attempt goes on from, and what seeds side by side go on from together."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sparserl import persistence
from sparserl.experiment import Plan, machine_class
from sparserl.persistence import Attempt, Generation
from sparserl.processes.log import tell
from sparserl.types import UserError

# Classic control came from this package, always this version of it; our own goes on in the same bits without.
_REPLACED = {"gymnax": "1.0.1"}


class Beginning(NamedTuple):
    """What an attempt goes on from: nothing, or a checkpoint; `forced` are differences that a person accepts."""

    checkpoint: Generation | None = None
    forced: tuple[str, ...] = ()


def beginnings(attempts: Sequence[Attempt], plan: Plan, layout: str, force: bool) -> list[Beginning]:
    """The newest whole checkpoints of runs, all of the same step; damaged newer ones are told in the log.

    If there is no such step, all begin anew. Raises UserError if a checkpoint was made on another machine class, in
    another layout, or with other choices; `force` accepts another machine class and layout.
    """
    checkpoints, complaints = persistence.read_common([attempt.run_folder for attempt in attempts])
    for complaint in complaints:
        tell(f"a checkpoint is left out: {complaint}")
    if checkpoints:
        pairs = zip(attempts, checkpoints, strict=True)
        return [_beginning(attempt, checkpoint, plan, layout, force) for attempt, checkpoint in pairs]
    for attempt in attempts:
        checkpoint, _ = persistence.read_newest(attempt.run_folder)
        if checkpoint is not None:
            _beginning(attempt, checkpoint, plan, layout, force)
            tell(f"{attempt.run_folder.name} begins anew: not all seeds beside it have its checkpoint")
    for attempt in attempts:
        persistence.drop_generations(attempt)
    return [Beginning()] * len(attempts)


def _beginning(attempt: Attempt, checkpoint: Generation, plan: Plan, layout: str, force: bool) -> Beginning:
    difference = persistence.first_difference(checkpoint.document.get("choices"), plan.experiment.choices())
    if difference is not None:
        where, old, new = difference
        raise UserError(f"{attempt.run_folder}: its checkpoint is of another experiment: {where} is {old}, not {new}")
    differences = _differences(checkpoint.document["machine_class"], machine_class(plan, layout))
    if differences and not force:
        raise UserError(
            f"{attempt.run_folder} was begun on another machine class: {', '.join(differences)}; its bits would not be "
            "those of an uninterrupted run: go on there, or with --force here"
        )
    return Beginning(checkpoint, (*checkpoint.document["forced"], *differences))


def behind(attempts: Mapping[int, Attempt]) -> list[int]:
    """The seeds that no longer share a step with the others, because they stopped early while those went on.

    Seeds side by side are at most one checkpoint apart. If the foremost has only one checkpoint, none is behind: all
    were stopped while they stored their first.
    """
    steps = {seed: persistence.generation_steps(attempt.run_folder) for seed, attempt in attempts.items()}
    foremost = max(steps.values(), key=lambda stored: max(stored, default=-1))
    if len(foremost) < 2:
        return []
    return [seed for seed, stored in steps.items() if max(stored, default=-1) < min(foremost)]


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> Sequence[str]:
    then = {name: value for name, value in then.items() if _REPLACED.get(name) != value}
    names = sorted(then.keys() | now.keys())
    return [f"{name} {then.get(name)} -> {now.get(name)}" for name in names if then.get(name) != now.get(name)]
