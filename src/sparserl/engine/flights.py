"""Flights: runs that are with the cluster, and how each has ended when it comes back."""

from pathlib import Path
from typing import NamedTuple

from distributed import Future

from sparserl.processes.outcomes import Outcome

_GATHER_SECONDS = 30.0


class Flight(NamedTuple):
    """A run that is with the cluster; `worker` is the Dask worker that started it, and `heard` when it last spoke."""

    folder: Path
    future: "Future[Outcome]"
    worker: str
    heard: float


def landed(flight: Flight) -> Outcome | None:
    """How a run ended that the cluster is done with; None where its scheduler has cancelled it, or is gone."""
    try:
        if flight.future.status == "finished":
            return flight.future.result(timeout=_GATHER_SECONDS)
        if flight.future.status == "error":
            return failed(flight, _cause(flight.future.exception(timeout=_GATHER_SECONDS)))
    except Exception as error:  # its Dask worker was lost with what it said
        return failed(flight, _cause(error))
    return None


def failed(flight: Flight, cause: str) -> Outcome:
    """The outcome of a run that its Dask worker could not tell the end of."""
    return Outcome(flight.folder, "failed", None, cause, worker=flight.worker)


def _cause(error: BaseException | None) -> str:
    name = type(error).__name__
    if name == "KilledWorker":
        return "the Dask workers that had it were lost, one after another"
    return f"its Dask worker was lost: {name}: {error}".splitlines()[0]
