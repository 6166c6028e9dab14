"""Figure 4, right: SAC at 80 % with weights drawn for the live fan-in or the dense one, ERK and uniform.

Assumed: Walker2d. Dense networks come beside them, for scale. At scale paper 120 runs and 20 of dense networks.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    methods = paper.at(scale, ("static", "rigl"), ("static", "rigl"), ("static", "set", "rigl"))
    return paper.recorded(
        "sac",
        scale,
        Study(
            "figure_4_initialization",
            "Does it help to draw a sparse layer's weights by the inputs that are left?",
            paper.part(
                "sac",
                scale,
                *paper.SENSITIVITY,
                paper.SENSITIVITY_SPARSITY,
                methods,
                distribution=["erk", "uniform"],
                sparsity_aware_initialization=[True, False],
                preset=preset,
            ),
            paper.num_seeds("sac", scale),
            figures=(
                Figure(
                    "figure_4_initialization",
                    "SAC at 80 %, sparsity-aware and dense initialization",
                    x="sparsity_aware_initialization",
                    columns="distribution",
                ),
            ),
            preset=preset,
        ),
    )
