"""The sink `wandb`: one W&B run per run, whose step is the environment step; online, or as `WANDB_MODE` says.

W&B keeps what it is given in memory until a session of a run is finished, and loses it when this process is killed. So
a run counts as passed on when its session is finished: when the run has ended, or the sink.
"""

import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb

from sparserl import persistence
from sparserl.sinks.events import IDENTITY, Event, Position, after, numbers_of

_PROJECT = "sparserl"  # unless WANDB_PROJECT names another
_LARGEST_NUM_OPEN = 32
_LONGEST_EXPERIMENT = 100
_RESULTS = ("finished", "diverged")  # what W&B is told not to be a failure


class WeightsAndBiases:
    """The sessions of the runs that go on, the one longest without news first, and how far each run was logged."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sessions: dict[str, Any] = {}
        self._positions: dict[str, Position] = {}

    def passed(self) -> Mapping[str, Position]:
        """What finished sessions have; a session that a kill cut short has nothing."""
        for mark in (self._folder / "sessions").glob("*.json"):
            document = persistence.read_document(mark)
            self._positions[document["run"]] = Position(*document["position"])
        return dict(self._positions)

    def write(self, events: Sequence[Event]) -> Collection[str]:
        finished: set[str] = set()
        for event in events:
            session = self._session(event.run, finished)
            finished.discard(event.run)
            if event.kind == "status":
                session.summary.update({"status": dict(event.fields)})
            else:
                _tell_config(session, event)
                session.log(numbers_of(event), step=event.environment_steps)
            self._positions[event.run] = after(self._positions.get(event.run, Position()), event)
            if event.kind == "status" and event.fields["status"] != "running":
                finished.add(self._finish(event.run, event.fields["status"] in _RESULTS))
        return finished

    def close(self) -> None:
        for run in list(self._sessions):
            self._finish(run)

    def _session(self, run: str, finished: set[str]) -> Any:
        session = self._sessions.pop(run, None) or self._open(run)
        self._sessions[run] = session
        if len(self._sessions) > _LARGEST_NUM_OPEN:
            finished.add(self._finish(next(iter(self._sessions))))
        return session

    def _open(self, run: str) -> Any:
        """A session that goes on where one with the same id was finished, and in place of one that a kill cut short."""
        mark = self._mark(run)
        if mark.exists() and not (document := persistence.read_document(mark))["finished"]:
            _remove_offline_session(self._folder, document["session"])
        session = wandb.init(
            project=os.environ.get("WANDB_PROJECT", _PROJECT),
            id=run_id(run),
            name=run,
            group=run.partition("/")[0],
            resume="allow",
            reinit="create_new",
            dir=str(self._folder),
            settings=wandb.Settings(console="off", silent=True, x_disable_stats=True, x_disable_meta=True),
        )
        self._remember(run, session, finished=False)
        return session

    def _finish(self, run: str, is_result: bool = True) -> str:
        session = self._sessions.pop(run)
        session.finish(exit_code=0 if is_result else 1)
        self._remember(run, session, finished=True)
        return run

    def _remember(self, run: str, session: Any, finished: bool) -> None:
        document = {
            "run": run,
            "session": Path(session.dir).parent.name,
            "finished": finished,
            "position": list(self._positions.get(run, Position())),
        }
        persistence.write_document(self._mark(run), document)

    def _mark(self, run: str) -> Path:
        return self._folder / "sessions" / f"{run_id(run)}.json"


def open_sink(folder: Path) -> WeightsAndBiases:
    """A sink whose sessions lie in `folder/wandb`."""
    return WeightsAndBiases(folder)


def run_id(run: str) -> str:
    """The id at W&B: the same whenever the same seed of the same experiment is passed on; W&B takes 128 characters."""
    experiment, seed = persistence.RunId.of(run)
    return f"{experiment[-_LONGEST_EXPERIMENT:]}-seed-{seed}"  # its end is the hash of all choices


def _tell_config(session: Any, event: Event) -> None:
    if "agent" not in session.config:
        names = set(IDENTITY) - {"environment_steps"} | set(persistence.FACTS)
        config = {name: value for name, value in event.fields.items() if name in names and value is not None}
        session.config.update(config, allow_val_change=True)


def _remove_offline_session(folder: Path, name: str) -> None:
    """Remove what a session that was never finished has left: all of it is passed on again."""
    if name.startswith("offline-run-") and Path(name).name == name:
        shutil.rmtree(folder / "wandb" / name, ignore_errors=True)
