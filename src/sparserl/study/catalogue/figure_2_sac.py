"""Figure 2, row 2: SAC on HalfCheetah, Walker2d and Humanoid, 50 to 95 %, ERK.

The environments are those left over by appendix B, the sparsities those that the text names. All runs are figure
15's. At scale paper 630 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    return Study(
        "figure_2_sac",
        "How do SAC's returns fall with the number of parameters, sparse and dense, on three MuJoCo environments?",
        paper.main_grid("sac", scale, paper.FIGURE_2, paper.SPARSITIES, preset=preset),
        paper.num_seeds("sac", scale),
        figures=(Figure("figure_2_sac", "SAC by number of parameters, ERK"),),
        diagnostics=True,  # figure 5 shows them, of runs that it shares with this one
        preset=preset,
    )
