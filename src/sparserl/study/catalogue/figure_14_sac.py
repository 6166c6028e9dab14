"""Figure 14, left and centre: SAC on HalfCheetah, ERK and uniform, all layers sparse or the last one dense.

Assumed: 50 to 99 %. With ERK and all layers sparse the runs are figure 15's, with uniform sparsity and up to 95 %
figure 12's. At scale paper 400 runs with the last layer dense, and their dense networks, beside 460 with all layers
sparse.
"""

from typing import Any

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.grids import distinct
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    values = paper.sparsities(scale, (*paper.SPARSITIES, paper.HIGHEST))
    choices: dict[str, Any] = {"distribution": ["erk", "uniform"], "dense_last_layer": [False, True]}
    return paper.recorded(
        "sac",
        scale,
        Study(
            "figure_14_sac",
            "How much of what ERK gains over uniform sparsity is a dense last layer?",
            distinct(paper.part("sac", scale, "HalfCheetah-v5", values, **choices, preset=preset)),
            paper.num_seeds("sac", scale),
            figures=(
                Figure(
                    "figure_14_sac", "SAC on HalfCheetah", x="sparsity", rows="dense_last_layer", columns="distribution"
                ),
            ),
            preset=preset,
        ),
    )
