"""SAC's main grid (figure 15) on HalfCheetah alone.

.venv/bin/sparserl study run reproduction/parts_of_grids/sac_half_cheetah.py --scale quick
"""

from of_the_catalogue import one_environment

from sparserl.study import Scale, Study


def study(scale: Scale) -> Study:
    return one_environment(__file__, "figure_15", "HalfCheetah-v5", scale, num_seeds=5)
