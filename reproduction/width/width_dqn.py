"""Width at constant live weights: DQN on classic control.

.venv/bin/sparserl study run reproduction/width/width_dqn.py --output results/width
"""

import widths

from sparserl.study import Scale, Study


def study(scale: Scale) -> Study:
    return widths.study("dqn", scale)
