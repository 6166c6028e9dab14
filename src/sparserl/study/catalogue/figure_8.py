"""Figure 8: DQN on CartPole, Acrobot and MountainCar, 50 to 99 %, ERK above and uniform below.

Assumed: these five sparsities, ten seeds. The dense networks of both rows are the same. At scale paper 780 runs of
the upper row, and 600 more of the lower one.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.grids import distinct
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    values = (*paper.SPARSITIES, paper.HIGHEST)
    erk = paper.main_grid("dqn", scale, paper.CLASSIC, values, preset=preset)
    uniform = paper.main_grid("dqn", scale, paper.CLASSIC, values, distribution="uniform", preset=preset)
    return Study(
        "figure_8",
        "How do DQN's returns on classic control fall with the number of parameters, sparse and dense?",
        distinct([*erk, *uniform]),
        paper.num_seeds("dqn", scale),
        figures=(Figure("figure_8", "DQN by number of parameters, ERK and uniform", rows="distribution"),),
        diagnostics=True,  # figure 5 shows them, of runs that it shares with this one
        preset=preset,
    )
