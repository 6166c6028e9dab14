"""Figure 6: noise on what trained DQN policies see, dense, SET and RigL at 100, 50 and 10 %.

Smoke and quick play MinAtar, which needs no package and no GPU, in place of Atari.
It needs no training of its own: these are runs of figure 10, and `sparserl evaluate RUN --observation-noise` makes the
figure of them. Assumed: the Nature CNN, all seeds; the paper chose policies of like scores. At scale paper 189 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return Study(
        "figure_6",
        "Are sparse networks more robust to noise on observations than dense ones?",
        paper.pixels("cnn", scale, paper.FIGURE_2_GAMES, (0.5, 0.9), methods=("set", "rigl"), preset=preset),
        paper.at(scale, *paper.ATARI_SEEDS),
        figures=(Figure("figure_6", "DQN without noise, by number of parameters"),),
        preset=preset,
    )
