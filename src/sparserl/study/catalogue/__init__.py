"""The catalogue: a study for every figure and table of the paper that has runs (Graesser et al. 2022).

A module here is what a study file of one's own is: it defines `study(scale) -> Study`. Modules ask `paper` for the
parts that figures share, so equal parts are equal experiments, which are run once in a results directory.
"""

import pkgutil

_PREFIXES = ("figure_", "table_")  # of modules that are studies; others are shared by them


def catalogue_names() -> list[str]:
    """The studies of the catalogue, figures first, in the order of the paper."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith(_PREFIXES)]
    return sorted(names, key=lambda name: (name.split("_")[0], int(name.split("_")[1]), name))
