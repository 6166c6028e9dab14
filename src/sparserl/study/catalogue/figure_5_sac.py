"""Figure 5, centre and right: signal-to-noise ratio of the gradients of SAC's actor and critics on MuJoCo.

Assumed: RigL, whose growth such gradients decide, 50 to 95 %, and dense networks. The runs are those of other
figures, with diagnostics recorded. At scale paper 450 runs.
"""

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    names = paper.environments(scale, paper.MUJOCO)
    ratio = Figure(
        "figure_5_sac",
        "Signal-to-noise ratio of gradients, SAC",
        "curves",
        x="environment_steps",
        y="signal_to_noise",
        rows="network",
        lines="sparsity",
    )
    return Study(
        "figure_5_sac",
        "Are the gradients that SAC's sparse networks grow by more than noise?",
        paper.signal_to_noise("sac", scale, names, preset),
        paper.num_seeds("sac", scale),
        figures=(ratio,),
        diagnostics=True,
        preset=preset,
    )
