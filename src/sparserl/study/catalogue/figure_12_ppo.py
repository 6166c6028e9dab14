"""Figure 12, row 3: figure 2 with uniform sparsity, PPO on HalfCheetah, Walker2d and Humanoid.

At scale paper 432 runs, and those of dense networks, which but for 95 % of Humanoid are figure 16's.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return Study(
        "figure_12_ppo",
        "How do PPO's returns fall with the number of parameters where sparsity is uniform?",
        paper.main_grid("ppo", scale, paper.FIGURE_2, paper.SPARSITIES, distribution="uniform", preset=preset),
        paper.num_seeds("ppo", scale),
        figures=(Figure("figure_12_ppo", "PPO by number of parameters, uniform sparsity"),),
        preset=preset,
    )
