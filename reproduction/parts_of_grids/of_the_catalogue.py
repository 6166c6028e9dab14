"""A part of a study of the catalogue: some of its experiments, by which the whole study has their runs, too."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from sparserl.experiment import Experiment
from sparserl.study import Scale, Study
from sparserl.study.files import from_catalogue


def part(file: str, name: str, which: str, scale: Scale, num_seeds: int, kept: Sequence[Experiment]) -> Study:
    """The study `name` with those experiments that are `kept`; at smoke with as many seeds as that has."""
    whole = from_catalogue(name, scale)
    ours = {each.identifier for each in kept}
    experiments = tuple(each for each in whole.experiments if each.identifier in ours)
    diagnosed = whole.diagnostics
    return dataclasses.replace(
        whole,
        name=Path(file).stem,
        question=f"{whole.question} {which} alone.",
        experiments=experiments,
        budgets={name: asked for name, asked in whole.budgets.items() if name in ours},
        num_seeds=whole.num_seeds if scale == "smoke" else num_seeds,
        diagnostics=diagnosed if isinstance(diagnosed, bool) else tuple(each for each in diagnosed if each in ours),
    )


def one_environment(file: str, name: str, environment: str, scale: Scale, num_seeds: int) -> Study:
    """All that a study has of one environment."""
    kept = [each for each in from_catalogue(name, scale).experiments if each.environment == environment]
    return part(file, name, f"On {environment}", scale, num_seeds, kept)
