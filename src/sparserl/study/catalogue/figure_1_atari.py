"""Figure 1, DQN: 15 Atari games at 90 %, with the Nature CNN and with the IMPALA ResNet.

Smoke and quick play MinAtar, which needs no package and no GPU, in place of Atari.
Scores are human-normalized; MinAtar's are divided by those of full dense networks. All runs are those of
figures 10 and 11. At scale paper 1,620 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.grids import distinct
from sparserl.study.studies import Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    cnn = paper.pixels("cnn", scale, paper.ATARI_15, (0.9,), preset=preset)
    resnet = paper.pixels("resnet", scale, paper.ATARI_15, (0.9,), preset=preset)
    where = paper.games(scale)
    return Study(
        "figure_1_atari",
        f"At 90 % sparsity, which methods keep DQN's scores on {where}, with a CNN and with a ResNet?",
        distinct([*cnn, *resnet]),
        paper.at(scale, *paper.ATARI_SEEDS),
        figures=(paper.human_normalized("figure_1_atari", f"DQN at 90 % sparsity over {where}", "network_kind"),),
        preset=preset,
    )
