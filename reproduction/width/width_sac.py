"""Width at constant live weights: SAC on HalfCheetah.

.venv/bin/sparserl study run reproduction/width/width_sac.py --output results/width
"""

import widths

from sparserl.study import Scale, Study


def study(scale: Scale) -> Study:
    return widths.study("sac", scale)
