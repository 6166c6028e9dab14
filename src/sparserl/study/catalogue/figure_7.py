"""Figure 7: what ERK and uniform sparsity leave of the multiplications of a CNN and a ResNet on MsPacman.

Nothing is trained for it: they follow from shapes and are the same at all scales. The text names no sparsities; these
are those of the other figures.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.grids import distinct, grid
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    costs = (
        grid(
            "dqn",
            environments=paper.FIGURE_2_GAMES[:1],
            sparsities=(*paper.SPARSITIES, paper.HIGHEST),
            methods=("rigl",),
            preset=preset,
            network=kind,
            distribution=["erk", "uniform"],
        )
        for kind in ("cnn", "resnet")
    )
    return Study(
        "figure_7",
        "How do FLOPs fall with sparsity, ERK and uniform, in the CNN and the ResNet?",
        distinct(experiment for each in costs for experiment in each),
        num_seeds=0,
        figures=(Figure("figure_7", "FLOPs by sparsity", "flops"),),
        preset=preset,
    )
