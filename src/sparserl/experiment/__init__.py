"""The hall: an experiment as data, the agent and environments it stands for, and one run of it."""

from sparserl.experiment.budget import asked_parameters, with_budget
from sparserl.experiment.building import Built, build
from sparserl.experiment.choices import AGENTS, RESULTS_VERSION, Experiment, canonical, from_preset
from sparserl.experiment.description import describe
from sparserl.experiment.planning import planned
from sparserl.experiment.resuming import Captured, machine_class
from sparserl.experiment.running import Report, RunFailure, live_density, run
from sparserl.experiment.stored import policy_arrays, rebuild

__all__ = [
    "AGENTS",
    "RESULTS_VERSION",
    "Built",
    "Captured",
    "Experiment",
    "Report",
    "RunFailure",
    "asked_parameters",
    "build",
    "canonical",
    "describe",
    "from_preset",
    "live_density",
    "machine_class",
    "planned",
    "policy_arrays",
    "rebuild",
    "run",
    "with_budget",
]
