"""Figure 1, SAC: five MuJoCo environments at 90 %, beside dense networks of as many parameters and of full size.

Returns are divided by those of SAC's full dense networks. All runs are figure 15's. At scale paper 300 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return Study(
        "figure_1_sac",
        "At 90 % sparsity, do sparse methods keep SAC's returns on MuJoCo, and beat dense networks of equal size?",
        paper.main_grid("sac", scale, paper.MUJOCO, (0.9,), preset=preset),
        paper.num_seeds("sac", scale),
        figures=(
            Figure(
                "figure_1_sac",
                "SAC at 90 % sparsity",
                "bars",
                x="method",
                y="normalized_return",
                columns="sparsity",
                lines="",
            ),
        ),
        diagnostics=True,  # figure 5 shows them, of runs that it shares with this one
        preset=preset,
    )
