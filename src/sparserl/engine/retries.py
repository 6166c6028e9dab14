"""Retries: what follows the end of a worker, as pure arithmetic."""

import dataclasses
from collections.abc import Sequence
from typing import Literal, NamedTuple

from sparserl.errors import UserError
from sparserl.processes.outcomes import FAILED, NO_ROOM, WRONG, Outcome


@dataclasses.dataclass(frozen=True)
class Retries:
    """How often a run that failed is started again, and after how long: a first delay that grows by a factor."""

    most: int = 3
    first_seconds: float = 2.0
    factor: float = 4.0
    busy_seconds: float = 5.0  # until we look again at a run that another process holds

    def __post_init__(self) -> None:
        if self.most < 0:
            raise UserError("it must be at least 0", field="most", value=self.most)


class Failure(NamedTuple):
    """One failed try of a run: its cause in one line, how far it came, its exit status, and its Dask worker."""

    message: str
    environment_steps: int
    exit_status: int | None
    worker: str


class Next(NamedTuple):
    """What follows: it is over, it is started again after a delay as a new try, or it is waited for."""

    step: Literal["over", "retry", "wait"]
    delay_seconds: float = 0.0


def failure_of(outcome: Outcome) -> Failure:
    """An outcome as one of a run's failures."""
    return Failure(outcome.message, outcome.environment_steps, outcome.exit_status, outcome.worker)


def after(outcome: Outcome, failures: Sequence[Failure], retries: Retries) -> Next:
    """What follows an outcome, given the run's failures, this one included if it is one.

    A run that another process holds is waited for. An exception that is raised twice at the same step would be raised
    a third time, because runs repeat bit for bit; other failures are tried again, since machines have better days.
    """
    match outcome.ending:
        case "busy" | "lost":
            return Next("wait", retries.busy_seconds)
        case "failed" | "hung" | "interrupted" if not gives_up(failures, retries):
            return Next("retry", retries.first_seconds * retries.factor ** (len(failures) - 1))
    return Next("over")


def gives_up(failures: Sequence[Failure], retries: Retries) -> bool:
    """Whether a run with these failures is not tried any more."""
    wrong = any(failure.exit_status == WRONG for failure in failures[-1:])
    return wrong or len(failures) > retries.most or _repeats(failures)


def lasting(failures: Sequence[Failure]) -> tuple[Failure, ...]:
    """The failures that a later engine counts: not those of a full disk, as it is started when there is room again."""
    return tuple(failure for failure in failures if failure.exit_status != NO_ROOM)


def _repeats(failures: Sequence[Failure]) -> bool:
    if len(failures) < 2 or failures[-1].exit_status != FAILED:
        return False
    return failures[-1][:3] == failures[-2][:3]
