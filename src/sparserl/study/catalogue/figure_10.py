"""Figure 10: DQN with the Nature CNN on 15 Atari games, 50 to 99 %, ERK.

Smoke and quick play MinAtar, which needs no package and no GPU, in place of Atari.
Assumed: these five sparsities. This is all of the CNN's main grid: figures 1, 2, 6 and 17 take their runs from it. At
scale paper 3,510 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    where = paper.games(scale, "each of 15 Atari games")
    return Study(
        "figure_10",
        f"How do DQN's scores fall with the number of a CNN's parameters on {where}?",
        paper.pixels("cnn", scale, paper.ATARI_15, (*paper.SPARSITIES, paper.HIGHEST), preset=preset),
        paper.at(scale, *paper.ATARI_SEEDS),
        figures=(Figure("figure_10", "DQN with a CNN by number of parameters, ERK"),),
        preset=preset,
    )
