"""Figure 16: PPO on five MuJoCo environments at 50, 90, 95 and 99 %, ERK; 80 % comes with it for figure 2.

This is all of PPO's main grid: figures 1, 2 and 9 take their runs from it. Humanoid is left out from 95 % on, Ant at
99 %, as the caption says. At scale paper 1,035 runs, and the 45 of SAC that returns are divided by.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.grids import distinct
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    ppo = paper.main_grid("ppo", scale, paper.MUJOCO, (*paper.SPARSITIES, paper.HIGHEST), preset=preset)
    return paper.recorded(
        "sac",
        scale,
        Study(
            "figure_16",
            "Up to which sparsity do sparse methods keep PPO's returns over MuJoCo?",
            distinct([*ppo, *paper.published_dense(scale, paper.MUJOCO, preset=preset)]),
            paper.num_seeds("ppo", scale),
            figures=(
                Figure(
                    "figure_16",
                    "PPO over MuJoCo",
                    "bars",
                    x="method",
                    y="normalized_return",
                    columns="sparsity",
                    lines="",
                ),
            ),
            preset=preset,
        ),
    )
