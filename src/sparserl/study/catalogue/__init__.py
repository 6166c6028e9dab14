"""The catalogue: a study for every figure of the paper, and every table of results (Graesser et al. 2022).

A module here is what a study file of one's own is: it defines `study(scale) -> Study`. Modules ask `paper` for the
parts that figures share, so equal parts are equal experiments, which are run once in a results directory.
"""

import pkgutil

WITHOUT_RUNS = {  # tables of choices, which nothing is trained for, with the command that shows them
    "table_4": "sparserl describe dqn rigl --environment atari:Pong --network cnn",
    "table_6": "sparserl describe dqn rigl --environment CartPole-v1",
    "table_7": "sparserl describe dqn rigl --environment atari:Pong --network resnet",
    "table_8": "sparserl describe sac rigl --environment HalfCheetah-v5",
}
_PREFIXES = ("figure_", "table_")  # of modules that are studies; others are shared by them


def catalogue_names() -> list[str]:
    """The studies of the catalogue, figures first, in the order of the paper."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith(_PREFIXES)]
    return sorted(names, key=lambda name: (name.split("_")[0], int(name.split("_")[1]), name))
