"""Figure 4, centre: SAC at 80 % with weight decay 0, 1e-6, 1e-4 and 1e-3, all methods and dense.

Assumed: Walker2d. Dense networks of full size come beside those of as many parameters. At scale paper 200 runs and 40
of those.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    decays = paper.at(scale, [0.0, 1e-4], [0.0, 1e-4, 1e-3], [0.0, 1e-6, 1e-4, 1e-3])
    return paper.recorded(
        "sac",
        scale,
        Study(
            "figure_4_weight_decay",
            "Does weight decay help sparse methods, which choose weights by magnitude?",
            paper.part(
                "sac", scale, *paper.SENSITIVITY, paper.SENSITIVITY_SPARSITY, weight_decay=decays, preset=preset
            ),
            paper.num_seeds("sac", scale),
            figures=(Figure("figure_4_weight_decay", "SAC at 80 % by weight decay", x="weight_decay"),),
            preset=preset,
        ),
    )
