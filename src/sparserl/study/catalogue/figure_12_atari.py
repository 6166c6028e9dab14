"""Figure 12, row 1: figure 2 with uniform sparsity, DQN on MsPacman, Pong and Qbert.

Smoke and quick play MinAtar, which needs no package and no GPU, in place of Atari.
At scale paper 432 runs, and those of dense networks, which are figure 10's.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return Study(
        "figure_12_atari",
        f"How do DQN's scores on {paper.games(scale)} fall with the number of parameters where sparsity is uniform?",
        paper.pixels("cnn", scale, paper.FIGURE_2_GAMES, paper.SPARSITIES, distribution="uniform", preset=preset),
        paper.at(scale, *paper.ATARI_SEEDS),
        figures=(Figure("figure_12_atari", "DQN by number of parameters, uniform sparsity"),),
        preset=preset,
    )
