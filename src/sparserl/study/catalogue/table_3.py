"""Table 3: the sweep that chose PPO's hyperparameters, on Walker2d.

Assumed: every combination of weight decay, interval, drop fraction and initialization that has an effect on a method,
one seed, 90 %. At scale paper 368 runs, dense ones of as many parameters included, and 4 of full size.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue.sweeps import sweep
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return Study(
        "table_3",
        "Which hyperparameters are best for PPO with each sparse method?",
        sweep("ppo", scale, "Walker2d-v5", preset=preset),
        num_seeds=1,
        figures=(Figure("table_3", "Best hyperparameters of PPO", "table", x="method"),),
        preset=preset,
    )
