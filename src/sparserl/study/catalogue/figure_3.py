"""Figure 3: SAC's parameters split between actor and critics, for budgets of 100, 20 and 10 %, dense and RigL.

Assumed, as the paper does not say: nine shares, five environments, ten seeds; a sparse network of 100 % is the dense
one, so there is none. The horizontal line is the dense network of full size, whose runs are figure 15's. At scale
paper 2,250 runs and those 50.
"""

from sparserl.experiment import Budget, Experiment, asked_parameters, canonical, check, from_preset, with_budget
from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.grids import distinct
from sparserl.study.studies import Figure, Scale, Study

REGIMES = (("dense", 1.0), ("dense", 0.2), ("dense", 0.1), ("rigl", 0.2), ("rigl", 0.1))  # method, budget


def study(scale: Scale, preset: PresetName = "paper") -> Study:
    shares = paper.at(scale, (0.1, 0.5), (0.1, 0.3, 0.9), tuple(tenths / 10 for tenths in range(1, 10)))
    environments = paper.environments(scale, paper.MUJOCO)
    split = dict(
        _experiment(scale, preset, environment, method, budget, share)
        for environment in environments
        for method, budget in REGIMES
        for share in shares
    )
    return paper.recorded(
        "sac",
        scale,
        Study(
            "figure_3",
            "Which part of all parameters should SAC's actor have, and does it matter more for sparse networks?",
            distinct([*split, *paper.published_dense(scale, paper.MUJOCO, preset=preset)]),
            paper.num_seeds("sac", scale),
            figures=(Figure("figure_3", "SAC by the actor's part of all parameters", x="actor_share", rows="budget"),),
            budgets={experiment.identifier: budget for experiment, budget in split.items()},
            preset=preset,
        ),
    )


def _experiment(
    scale: Scale, preset: PresetName, environment: str, method: str, budget: float, share: float
) -> tuple[Experiment, Budget]:
    choices = paper.length("sac", scale)
    own = {name: value for name, value in choices.items() if method != "dense" or not name.startswith("method.")}
    whole = from_preset("sac", method, environment, preset, **own)
    asked = Budget(budget, share, asked_parameters(whole, share, budget))
    return check(canonical(with_budget(whole, share, budget))), asked
