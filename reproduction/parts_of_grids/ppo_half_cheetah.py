"""PPO's main grid (figure 16) on HalfCheetah alone, and SAC's dense network, by which returns are divided.

.venv/bin/sparserl study run reproduction/parts_of_grids/ppo_half_cheetah.py --scale quick
"""

from of_the_catalogue import one_environment

from sparserl.study import Scale, Study


def study(scale: Scale) -> Study:
    return one_environment(__file__, "figure_16", "HalfCheetah-v5", scale, num_seeds=5)
