"""The hall: an experiment as data, the agent and environments it stands for, and one run of it."""

from sparserl.environments import close as close_environment
from sparserl.environments import seed_shared_generators
from sparserl.experiment.budget import Budget, asked_parameters, with_budget
from sparserl.experiment.building import Built, build, check, check_choices
from sparserl.experiment.choices import RESULTS_VERSION, Experiment, canonical
from sparserl.experiment.description import describe
from sparserl.experiment.environment import (
    environment_obstacle,
    make_environment,
    make_evaluation_environment,
    num_made,
    try_filming,
    unseeded,
    unseeded_in,
)
from sparserl.experiment.facts import facts, known_facts, with_facts
from sparserl.experiment.filming import Film, Shot, film
from sparserl.experiment.kinds import AGENTS, AgentKind, agents_for
from sparserl.experiment.machine import compiler_target, machine_class
from sparserl.experiment.matching import Matched, matched, matched_dense, matched_networks, rounds_otherwise
from sparserl.experiment.memory import check_memory
from sparserl.experiment.plan import Plan, PlannedLayer, canonical_plan, plan_of, planned
from sparserl.experiment.published import from_preset
from sparserl.experiment.reports import Report, RunFailure, Standing, live_density
from sparserl.experiment.resuming import Captured, Resume
from sparserl.experiment.robustness import next_returns, noise_arithmetic, noise_row, under_noise
from sparserl.experiment.running import run
from sparserl.experiment.setting import LARGEST_SEED, check_types, choice_names, unknown_choice, with_choices
from sparserl.experiment.side_by_side import Told, obstacle_to_side_by_side, run_seeds, seed_bytes
from sparserl.experiment.stored import experiment_in, policy_arrays, rebuild, stored_experiment

__all__ = [
    "AGENTS",
    "LARGEST_SEED",
    "RESULTS_VERSION",
    "AgentKind",
    "Budget",
    "Built",
    "Captured",
    "Experiment",
    "Film",
    "Matched",
    "Plan",
    "PlannedLayer",
    "Report",
    "Resume",
    "RunFailure",
    "Shot",
    "Standing",
    "Told",
    "agents_for",
    "asked_parameters",
    "build",
    "canonical",
    "canonical_plan",
    "check",
    "check_choices",
    "check_memory",
    "check_types",
    "choice_names",
    "close_environment",
    "compiler_target",
    "describe",
    "environment_obstacle",
    "experiment_in",
    "facts",
    "film",
    "from_preset",
    "known_facts",
    "live_density",
    "machine_class",
    "make_environment",
    "make_evaluation_environment",
    "matched",
    "matched_dense",
    "matched_networks",
    "next_returns",
    "noise_arithmetic",
    "noise_row",
    "num_made",
    "obstacle_to_side_by_side",
    "plan_of",
    "planned",
    "policy_arrays",
    "rebuild",
    "rounds_otherwise",
    "run",
    "run_seeds",
    "seed_bytes",
    "seed_shared_generators",
    "stored_experiment",
    "try_filming",
    "under_noise",
    "unknown_choice",
    "unseeded",
    "unseeded_in",
    "with_budget",
    "with_choices",
    "with_facts",
]
