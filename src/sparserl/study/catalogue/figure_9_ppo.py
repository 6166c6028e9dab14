"""Figure 9, bottom: PPO on Hopper and Ant, 50 to 95 %, ERK.

All runs are figure 16's. At scale paper 378 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return Study(
        "figure_9_ppo",
        "How do PPO's returns fall with the number of parameters, sparse and dense, on Hopper and Ant?",
        paper.main_grid("ppo", scale, paper.FIGURE_9, paper.SPARSITIES, preset=preset),
        paper.num_seeds("ppo", scale),
        figures=(Figure("figure_9_ppo", "PPO by number of parameters, ERK"),),
        preset=preset,
    )
