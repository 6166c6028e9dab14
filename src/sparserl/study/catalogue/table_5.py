"""Table 5: the sweep that chose the hyperparameters of the dense IMPALA ResNet, DQN on Atari (appendix A.3).

Smoke and quick play MinAtar, which needs no package and no GPU, in place of Atari.
Assumed: MsPacman, one seed, as the paper names neither. Four weight decays, each half of the paper's because its term
is (Deviation 51), by four learning rates: at scale paper 16 runs, one of them figure 11's. The values of Table 4 were
not searched for.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    decays = [0.5 * decay for decay in paper.at(scale, [1e-5], [0.0, 1e-5], [0.0, 1e-6, 1e-5, 1e-4])]
    rates = paper.at(scale, [1e-4, 1e-3], [1e-4, 1e-3], [1e-4, 2.5e-4, 1e-3, 2.5e-3])
    choices = {"weight_decay": decays, "optimizer.learning_rate": rates}
    return Study(
        "table_5",
        "Which weight decay and learning rate are best for DQN with a dense ResNet?",
        paper.full_pixels("resnet", scale, paper.FIGURE_2_GAMES[:1], preset=preset, **choices),
        num_seeds=1,
        figures=(
            Figure(
                "table_5",
                "Best hyperparameters of DQN with a dense ResNet",
                "table",
                x="optimizer.learning_rate",
                rows="weight_decay",
            ),
        ),
        preset=preset,
    )
