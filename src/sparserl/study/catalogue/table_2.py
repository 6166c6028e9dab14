"""Table 2: the sweep that chose SAC's hyperparameters, on Walker2d.

Assumed: every combination of weight decay, interval, drop fraction and initialization that has an effect on a method,
one seed, 90 %. At scale paper 368 runs, dense ones of as many parameters included, and 4 of full size.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.catalogue.sweeps import sweep
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return paper.recorded(
        "sac",
        scale,
        Study(
            "table_2",
            "Which hyperparameters are best for SAC with each sparse method?",
            sweep("sac", scale, "Walker2d-v5", preset=preset),
            num_seeds=1,
            figures=(Figure("table_2", "Best hyperparameters of SAC", "table", x="method"),),
            preset=preset,
        ),
    )
