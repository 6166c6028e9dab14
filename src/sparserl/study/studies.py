"""A study as data: a question, the experiments that answer it, how many seeds of each, and the figures to draw."""

import dataclasses
import itertools
import math
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from sparserl.experiment import Budget, Experiment
from sparserl.presets import PresetName
from sparserl.study.axes import check_axes
from sparserl.types import UserError, check_fields

Scale = Literal["smoke", "quick", "paper"]  # minutes on 2 cores, hours on 2 cores, as published
FigureKind = Literal["lines", "bars", "curves", "table", "noise", "flops", "profile", "threshold", "comparison"]
"""curves: over training; lines: over what is chosen; the last four have axes of their own."""
SCALES: tuple[Scale, ...] = get_args(Scale)
LARGEST_NUM_SEEDS = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of a study: what is on its axes, and what makes its rows, columns and lines of panels.

    `x`, `rows`, `columns` and `lines` are columns of the results, as live_parameters or actor_share, or choices of the
    experiments, nested ones as in "method.drop_fraction". `y` is what was measured: a return, or one of the
    diagnostics. A `Study` refuses others.
    """

    name: str  # of its files
    title: str
    kind: FigureKind = "lines"
    x: str = "live_parameters"
    y: str = "final_return"
    rows: str = ""  # none: one row
    columns: str = "environment"
    lines: str = "method"
    experiments: tuple[str, ...] = ()  # identifiers of those that it shows; none: all of the study

    def __post_init__(self) -> None:
        if self.kind not in get_args(FigureKind):
            raise UserError(field="kind", value=self.kind, allowed=get_args(FigureKind))
        check_fields(self)
        if not _NAME.fullmatch(self.name):
            raise UserError("letters, digits and _.+- are allowed", field="name", value=self.name)


@dataclasses.dataclass(frozen=True)
class Study:
    """A question and all that answers it: seeds 0 to `num_seeds` - 1 of every experiment, and the figures.

    Raises UserError for one that cannot be run as it is; `waiting` names what belongs to it and cannot be run yet.
    """

    name: str  # of its folder, and of the file that defines it
    question: str
    experiments: tuple[Experiment, ...]  # planned, matched dense baselines included, no two alike
    num_seeds: int  # 0 where all figures are of kind flops, which nothing is trained for
    figures: tuple[Figure, ...] = ()
    waiting: tuple[str, ...] = ()
    diagnostics: bool | tuple[str, ...] = False  # record gradients, units and topologies at every evaluation: of all
    # experiments, or those of these identifiers; no part of any identity
    preset: PresetName | None = None  # that all experiments come from, if it is one; no part of any identity
    observation_noise: tuple[float, ...] = ()  # evaluate all runs that have finished under these deviations, too; no
    # part of any identity
    budgets: Mapping[str, Budget] = dataclasses.field(
        default_factory=dict, hash=False
    )  # by identifier, where asked for

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise UserError("letters, digits and _.+- are allowed", field="name", value=self.name)
        _check_text("question", self.question)
        _check_all("experiments", self.experiments, Experiment)
        _check_all("figures", self.figures, Figure)
        _check_all("waiting", self.waiting, str)
        check_preset(self.preset)
        _check_noise(self.observation_noise)
        if not isinstance(self.diagnostics, bool | tuple):
            raise UserError(
                "it takes True, False or a tuple of identifiers", field="diagnostics", value=self.diagnostics
            )
        fewest = 0 if {figure.kind for figure in self.figures} == {"flops"} else 1
        if type(self.num_seeds) is not int or not fewest <= self.num_seeds <= LARGEST_NUM_SEEDS:
            raise UserError(
                f"it takes a whole number, {fewest} to {LARGEST_NUM_SEEDS}", field="num_seeds", value=self.num_seeds
            )
        if not self.experiments and not self.waiting:
            raise UserError("a study has at least one", field="experiments", value=())
        _check_parts(self)

    def is_diagnosed(self, identifier: str) -> bool:
        """Whether the runs of one of its experiments are to record diagnostics."""
        return self.diagnostics if isinstance(self.diagnostics, bool) else identifier in self.diagnostics


def check_preset(preset: Any) -> None:
    """Raises UserError for a preset that there is not; None is none."""
    if preset is not None and preset not in (names := get_args(PresetName)):
        raise UserError(field="preset", value=preset, allowed=names)


def _check_noise(deviations: Any) -> None:
    """Raises UserError for anything but finite numbers from 0 on, ascending."""
    if not isinstance(deviations, tuple):
        raise UserError("it must be a tuple of numbers", field="observation_noise", value=deviations)
    numbers = [each for each in deviations if isinstance(each, int | float) and not isinstance(each, bool)]
    if len(numbers) < len(deviations) or not all(0 <= each < math.inf for each in numbers):
        raise UserError("it takes numbers from 0 on, as (0, 5, 10)", field="observation_noise", value=deviations)
    if any(low >= high for low, high in itertools.pairwise(numbers)):
        raise UserError("they must ascend, each once", field="observation_noise", value=deviations)


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise UserError("it must be a sentence", field=name, value=value)


def _check_all(name: str, values: Any, kind: type) -> None:
    if not isinstance(values, tuple):
        raise UserError(f"it is of type {type(values).__name__} and must be a tuple of {kind.__name__}", field=name)
    if odd := [value for value in values if not isinstance(value, kind)]:
        raise UserError(f"it may hold {kind.__name__} only", field=name, value=odd[0])


def _check_parts(study: Study) -> None:
    seen: set[str] = set()
    for index, experiment in enumerate(study.experiments):
        if experiment.storage == "auto":
            raise UserError(
                "give planned(experiment), as grid does", field=f"experiments[{index}].storage", value="auto"
            )
        identifier = experiment.identifier
        if identifier in seen:
            raise UserError(
                "it occurs twice; `distinct` drops repetitions", field=f"experiments[{index}]", value=identifier
            )
        seen.add(identifier)
    diagnosed = study.diagnostics if isinstance(study.diagnostics, tuple) else ()
    for name, told in (("budgets", study.budgets), ("diagnostics", diagnosed)):
        if strangers := [identifier for identifier in told if identifier not in seen]:
            raise UserError(f"{name} has {strangers[0]}, which is no experiment of the study")
    for figure in study.figures:
        axes = {name: getattr(figure, name) for name in ("x", "rows", "columns", "lines")}
        if study.experiments:
            check_axes(figure.name, figure.y, axes, study.experiments)
        if strangers := [identifier for identifier in figure.experiments if identifier not in seen]:
            raise UserError(f"figure {figure.name} shows {strangers[0]}, which is no experiment of the study")
    names = [figure.name for figure in study.figures]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"figure name is {twice[0]!r} twice: their files would be the same")
