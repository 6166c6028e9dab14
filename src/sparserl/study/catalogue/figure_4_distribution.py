"""Figure 4, left: SAC with ERK and with uniform sparsity, 50 to 95 %.

Assumed: the environment of the paper's sweeps, Walker2d. All runs are those of figures 2 and 12. At scale paper 370
runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.grids import distinct
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    erk = paper.main_grid("sac", scale, paper.SENSITIVITY, paper.SPARSITIES, preset=preset)
    uniform = paper.main_grid("sac", scale, paper.SENSITIVITY, paper.SPARSITIES, distribution="uniform", preset=preset)
    return paper.recorded(
        "sac",
        scale,
        Study(
            "figure_4_distribution",
            "Is ERK better than uniform sparsity for SAC?",
            distinct([*erk, *uniform]),
            paper.num_seeds("sac", scale),
            figures=(Figure("figure_4_distribution", "SAC with ERK and uniform sparsity", columns="distribution"),),
            preset=preset,
        ),
    )
