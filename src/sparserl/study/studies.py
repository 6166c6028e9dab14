"""A study as data: a question, the experiments that answer it, how many seeds of each, and the figures to draw."""

import dataclasses
import re
from typing import Any, Literal, get_args

from sparserl.experiment import Experiment
from sparserl.types import UserError

Scale = Literal["smoke", "quick", "paper"]  # minutes on 2 cores, hours on 2 cores, as published
Kind = Literal["lines", "bars", "curves", "table"]  # curves: over training; lines: over what is chosen
SCALES: tuple[Scale, ...] = get_args(Scale)
LARGEST_NUM_SEEDS = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure that `report` draws: what is on its axes, and what makes its rows, columns and lines of panels.

    `x`, `rows`, `columns` and `lines` are choices of the experiments, nested ones as in "method.drop_fraction", or what
    follows from these: agent, method, network, environment, live_parameters, actor_share. `y` is what was measured.
    """

    name: str  # of its files
    title: str
    kind: Kind = "lines"
    x: str = "live_parameters"
    y: str = "final_return"
    rows: str = ""  # none: one row
    columns: str = "environment"
    lines: str = "method"
    experiments: tuple[str, ...] = ()  # identifiers of those that it shows; none: all of the study

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UserError(f"figure name is {self.name!r}: letters, digits and _.+- are allowed")
        if self.kind not in get_args(Kind):
            raise UserError(f"figure kind is {self.kind!r}: choose {', '.join(get_args(Kind))}")


@dataclasses.dataclass(frozen=True)
class Study:
    """A question and all that answers it: seeds 0 to `num_seeds` - 1 of every experiment, and the figures.

    Raises UserError for one that cannot be run as it is; `waiting` names what belongs to it and cannot be run yet.
    """

    name: str  # of its folder, and of the file that defines it
    question: str
    experiments: tuple[Experiment, ...]  # planned, matched dense baselines included, no two alike
    num_seeds: int
    figures: tuple[Figure, ...] = ()
    waiting: tuple[str, ...] = ()
    diagnostics: bool = False  # record gradients, units and topologies at every evaluation; no part of any identity

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise UserError(f"name is {self.name!r}: letters, digits and _.+- are allowed")
        _check_text("question", self.question)
        _check_all("experiments", self.experiments, Experiment)
        _check_all("figures", self.figures, Figure)
        _check_all("waiting", self.waiting, str)
        if type(self.diagnostics) is not bool:
            raise UserError(f"diagnostics is {self.diagnostics!r}: True or False")
        if type(self.num_seeds) is not int or not 1 <= self.num_seeds <= LARGEST_NUM_SEEDS:
            raise UserError(f"num_seeds is {self.num_seeds!r}: a whole number, 1 to {LARGEST_NUM_SEEDS}")
        if not self.experiments and not self.waiting:
            raise UserError("experiments is empty: a study has at least one")
        _check_identifiers(self)


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{name} is {value!r}: it must be a sentence")


def _check_all(name: str, values: Any, kind: type) -> None:
    if not isinstance(values, tuple):
        raise UserError(f"{name} is of type {type(values).__name__}: it must be a tuple of {kind.__name__}")
    if odd := [value for value in values if not isinstance(value, kind)]:
        raise UserError(f"{name} holds {odd[0]!r} of type {type(odd[0]).__name__}: it must hold {kind.__name__} only")


def _check_identifiers(study: Study) -> None:
    seen: set[str] = set()
    for index, experiment in enumerate(study.experiments):
        if experiment.storage == "auto":
            raise UserError(f"experiments[{index}] has storage 'auto': give planned(experiment), as grid does")
        identifier = experiment.identifier
        if identifier in seen:
            raise UserError(f"experiments[{index}] occurs twice: {identifier}; `distinct` drops repetitions")
        seen.add(identifier)
    for figure in study.figures:
        if strangers := [identifier for identifier in figure.experiments if identifier not in seen]:
            raise UserError(f"figure {figure.name} shows {strangers[0]}, which is no experiment of the study")
    names = [figure.name for figure in study.figures]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"figure name is {twice[0]!r} twice: their files would be the same")
