"""SAC at 90 % on Humanoid, of which the paper claims most, and on HalfCheetah beside it: SET, RigL and dense networks.

.venv/bin/sparserl study run reproduction/parts_of_grids/sac_humanoid.py --scale quick

At scale quick the catalogue's figure 2 has no Humanoid, which takes longer than the others. Steps are as few as theirs.
"""

from sparserl.study import Scale, Study
from sparserl.study.catalogue import paper
from sparserl.study.studies import Figure


def study(scale: Scale) -> Study:
    return Study(
        "sac_humanoid",
        "Do SET and RigL keep more of a dense network's return on Humanoid than on HalfCheetah?",
        tuple(
            experiment
            for environment in ("HalfCheetah-v5", "Humanoid-v5")
            for experiment in paper.part("sac", scale, environment, (0.9,), ("set", "rigl"))
        ),
        5 if scale == "quick" else paper.num_seeds("sac", scale),
        figures=(Figure("sac_humanoid", "SAC at 90 % by number of parameters, ERK"),),
        preset="paper",
    )
