"""Generations: the checkpoints of a run that is not finished, the last two of them, in `<run>/resume/`.

    step=<n>,attempt=<k>/                               a bundle: everything but the replay, and what follows of it
    replay=<first>-<last>,attempt=<k>.safetensors       rows of the replay, added once and shared by generations

A replay only grows at its end, so that each checkpoint writes what is new since the last. The bundle's document lists
the segments that it needs with their sizes and SHA-256; all of it is proven when it is read.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sparserl.errors import UserError
from sparserl.persistence.atomic import discard
from sparserl.persistence.attempts import CHECKPOINTS, Attempt
from sparserl.persistence.checkpoint import read_bundle, write_bundle
from sparserl.persistence.documents import NewerFormat
from sparserl.persistence.segments import Ring, Segment, listed_segments, read_segments, with_new_rows

_GENERATION = re.compile(r"step=(\d+),attempt=(\d+)")
_NUM_KEPT = 2
_SEGMENTS = "segments"


class Generation(NamedTuple):
    """A checkpoint as read: `stored` are the arrays of each segment as its file has them."""

    name: str
    arrays: dict[str, np.ndarray]
    document: dict[str, Any]
    segments: tuple[Segment, ...]
    stored: tuple[dict[str, np.ndarray], ...]


@dataclasses.dataclass(frozen=True)
class Kept:
    """What of a run is on disk: the generations, newest first, with the segments that each needs."""

    generations: tuple[tuple[str, tuple[Segment, ...]], ...] = ()

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self.generations[0][1] if self.generations else ()


def write_generation(
    attempt: Attempt,
    kept: Kept,
    num_steps: int,
    arrays: Mapping[str, np.ndarray],
    document: Mapping[str, Any],
    ring: Ring | None,
) -> Kept:
    """Add a checkpoint to those in `kept`, the newest of which it goes on from; drop what is older than two.

    Raises UserError where it cannot be written, and Superseded where the attempt has lost the run; the older ones are
    then untouched.
    """
    folder = attempt.run_folder / CHECKPOINTS
    segments = () if ring is None else with_new_rows(attempt, kept.segments, ring)
    name = f"step={num_steps},attempt={attempt.number}"
    listed = {**document, _SEGMENTS: [segment._asdict() for segment in segments]}
    write_bundle(folder / name, arrays, listed, attempt.scratch)
    older = tuple(entry for entry in kept.generations if entry[0] != name)
    now = Kept(((name, segments), *older)[:_NUM_KEPT])
    _drop_others(folder, now, attempt.scratch)
    return now


def read_newest(run_folder: str | Path) -> tuple[Generation | None, list[str]]:
    """The newest checkpoint that is whole, None where there is none, and a line for each newer one that is damaged.

    Raises NewerFormat, a UserError, where a newer sparserl wrote one.
    """
    generations, complaints = read_common([run_folder])
    return (generations[0] if generations else None), complaints


def read_common(run_folders: Sequence[str | Path]) -> tuple[list[Generation], list[str]]:
    """The checkpoints of several runs at the newest step at which each has a whole one; none if there is no such step.

    With a line for each newer one that is damaged. The newest is what the newest attempt at the first run stored last.
    Raises NewerFormat, a UserError, where a newer sparserl wrote one.
    """
    complaints: list[str] = []
    first, *rest = (_generations(Path(folder) / CHECKPOINTS) for folder in run_folders)
    others = [{_step(path): path for path in reversed(paths)} for paths in rest]  # of several at one step the newest
    for folder in first:
        step = _step(folder)
        if not all(step in other for other in others):
            continue
        try:
            return [_read(folder), *(_read(other[step]) for other in others)], complaints
        except NewerFormat:
            raise
        except UserError as error:
            complaints.append(str(error))
    return [], complaints


def kept_after(generation: Generation) -> Kept:
    """What to go on with after a generation was read: that one alone, so that damaged ones are dropped."""
    return Kept(((generation.name, generation.segments),))


def drop_generations(attempt: Attempt) -> None:
    """Remove all checkpoints: the run is finished, or begins anew. Raises Superseded where the attempt has lost it."""
    discard(attempt.run_folder / CHECKPOINTS, attempt.scratch)


def has_generations(run_folder: str | Path) -> bool:
    """Whether there is a checkpoint to go on from, even a damaged one."""
    return bool(_generations(Path(run_folder) / CHECKPOINTS))


def generation_steps(run_folder: str | Path) -> list[int]:
    """The steps of all checkpoints of a run, those of damaged ones included."""
    return [int(_step(path).removeprefix("step=")) for path in _generations(Path(run_folder) / CHECKPOINTS)]


def _read(folder: Path) -> Generation:
    arrays, document = read_bundle(folder)
    segments = listed_segments(document.pop(_SEGMENTS, None), folder)
    return Generation(folder.name, arrays, document, segments, read_segments(folder.parent, segments))


def _step(generation: Path) -> str:
    return generation.name.partition(",")[0]


def _generations(folder: Path) -> list[Path]:
    """All of them, newest first: those of the newest attempt, and of these the last."""
    named = [(match, path) for path in folder.glob("step=*") if (match := _GENERATION.fullmatch(path.name))]
    return [path for match, path in sorted(named, key=lambda each: (int(each[0][2]), int(each[0][1])), reverse=True)]


def _drop_others(folder: Path, kept: Kept, through: Path) -> None:
    """Remove the generations and segments that nothing kept needs."""
    needed = {name for name, _ in kept.generations}
    needed |= {segment.file for _, segments in kept.generations for segment in segments}
    for path in folder.iterdir():
        if path.name not in needed:
            discard(path, through)
