"""Figure 15: SAC on five MuJoCo environments at 50, 90, 95 and 99 %, ERK; 80 % comes with it for figure 2.

This is all of SAC's main grid: figures 1, 2 and 9 take their runs from it. Ant and Humanoid are left out at 99 %, as
the caption says. At scale paper 1,200 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return Study(
        "figure_15",
        "Up to which sparsity do sparse methods keep SAC's returns over MuJoCo?",
        paper.main_grid("sac", scale, paper.MUJOCO, (*paper.SPARSITIES, paper.HIGHEST), preset=preset),
        paper.num_seeds("sac", scale),
        figures=(
            Figure(
                "figure_15", "SAC over MuJoCo", "bars", x="method", y="normalized_return", columns="sparsity", lines=""
            ),
        ),
        diagnostics=True,  # figure 5 shows them, of runs that it shares with this one
        preset=preset,
    )
