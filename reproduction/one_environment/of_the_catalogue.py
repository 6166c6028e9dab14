"""The part of a study of the catalogue that one environment has."""

import dataclasses
from pathlib import Path

from sparserl.study import Scale, Study
from sparserl.study.files import from_catalogue


def one_environment(file: str, name: str, environment: str, scale: Scale, num_seeds: int) -> Study:
    """The same experiments, so that the whole study shares their runs; at smoke with as many seeds as that has."""
    whole = from_catalogue(name, scale)
    kept = tuple(each for each in whole.experiments if each.environment == environment)
    names = {each.identifier for each in kept}
    diagnosed = whole.diagnostics
    return dataclasses.replace(
        whole,
        name=Path(file).stem,
        question=f"{whole.question} On {environment} alone.",
        experiments=kept,
        num_seeds=whole.num_seeds if scale == "smoke" else num_seeds,
        diagnostics=diagnosed if isinstance(diagnosed, bool) else tuple(each for each in diagnosed if each in names),
    )
