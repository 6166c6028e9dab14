"""Figure 5, left: signal-to-noise ratio of DQN's gradients on classic control, at several sparsities.

Assumed: RigL, whose growth such gradients decide, 50 to 95 %, and dense networks. The runs are those of other
figures, with diagnostics recorded. At scale paper 270 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    names = paper.environments(scale, paper.CLASSIC)
    ratio = Figure(
        "figure_5_dqn",
        "Signal-to-noise ratio of gradients, DQN",
        "curves",
        x="environment_steps",
        y="signal_to_noise",
        rows="network",
        lines="sparsity",
    )
    return Study(
        "figure_5_dqn",
        "Are the gradients that DQN's sparse networks grow by more than noise?",
        paper.signal_to_noise("dqn", scale, names, preset),
        paper.num_seeds("dqn", scale),
        figures=(ratio,),
        diagnostics=True,
        preset=preset,
    )
