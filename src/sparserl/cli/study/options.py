"""Options that several commands of `sparserl study` take."""

import dataclasses
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import tyro

from sparserl.cli.arguments import Json
from sparserl.cli.sinks import Sinks
from sparserl.engine.settings import Settings
from sparserl.errors import Field, UserError, nearest
from sparserl.persistence.studies import USUAL_PRESET, StoredStudy, parsed_name, stored, stored_names, study_folder
from sparserl.sinks import check_kinds
from sparserl.study.catalogue import catalogue_names

ScaleOption = Literal["smoke", "quick", "paper"] | None
PresetOption = Annotated[
    Literal["paper", "published-code", "sb3"] | None,
    tyro.conf.arg(help="The numbers that experiments come from; none: the paper's tables, or the one stored."),
]
Output = Annotated[Path, tyro.conf.arg(help="Results directory; it may hold many studies.")]
_SCALE_HELP = "smoke takes minutes, quick hours on two cores, paper is as published; none: quick, or the one stored."
CheckpointOption = Annotated[
    float | None, tyro.conf.arg(help="Time between checkpoints of a run; none: the worker's own.")
]
ResumeOption = Annotated[
    Literal["auto", "exact", "fresh-episode"],
    tyro.conf.arg(
        help="How runs that were stopped go on: exactly, which takes an environment that can be captured; with fresh "
        "episodes, all else as it was, and without promised bits; auto: exactly where that can be. Where it cannot, "
        "exact begins anew."
    ),
]
DEVICE_HELP = "What runs compute on; on a GPU the seeds of an experiment side by side, where that can be."

HangSeconds = Annotated[
    float,
    tyro.conf.arg(
        help="A run is started again whose environment takes so long for a step or a reset, thrice as long to be made."
    ),
]


@dataclasses.dataclass(frozen=True)
class WorkOptions:
    """The options of `run`, `resume` and `retry`: where the study is, and how its runs are worked on."""

    scale: Annotated[ScaleOption, tyro.conf.arg(help=_SCALE_HELP)] = None
    preset: PresetOption = None
    output: Output = Path("results")
    scheduler: Annotated[
        str | None, tyro.conf.arg(help="Address of a Dask scheduler, tcp://host:8786; none: the cores of this machine.")
    ] = None
    num_workers: Annotated[
        int | None, tyro.conf.arg(help="Runs at once on this machine; none: one for each core, or each GPU.")
    ] = None
    device: Annotated[
        Literal["cpu", "gpu"],
        tyro.conf.arg(help="What runs compute on; on a GPU seeds of one experiment side by side, where that can be."),
    ] = "cpu"
    hang_seconds: HangSeconds = Settings.hang_seconds
    checkpoint_seconds: CheckpointOption = None
    memory_limit: Annotated[
        str | None, tyro.conf.arg(help="What each run's process may use, as in 4GB; none: no limit.")
    ] = None
    force: Annotated[
        bool,
        tyro.conf.FlagCreatePairsOff,
        tyro.conf.arg(help="Go on with runs that another machine or other versions began; the runs record it."),
    ] = False
    resume: ResumeOption = "auto"
    rerun_without_diagnostics: Annotated[
        bool,
        tyro.conf.FlagCreatePairsOff,
        tyro.conf.arg(
            help="Train runs again that lack the diagnostics that the study wants; old results are kept aside."
        ),
    ] = False
    sink: Sinks = ()
    json: Json = False

    def __post_init__(self) -> None:
        if self.num_workers is not None and self.num_workers < 1:
            raise UserError("it must be at least 1", field="num_workers", value=self.num_workers)
        if self.num_workers is not None and self.scheduler is not None:
            raise UserError(
                "it is for this machine; the workers of ",
                Field("scheduler"),
                " are started where it runs",
                field="num_workers",
                value=self.num_workers,
            )
        check_kinds(self.sink)
        self.settings()

    def settings(self) -> Settings:
        """Those of the options that workers get."""
        return Settings(
            hang_seconds=self.hang_seconds,
            checkpoint_seconds=self.checkpoint_seconds,
            memory_limit_bytes=None if self.memory_limit is None else parse_bytes(self.memory_limit),
            force=self.force,
            gpu=self.device == "gpu",
            resume=self.resume,
        )


def parse_bytes(text: str) -> int:
    """The bytes of 4GB, 500MiB or a plain number. Raises UserError for anything else."""
    from dask.utils import parse_bytes as parse  # commands that only read a study should not wait for Dask

    with suppress(ValueError, OverflowError):
        if any(map(str.isdigit, text)) and (num_bytes := int(parse(text))) > 0:  # to Dask GB is 1GB
            return num_bytes
    raise UserError("it takes a number of bytes such as 4GB, 500MB or 2GiB", field="memory_limit", value=text)


def find_stored(name: str, scale: str | None, preset: str | None, output: Path) -> StoredStudy:
    """The stored study of this name, at the scale and preset given, or the only one.

    NAME, NAME@SCALE and NAME@SCALE+PRESET are names; the second means the paper's preset. Raises UserError that says
    which studies there are.
    """
    plain, named_scale, named_preset = parsed_name(name)
    if named_scale and not scale:
        scale, preset = named_scale, preset or named_preset or USUAL_PRESET
    fitting = [each for each in map(parsed_name, stored_names(output)) if _fits(each, plain, scale, preset)]
    if len(fitting) > 1:
        labels = ", ".join(study_folder(output, *each).name.partition("@")[2] for each in fitting)
        raise UserError(f"{output} holds {plain} at the scales {labels}: choose one by --scale, --preset")
    if not fitting:
        raise _missing(plain, study_folder(output, plain, scale or "quick", preset).name, output)
    return stored(output, *fitting[0])


def _missing(name: str, label: str, output: Path) -> UserError:
    """That a study is not there, with the nearest that is, or with one of the catalogue that is more like it."""
    catalogue, there = catalogue_names(), {parsed_name(each)[0]: each for each in stored_names(output)}
    begin = f"`sparserl study run {name}` begins it" if name in catalogue else "`sparserl study run` begins one"
    near, known = nearest(name, there)[:1], () if name in catalogue else nearest(name, catalogue)[:1]
    value, names = (
        (label, there.values()) if near and set(near) <= set(nearest(name, (*near, *known))) else (name, known)
    )
    return UserError(f"no study {label} in {output}; {begin}", value=value, names=names)


def _fits(stored_name: tuple[str, str, str | None], name: str, scale: str | None, preset: str | None) -> bool:
    known, known_scale, known_preset = stored_name
    return known == name and scale in (None, known_scale) and preset in (None, known_preset or USUAL_PRESET)
