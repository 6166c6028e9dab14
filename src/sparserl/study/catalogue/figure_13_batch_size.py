"""Figure 13, right: SAC at 80 % with five batch sizes, all methods and dense.

Assumed: Walker2d, and batches of 32 to 512, as the paper names none. Dense networks of full size come beside those of
as many parameters. At scale paper 250 runs and 50 of those.
"""

from typing import Any

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    choices: dict[str, Any] = {"agent.batch_size": paper.at(scale, [32, 64], [32, 128, 256], [32, 64, 128, 256, 512])}
    return paper.recorded(
        "sac",
        scale,
        Study(
            "figure_13_batch_size",
            "Do small batches hurt RigL, which grows by a batch's gradients, more than other methods?",
            paper.part("sac", scale, *paper.SENSITIVITY, paper.SENSITIVITY_SPARSITY, **choices, preset=preset),
            paper.num_seeds("sac", scale),
            figures=(Figure("figure_13_batch_size", "SAC at 80 % by batch size", x="agent.batch_size"),),
            preset=preset,
        ),
    )
