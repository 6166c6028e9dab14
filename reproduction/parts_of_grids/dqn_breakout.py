"""DQN's main grid of pixels (figure 10) on MinAtar's Breakout alone.

.venv/bin/sparserl study run reproduction/parts_of_grids/dqn_breakout.py --scale quick
"""

from of_the_catalogue import one_environment

from sparserl.study import Scale, Study


def study(scale: Scale) -> Study:
    return one_environment(__file__, "figure_10", "MinAtar/Breakout-v1", scale, num_seeds=3)
