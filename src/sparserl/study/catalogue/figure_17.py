"""Figure 17: DQN with the Nature CNN over 15 Atari games, 50 to 99 %, ERK.

Smoke and quick play MinAtar, which needs no package and no GPU, in place of Atari.
Scores are human-normalized; MinAtar's are divided by those of full dense networks. All runs are figure 10's. At
scale paper 3,510 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return Study(
        "figure_17",
        f"Up to which sparsity do sparse methods keep DQN's scores over {paper.games(scale)} with a CNN?",
        paper.pixels("cnn", scale, paper.ATARI_15, (*paper.SPARSITIES, paper.HIGHEST), preset=preset),
        paper.at(scale, *paper.ATARI_SEEDS),
        figures=(paper.human_normalized("figure_17", f"DQN with a CNN over {paper.games(scale)}", "sparsity"),),
        preset=preset,
    )
