"""Figure 2, row 1: DQN with the Nature CNN on MsPacman, Pong and Qbert, 50 to 95 %, ERK.

Smoke and quick play MinAtar, which needs no package and no GPU, in place of Atari.
All runs are figure 10's. At scale paper 567 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    where = paper.games(scale, "three Atari games")
    return Study(
        "figure_2_atari",
        f"How do DQN's scores fall with the number of parameters, sparse and dense, on {where}?",
        paper.pixels("cnn", scale, paper.FIGURE_2_GAMES, paper.SPARSITIES, preset=preset),
        paper.at(scale, *paper.ATARI_SEEDS),
        figures=(Figure("figure_2_atari", "DQN by number of parameters, ERK"),),
        preset=preset,
    )
