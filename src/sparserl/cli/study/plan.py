"""`sparserl study plan`: what a study takes, before any of it is run."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import tyro

from sparserl.cli import goings_on
from sparserl.cli.arguments import Json, parse
from sparserl.cli.hanging import HangOption, check_hang_seconds, end_where_hung
from sparserl.cli.output import put
from sparserl.cli.study import DEFAULT_SCALE, name_and_options
from sparserl.cli.study.options import PresetOption
from sparserl.cli.study.summary import without_diagnostics
from sparserl.cli.tables import print_table, size
from sparserl.engine.settings import Settings
from sparserl.experiment import unseeded_in
from sparserl.processes import places
from sparserl.study import Scale
from sparserl.study.calibration import LEAST_SHARE
from sparserl.study.files import load
from sparserl.study.noise import NoisePlan
from sparserl.study.planning import PlanPart, StudyPlan, plan

_DESCRIPTION = """Check every experiment of a study, and say what it takes: runs, steps, hours, disk.

Nothing is trained but for seconds, to see how fast this machine is; --no-calibration leaves that out. NAME is a study
of the catalogue, or the path of a Python file of your own that defines study(scale). That file is a program: plan only
what you trust.

example:
  sparserl study plan figure_8 --scale quick"""


@dataclasses.dataclass(frozen=True)
class StudyPlanOptions:
    """The options of `plan` beside the study."""

    scale: Annotated[
        Scale, tyro.conf.arg(help="Minutes on 2 cores (smoke), hours (quick), or as published (paper).")
    ] = cast(Scale, DEFAULT_SCALE)
    preset: PresetOption = None
    output: Annotated[Path, tyro.conf.arg(help="Results directory; runs that have finished there count.")] = Path(
        "results"
    )
    calibration: Annotated[bool, tyro.conf.arg(help="Measure a few experiments for seconds, to estimate hours.")] = True
    hang_seconds: HangOption = Settings.hang_seconds
    json: Json = False

    def __post_init__(self) -> None:
        check_hang_seconds(self.hang_seconds)


def main(words: Sequence[str]) -> int:
    """Plan the study that `words` name."""
    name, rest = name_and_options("plan", words)
    options = parse(StudyPlanOptions(), rest, f"sparserl study plan {name}", _DESCRIPTION)
    end_where_hung(options.hang_seconds)
    study = load(name, options.scale, options.preset)
    if options.calibration and study.experiments and study.num_seeds:
        print("sparserl: measuring a few experiments, unless they are known", file=sys.stderr)
        if not_kept := places.not_kept():
            print(f"sparserl: {not_kept}", file=sys.stderr)
    planned = plan(study, options.output, options.calibration)
    if options.json:
        put(json.dumps(_document(planned, options), indent=2, allow_nan=False))
    else:
        _show(planned, options)
    return 0


def _document(planned: StudyPlan, options: StudyPlanOptions) -> dict[str, Any]:
    study, numbers = planned.study, planned._asdict()
    del numbers["study"]
    return {
        "study": study.name,
        "scale": options.scale,
        "preset": study.preset,
        "question": study.question,
        "directory": str(options.output),
        "num_experiments": len(study.experiments),
        "num_seeds": study.num_seeds,
        "waiting": list(study.waiting),
        "unseeded": unseeded_in(study.experiments),
        "stops": goings_on.costs(study.experiments),
        "figures": [dataclasses.asdict(figure) for figure in study.figures],
        **numbers,
        "parts": [part._asdict() for part in planned.parts],
        "sources": planned.sources._asdict(),
        "noise": planned.noise and {"observation_noise": list(study.observation_noise), **planned.noise._asdict()},
    }


def _show(planned: StudyPlan, options: StudyPlanOptions) -> None:
    study = planned.study
    preset = f", preset {study.preset}" if study.preset else ""
    put(f"{study.name}, scale {options.scale}{preset}: {study.question}\n")
    columns = ("agent", "environment", "experiments", "runs", "finished", "steps", "evaluation steps", "core-hours")
    print_table(columns, [_row(part) for part in planned.parts], numbers_from=2)
    if not study.num_seeds:
        put("\nruns:    none: nothing is trained for it; `sparserl study run` draws its figures")
        return
    put(f"\nruns:    {_runs(planned)}")
    put(
        f"steps:   {planned.environment_steps:,} of training, at most {planned.evaluation_steps:,} of evaluation "
        "(episodes as long as the time limit)"
    )
    put(f"time:    {_time(planned)}")
    if planned.noise is not None:
        put(f"noise:   {_noise(planned, planned.noise)}")
    put(f"disk:    {size(planned.finished_bytes)} in the end, up to {size(planned.running_bytes)} more while it runs")
    if planned.finished_bytes + planned.running_bytes > planned.free_bytes:
        put(f"         that is more than the {size(planned.free_bytes)} that are free")
    put(f"source:  {_source(planned)}")
    if planned.num_without_diagnostics:
        put(f"lacking: {without_diagnostics(planned.num_without_diagnostics)}")
    for line in unseeded_in(study.experiments):
        put(f"seeds:   {line}")
    for line in goings_on.costs(study.experiments).values():
        put(f"stops:   {line}")
    for part in study.waiting:
        put(f"waits:   {part}")


def _row(part: PlanPart) -> tuple[str, ...]:
    numbers = (part.num_experiments, part.num_runs, part.num_finished, part.environment_steps, part.evaluation_steps)
    hours = "-" if part.core_seconds is None else f"{part.core_seconds / 3600:,.2f}"
    return (part.agent, part.environment, *(f"{number:,}" for number in numbers), hours)


def _runs(planned: StudyPlan) -> str:
    study = planned.study
    text = f"{planned.num_runs:,} ({len(study.experiments):,} experiments, {study.num_seeds} seeds each)"
    text += f", {planned.num_finished:,} finished before" if planned.num_finished else ""
    return text + (f", {planned.num_begun:,} begun" if planned.num_begun else "")


def _time(planned: StudyPlan) -> str:
    if planned.core_seconds is None or planned.wall_seconds is None:
        return "not known: nothing like it was measured on this machine"
    cores = f"{planned.num_cores} core{'s' * (planned.num_cores > 1)}"
    longest = f"; the longest run {_span(planned.longest_run_seconds)}" if planned.longest_run_seconds else ""
    return f"about {_span(planned.wall_seconds)} on {cores} ({planned.core_seconds / 3600:,.2f} core-hours){longest}"


def _noise(planned: StudyPlan, noise: NoisePlan) -> str:
    """The evaluations under noise, which come after the training."""
    done = noise.num_evaluations - noise.num_missing
    text = f"{noise.num_evaluations:,} evaluations under noise on observations, {done:,} done; at most "
    text += f"{noise.evaluation_steps:,} steps"
    if noise.core_seconds is None:
        return f"{text}, in a time that is not known"
    return f"{text}, about {_span(noise.core_seconds / planned.num_cores)} on {planned.num_cores} cores"


def _span(seconds: float) -> str:
    """Seconds in words."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5_400 else f"{seconds / 3600:,.1f} hours"


def _source(planned: StudyPlan) -> str:
    """What was measured, and what was estimated from it."""
    sources = planned.sources
    counts = {
        "by runs of theirs that have finished": sources.num_finished,
        "measured on this machine": sources.num_measured,
        "estimated from these by agent, size and environment": sources.num_estimated,
        "not known": sources.num_unknown,
    }
    text = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    now = (
        f"; {sources.num_measured_now} measured just now in {sources.calibration_seconds:.0f} s"
        if sources.num_measured_now
        else ""
    )
    slowed = f", {sources.num_disturbed} of them with less than {100 * LEAST_SHARE:g} % of a core"
    disturbed = f"{slowed}: an idle machine may take less" if sources.num_disturbed else ""
    return f"of {len(planned.study.experiments):,} experiments {text}{now}{disturbed}"
