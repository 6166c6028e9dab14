"""DQN's main grid of classic control (figure 8) at 90 and 95 % by ERK, and at 90 % with uniform sparsity.

.venv/bin/sparserl study run reproduction/parts_of_grids/dqn_classic.py --scale quick
"""

from of_the_catalogue import part

from sparserl.study import Scale, Study
from sparserl.study.catalogue import paper


def study(scale: Scale) -> Study:
    erk = paper.main_grid("dqn", scale, paper.CLASSIC, (0.9, 0.95))
    uniform = paper.main_grid("dqn", scale, paper.CLASSIC, (0.9,), distribution="uniform")
    return part(__file__, "figure_8", "At 90 and 95 % sparsity", scale, 5, [*erk, *uniform])
