"""The kinds of sinks by name. A new kind is a module with `open_sink(folder: Path) -> Sink` and one line here."""

from collections.abc import Callable, Sequence
from importlib import import_module, metadata, util
from pathlib import Path
from typing import NamedTuple

from sparserl.errors import UserError
from sparserl.sinks.events import Sink


class SinkKind(NamedTuple):
    """Where a kind of sink is defined, and the package that it needs, which is an extra of ours by the kind's name."""

    module: str
    package: str | None


KINDS: dict[str, SinkKind] = {
    "jsonl": SinkKind("sparserl.sinks.jsonl", None),
    "tensorboard": SinkKind("sparserl.sinks.tensorboard", "tensorboardX"),
    "wandb": SinkKind("sparserl.sinks.wandb", "wandb"),
}

ENTRY_POINTS = "sparserl.sinks"  # where other packages announce theirs: functions like `open_sink`


def kind_names() -> list[str]:
    """The names of all kinds: ours, then those of other installed packages."""
    others = {entry.name for entry in metadata.entry_points(group=ENTRY_POINTS)}
    return [*KINDS, *sorted(others - KINDS.keys())]


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise UserError for the first kind that does not exist, is named twice, or lacks its package; imports none."""
    for place, name in enumerate(kinds):
        if name not in kind_names():
            raise UserError(field="sink", value=name, allowed=kind_names())
        if name in kinds[:place]:
            raise UserError("it is asked for twice; once is enough", field="sink", value=name)
        package = KINDS[name].package if name in KINDS else None
        if package is not None and util.find_spec(package) is None:
            raise UserError(f"it needs the package {package}: pip install 'sparserl[{name}]'", field="sink", value=name)


def opener(name: str) -> Callable[[Path], Sink]:
    """The function that opens a sink of a kind that `check_kinds` let pass, given the folder that it may write."""
    if name in KINDS:
        ours: Callable[[Path], Sink] = import_module(KINDS[name].module).open_sink
        return ours
    (entry,) = metadata.entry_points(group=ENTRY_POINTS, name=name)
    theirs: Callable[[Path], Sink] = entry.load()
    return theirs
