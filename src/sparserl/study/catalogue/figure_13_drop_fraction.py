"""Figure 13, left: SAC at 80 % with drop fractions 0 to 0.5, SET and RigL.

Assumed: Walker2d. Dense networks come beside them, for scale. At scale paper 100 runs and 20 of dense networks.
"""

from typing import Any

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    choices: dict[str, Any] = {
        "method.drop_fraction": paper.at(scale, [0.0, 0.3], [0.0, 0.1, 0.3, 0.5], [0.0, 0.1, 0.2, 0.3, 0.5])
    }
    return paper.recorded(
        "sac",
        scale,
        Study(
            "figure_13_drop_fraction",
            "How much of a topology should SET and RigL move at an update?",
            paper.part(
                "sac",
                scale,
                *paper.SENSITIVITY,
                paper.SENSITIVITY_SPARSITY,
                ("set", "rigl"),
                **choices,
                preset=preset,
            ),
            paper.num_seeds("sac", scale),
            figures=(Figure("figure_13_drop_fraction", "SAC at 80 % by drop fraction", x="method.drop_fraction"),),
            preset=preset,
        ),
    )
