"""Width at constant live weights: DQN on MinAtar, whose convolutional network has a dense layer of many widths.

.venv/bin/sparserl study run reproduction/width/width_minatar.py --output results/width
"""

import widths

from sparserl.study import Scale, Study


def study(scale: Scale) -> Study:
    return widths.study("minatar", scale)
