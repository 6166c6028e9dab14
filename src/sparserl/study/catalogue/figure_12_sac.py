"""Figure 12, row 2: figure 2 with uniform sparsity, SAC on HalfCheetah, Walker2d and Humanoid.

At scale paper 480 runs, and those of dense networks, which are figure 15's.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return paper.recorded(
        "sac",
        scale,
        Study(
            "figure_12_sac",
            "How do SAC's returns fall with the number of parameters where sparsity is uniform?",
            paper.main_grid("sac", scale, paper.FIGURE_2, paper.SPARSITIES, distribution="uniform", preset=preset),
            paper.num_seeds("sac", scale),
            figures=(Figure("figure_12_sac", "SAC by number of parameters, uniform sparsity"),),
            preset=preset,
        ),
    )
