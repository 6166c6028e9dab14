"""Figure 14, right: DQN on Acrobot, ERK and uniform, all layers sparse.

Assumed: 50 to 99 %. All runs are figure 8's. At scale paper 460 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.grids import distinct
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    values = paper.sparsities(scale, (*paper.SPARSITIES, paper.HIGHEST))
    return Study(
        "figure_14_dqn",
        "Is ERK better than uniform sparsity for DQN on Acrobot?",
        distinct(paper.part("dqn", scale, "Acrobot-v1", values, distribution=["erk", "uniform"], preset=preset)),
        paper.num_seeds("dqn", scale),
        figures=(Figure("figure_14_dqn", "DQN on Acrobot", x="sparsity", columns="distribution"),),
        preset=preset,
    )
