"""Width at constant live weights, SAC on HalfCheetah: narrow and wider networks with larger learning rates.

.venv/bin/sparserl study run reproduction/width/width_sac_learning_rates.py --output results/width
"""

import widths

from sparserl.study import Scale, Study


def study(scale: Scale) -> Study:
    return widths.study_of_learning_rates(scale)
