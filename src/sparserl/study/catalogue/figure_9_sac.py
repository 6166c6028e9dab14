"""Figure 9, top: SAC on Hopper and Ant, 50 to 95 %, ERK.

All runs are figure 15's. At scale paper 420 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return Study(
        "figure_9_sac",
        "How do SAC's returns fall with the number of parameters, sparse and dense, on Hopper and Ant?",
        paper.main_grid("sac", scale, paper.FIGURE_9, paper.SPARSITIES, preset=preset),
        paper.num_seeds("sac", scale),
        figures=(Figure("figure_9_sac", "SAC by number of parameters, ERK"),),
        diagnostics=True,  # figure 5 shows them, of runs that it shares with this one
        preset=preset,
    )
