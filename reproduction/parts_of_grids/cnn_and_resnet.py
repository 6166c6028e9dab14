"""Figure 1's dense CNN, dense ResNet and ResNet pruned to 90 % on MinAtar's Breakout, alone.

.venv/bin/sparserl study run reproduction/parts_of_grids/cnn_and_resnet.py --scale quick
"""

from of_the_catalogue import part

from sparserl.study import Scale, Study
from sparserl.study.catalogue import paper


def study(scale: Scale) -> Study:
    games = paper.ATARI_15
    pruned = [each for each in paper.pixels("resnet", scale, games, (0.9,)) if each.method_name == "prune"]
    dense = [each for network in ("cnn", "resnet") for each in paper.full_pixels(network, scale, games)]
    kept = [each for each in (*dense, *pruned) if each.environment == paper.STAND_INS[0]]
    return part(__file__, "figure_1_atari", "Dense ones and a pruned ResNet on MinAtar/Breakout-v1", scale, 5, kept)
