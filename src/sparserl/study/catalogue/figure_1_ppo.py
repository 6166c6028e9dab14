"""Figure 1, PPO: five MuJoCo environments at 90 %, beside dense networks of as many parameters and of full size.

Returns are divided by those of SAC's full dense networks, as in the paper, so these are trained, too; they are figure
1's, SAC. At scale paper 270 runs and 45 of SAC.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.grids import distinct
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    ppo = paper.main_grid("ppo", scale, paper.MUJOCO, (0.9,), preset=preset)
    return paper.recorded(
        "sac",
        scale,
        Study(
            "figure_1_ppo",
            "At 90 % sparsity, do sparse methods keep PPO's returns on MuJoCo, and beat dense networks of equal size?",
            distinct([*ppo, *paper.published_dense(scale, paper.MUJOCO, preset=preset)]),
            paper.num_seeds("ppo", scale),
            figures=(
                Figure(
                    "figure_1_ppo",
                    "PPO at 90 % sparsity",
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
