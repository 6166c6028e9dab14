"""RigL at 90 % on classic control, with weights drawn as sparse networks want them and as dense networks have them.

.venv/bin/sparserl study run reproduction/initialiser/initialiser.py
"""

from sparserl.experiment import planned
from sparserl.study import Figure, Scale, Study
from sparserl.study.catalogue import paper


def study(scale: Scale) -> Study:
    drawn = [
        experiment
        for environment in paper.environments(scale, paper.CLASSIC)
        for aware in (True, False)
        for experiment in paper.part("dqn", scale, environment, (0.9,), ("rigl",), sparsity_aware_initialization=aware)
        if experiment.method_name == "rigl"
    ]
    curves = Figure(
        "initialiser",
        "RigL at 90 %",
        "curves",
        x="environment_steps",
        y="mean_return",
        lines="sparsity_aware_initialization",
    )
    return Study(
        "initialiser",
        "Is it the sparsity-aware initialiser that keeps RigL from learning MountainCar?",
        tuple(map(planned, drawn)),
        num_seeds=2 if scale == "smoke" else 10,
        figures=(curves,),
        preset="paper",
    )
