"""Details: what is read of the experiments and runs that have a section, past what is damaged."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from sparserl import persistence
from sparserl.persistence import LOG_FILE, UserError
from sparserl.report.page import topologies
from sparserl.report.page.cards import ExportCard, cards_in
from sparserl.report.page.commands import train_command
from sparserl.report.page.facts import facts_of, flat, last_lines
from sparserl.report.page.topologies import Topologies
from sparserl.report.page.videos import Video, videos_in
from sparserl.report.runs import Run

_MOST_PAGE_BYTES = 30_000_000  # of all videos of a page


class Room(NamedTuple):
    """What of a page is left for what is large."""

    counts: int = topologies.MOST_COUNTS
    video_bytes: int = _MOST_PAGE_BYTES


class RunDetails(NamedTuple):
    """A run's section; `log` are the last lines of one that has not finished, `notes` say what cannot be shown."""

    run: Run
    facts: list[tuple[str, Any]]
    log: list[str]
    topologies: Topologies | None
    videos: list[Video]
    cards: list[ExportCard]
    notes: list[str]


class ExperimentDetails(NamedTuple):
    """An experiment's section: `command` trains its first seed that is shown."""

    identifier: str
    choices: list[tuple[str, Any]]
    versions: list[tuple[str, Any]]
    machine: list[tuple[str, Any]]
    command: str | None
    notes: list[str]
    runs: list[RunDetails]


def read(identifier: str, runs: Sequence[Run], room: Room) -> tuple[ExperimentDetails, Room]:
    """The section of an experiment with those of some of its runs, and the room that is left."""
    notes, document = [], dict[str, Any]()
    if runs[0].folder is not None:
        try:
            document = persistence.read_experiment(persistence.experiment_folder(runs[0].folder))
        except UserError as error:
            notes.append(str(error))
    choices = document.get("choices") or {}
    parts = []
    for run in runs:
        part, room = _of_run(run, room)
        parts.append(part)
    diagnosed = any(run.folder and persistence.has_diagnostics(run.folder) for run in runs)
    details = ExperimentDetails(
        identifier,
        list(flat(choices)),
        list(flat(document.get("versions") or {})),
        list(flat(document.get("machine") or {})),
        _command(choices, document, runs[0].id.seed, diagnosed),
        notes,
        parts,
    )
    return details, room


def _command(choices: Mapping[str, Any], document: Mapping[str, Any], seed: int, diagnosed: bool) -> str | None:
    preset = (document.get("facts") or {}).get("preset") or document.get("preset")
    with suppress(KeyError, TypeError, AttributeError):  # choices of another version
        return train_command(choices, preset, seed, diagnosed)
    return None


def _of_run(run: Run, room: Room) -> tuple[RunDetails, Room]:
    notes: list[str] = []
    shown, videos, cards, log = None, list[Video](), list[ExportCard](), list[str]()
    if run.folder is not None:
        if run.status is None or run.status.status != "finished":
            log = last_lines(run.folder / LOG_FILE)
        shown = _topologies(run, run.folder, room, notes)
        videos = list(videos_in(run.folder, room.video_bytes))
        cards = list(cards_in(run.folder, notes))
    room = Room(
        room.counts - (shown.num_counts if shown else 0),
        room.video_bytes - sum(len(video.address or "") for video in videos),
    )
    return RunDetails(run, list(facts_of(run)), log, shown, videos, cards, notes), room


def _topologies(run: Run, folder: Path, room: Room, notes: list[str]) -> Topologies | None:
    if room.counts <= 0:
        notes.append("Topologies: not shown, because those of other runs fill the page; report this run alone.")
        return None
    try:
        shown = topologies.read(folder, int(run.environment_steps[-1]))
    except UserError as error:
        notes.append(f"Topologies: {error}")
        return None
    if shown is None:
        notes.append("Topologies: none yet; a run keeps its last one, and with --diagnostics those over training.")
    elif shown.num_counts > room.counts:
        notes.append("Topologies: not shown, because they are too large for what is left of the page.")
        return None
    return shown
