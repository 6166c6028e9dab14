"""Figure 6: noise on what trained DQN policies see, dense, SET and RigL at 100, 50 and 10 %.

Smoke and quick play MinAtar, which needs no package and no GPU, in place of Atari.
It needs no training of its own: these are runs of figure 10, which are evaluated under noise once they have finished.
Assumed: the Nature CNN, all seeds, as many episodes as in training. The paper picked policies of like scores by hand;
`report.comparable` picks them by a rule. At scale paper 189 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study

_DEVIATIONS: dict[Scale, tuple[float, ...]] = {
    "smoke": (0, 15, 30),
    "quick": (0, 5, 10, 15, 20, 25, 30),
    "paper": tuple(range(31)),
}


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return Study(
        "figure_6",
        "Are sparse networks more robust to noise on observations than dense ones?",
        paper.pixels("cnn", scale, paper.FIGURE_2_GAMES, (0.5, 0.9), methods=("set", "rigl"), preset=preset),
        paper.at(scale, *paper.ATARI_SEEDS),
        figures=(
            Figure(
                "figure_6",
                "DQN under noise on observations, policies of comparable score",
                kind="noise",
                x="observation_noise",
                y="mean_return",
            ),
        ),
        preset=preset,
        observation_noise=_DEVIATIONS[scale],
    )
