"""The sweeps that chose the paper's hyperparameters (appendix A.3), without runs that repeat another."""

import operator
from collections.abc import Mapping
from typing import Any

from sparserl.experiment import Experiment, from_preset
from sparserl.presets import PresetName
from sparserl.study.catalogue import paper
from sparserl.study.studies import Scale


def sweep(agent: paper.AgentName, scale: Scale, environment: str, preset: PresetName) -> tuple[Experiment, ...]:
    """The sweep behind Tables 1 to 3: every combination of what has an effect on a method of these four choices."""
    decays, fractions = [0.0, 1e-6, 1e-4, 1e-3], [0.0, 0.1, 0.2, 0.3, 0.5]
    choices: dict[str, Any] = {
        "weight_decay": paper.at(scale, [1e-6], [0.0, 1e-4], decays),
        "sparsity_aware_initialization": paper.at(scale, [True], [True, False], [True, False]),
        "method.drop_fraction": paper.at(scale, [0.3], [0.1, 0.5], fractions),
        "method.window.interval_updates": paper.at(scale, [25, 50], [250, 1_000], [100, 250, 500, 1_000, 5_000]),
    }
    every = paper.part(agent, scale, environment, (0.9,), preset=preset, **choices)
    return tuple(experiment for experiment in every if not _repeats(experiment, choices, preset))


def _repeats(experiment: Experiment, swept: Mapping[str, Any], preset: PresetName) -> bool:
    """Whether another of the sweep differs from it in nothing that has an effect; the preset's own one is kept.

    A sparse network that is born dense, as pruning's, has its weights drawn as those of a dense one in any case, and
    where nothing is dropped, the interval at which that is not done does not matter.
    """
    if not experiment.is_dense and not experiment.method.born_sparse:
        name = "sparsity_aware_initialization"
    elif getattr(experiment.method, "drop_fraction", None) == 0:
        name = "method.window.interval_updates"
    else:
        return False
    chosen = operator.attrgetter(name)
    usual = chosen(from_preset(experiment.agent_name, experiment.method_name, experiment.environment, preset))
    return bool(chosen(experiment) != (usual if usual in swept[name] else swept[name][0]))
