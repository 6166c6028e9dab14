"""Table 1: the sweep that chose DQN's hyperparameters, on Acrobot.

Assumed: every combination of weight decay, interval, drop fraction and initialization that has an effect on a method,
one seed, 90 %. At scale paper 368 runs, dense ones of as many parameters included, and 4 of full size.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.catalogue.sweeps import sweep
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return paper.recorded(
        "dqn",
        scale,
        Study(
            "table_1",
            "Which hyperparameters are best for DQN with each sparse method?",
            sweep("dqn", scale, "Acrobot-v1", preset=preset),
            num_seeds=1,
            figures=(Figure("table_1", "Best hyperparameters of DQN", "table", x="method"),),
            preset=preset,
        ),
    )
