"""Figure 2, row 3: PPO on HalfCheetah, Walker2d and Humanoid, 50 to 95 %, ERK.

95 % of Humanoid is left out, as in figure 16, whose runs these are. At scale paper 522 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return Study(
        "figure_2_ppo",
        "How do PPO's returns fall with the number of parameters, sparse and dense, on three MuJoCo environments?",
        paper.main_grid("ppo", scale, paper.FIGURE_2, paper.SPARSITIES, preset=preset),
        paper.num_seeds("ppo", scale),
        figures=(Figure("figure_2_ppo", "PPO by number of parameters, ERK"),),
        preset=preset,
    )
