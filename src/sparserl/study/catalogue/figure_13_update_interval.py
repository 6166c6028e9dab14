"""Figure 13, centre: SAC at 80 % with 100 to 5,000 updates between changes of the topology.

Assumed: Walker2d, and pruning, SET and RigL, as in the text; the caption has static, which has no interval. Dense
networks come beside them, for scale. At scale paper 150 runs and 20 of dense networks.
"""

from typing import Any

from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure, Scale, Study


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    choices: dict[str, Any] = {
        "method.window.interval_updates": paper.at(scale, [25, 50], [250, 1_000, 5_000], [100, 250, 500, 1_000, 5_000])
    }
    return paper.recorded(
        "sac",
        scale,
        Study(
            "figure_13_update_interval",
            "How often should a topology change?",
            paper.part(
                "sac",
                scale,
                *paper.SENSITIVITY,
                paper.SENSITIVITY_SPARSITY,
                ("prune", "set", "rigl"),
                **choices,
                preset=preset,
            ),
            paper.num_seeds("sac", scale),
            figures=(
                Figure(
                    "figure_13_update_interval", "SAC at 80 % by update interval", x="method.window.interval_updates"
                ),
            ),
            preset=preset,
        ),
    )
