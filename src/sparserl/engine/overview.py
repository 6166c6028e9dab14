"""Overview: how far the runs of a study are, read from their folders; ten thousand in less than a second."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sparserl import persistence
from sparserl.errors import UserError
from sparserl.persistence import RunId
from sparserl.processes.outcomes import Ending

State = Literal["waiting", "running", "finished", "diverged", "failed", "interrupted", "damaged"]
STATES: tuple[State, ...] = ("finished", "diverged", "failed", "running", "interrupted", "damaged", "waiting")
FINAL: Mapping[str, Ending] = {"finished": "finished", "diverged": "diverged"}  # results: never trained again


class RunState(NamedTuple):
    """How far one run is. A run whose process is gone without a word is interrupted, whatever its status says."""

    run_folder: str
    state: State
    environment_steps: int = 0
    message: str = ""
    final_return: float | None = None
    environment_steps_per_second: float | None = None
    num_breaks: int = 0  # how often it went on with fresh episodes
    machine: Mapping[str, str] | None = None  # the class of machine that trained it last, as its status has it


def overview(run_folders: Iterable[str | Path]) -> list[RunState]:
    """The state of each run, in the same order."""
    return [run_state(os.fspath(folder)) for folder in run_folders]


def run_state(run_folder: str, lease_seconds: float = persistence.LEASE_SECONDS) -> RunState:
    """How far a run is, by its `status.json`, and by its lease where that says that somebody works on it."""
    try:
        document = persistence.read_document(f"{run_folder}/status.json")
    except UserError as error:
        if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            return RunState(run_folder, "waiting")
        return RunState(run_folder, "damaged", message=str(error))
    state, message = document.get("status"), str(document.get("message", ""))
    if another := _another(run_folder, document):
        return RunState(run_folder, "damaged", message=another)
    if state == "running" and not persistence.is_working(run_folder, lease_seconds):
        state, message = "interrupted", "its process is gone"
    elif state == "finished" and not document.get("packed") and not os.path.isdir(f"{run_folder}/checkpoint"):
        state, message = "damaged", "it has finished, and its checkpoint is gone"
    if state not in STATES:
        return RunState(run_folder, "damaged", message=f"its status is {state!r}, which this sparserl does not know")
    return RunState(
        run_folder,
        state,
        int(document.get("environment_steps", 0)),
        message,
        document.get("final_return"),
        document.get("environment_steps_per_second"),
        len(document.get("breaks", ())),
        document.get("machine"),
    )


def noise_state(run_folder: str | Path, deviations: Sequence[float], lease_seconds: float) -> State:
    """How far the evaluation of a finished run under noise is."""
    if not persistence.missing_noise(run_folder, deviations):
        return "finished"
    return "running" if persistence.is_working(run_folder, lease_seconds) else "waiting"


def _another(run_folder: str, document: Mapping[str, Any]) -> str:
    """Says that the folder holds another run than it is called after, by its status; empty where it does not."""
    name = document.get("name")
    try:
        if persistence.is_run_folder(Path(run_folder)):
            persistence.check_run(run_folder, RunId.of(name) if isinstance(name, str) else None)
    except UserError as error:
        return str(error)
    return ""


def counts(states: Iterable[RunState]) -> dict[str, int]:
    """How many runs are in each state; every state occurs."""
    counted = Counter(state.state for state in states)
    return {name: counted[name] for name in STATES}
