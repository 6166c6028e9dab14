"""RigL at 90 % on MountainCar, with weights drawn as sparse networks want them and as dense networks have them.

.venv/bin/sparserl study run reproduction/initialiser/mountain_car.py
"""

from sparserl.experiment import from_preset, planned
from sparserl.study import Scale, Study


def study(scale: Scale) -> Study:
    choices = (
        {"total_steps": 600, "agent.warmup_steps": 100, "evaluation.interval_steps": 300} if scale == "smoke" else {}
    )
    drawn = lambda aware: from_preset(
        "dqn", "rigl", "MountainCar-v0", sparsity=0.9, sparsity_aware_initialization=aware, **choices
    )
    return Study(
        "mountain_car",
        "Is it the sparsity-aware initialiser that keeps RigL from learning MountainCar?",
        (planned(drawn(True)), planned(drawn(False))),
        num_seeds=2 if scale == "smoke" else 10,
        preset="paper",
    )
