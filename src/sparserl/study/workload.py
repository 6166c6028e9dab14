"""The workload of one run: its steps, the size of its networks, and what it keeps on disk."""

import math
from typing import NamedTuple

from sparserl.experiment.choices import Experiment
from sparserl.experiment.memory import replay_bytes
from sparserl.experiment.plan import Plan, plan_of
from sparserl.types import EnvSpec

_FLOAT_BYTES = 4
_SLOTS = 3  # a parameter and Adam's two moments
_ROW_BYTES = 150  # of an evaluation, as Parquet keeps it
_FRAME_COMPRESSION = 20  # of stacked frames; those of five Atari games compress 75- to 290-fold
_SMALL_FILES_BYTES = 40_000  # status, log, manifests, and the ends of the tables


class Workload(NamedTuple):
    """What a run takes, environment steps summed over environments; `_bytes` are estimates."""

    environment_steps: int  # of training
    num_evaluations: int
    evaluation_length_steps: int  # of each environment of an evaluation, at most: every episode as long as it may be
    evaluation_steps: int  # at most, of all of them
    parameters: int  # of all networks, dead ones included
    computed_parameters: int  # those that cost time, as often as one observation uses them: where kernels are
    # compressed the live ones, else all; those of a convolution at every place of its output
    first_computed_parameters: int  # the same of the first updates: pruning begins with all weights
    finished_bytes: int  # policy and evaluations
    running_bytes: int  # beside them while it runs: two checkpoints and the replay


def workload(experiment: Experiment | Plan) -> Workload:
    """Steps and sizes of one run of an experiment."""
    plan = plan_of(experiment)
    choices, parameters = plan.experiment, sum(plan.parameters.values())
    repeated = sum(layer.cost.macs - layer.cost.weights for layer in plan.layers.values())  # of convolutions
    spared = sum(layer.cost.weights - layer.cost.live_weights for layer in plan.compressed_layers.values())
    spared_at_first = sum(layer.cost.weights - layer.initial_live for layer in plan.compressed_layers.values())
    num_evaluations, length_steps = _num_evaluations(choices), _evaluation_length_steps(choices, plan.spec)
    state_bytes = _state_bytes(plan, parameters - spared, parameters)
    return Workload(
        environment_steps=choices.total_steps * choices.num_environments,
        num_evaluations=num_evaluations,
        evaluation_length_steps=length_steps,
        evaluation_steps=num_evaluations * choices.evaluation.num_episodes * length_steps,
        parameters=parameters,
        computed_parameters=parameters + repeated - spared,
        first_computed_parameters=parameters + repeated - (spared if _settles_at_once(plan) else spared_at_first),
        finished_bytes=state_bytes + num_evaluations * _ROW_BYTES + _SMALL_FILES_BYTES,
        running_bytes=2 * state_bytes + _segments_bytes(plan),
    )


def _settles_at_once(plan: Plan) -> bool:
    """Whether the last change of the topology is that of the first update, or there is none at all."""
    window = plan.experiment.method.window
    return window is None or window.last(plan.total_updates) <= 0


def _num_evaluations(experiment: Experiment) -> int:
    """One at the start, one at the first update boundary on or after each multiple of the interval, one at the end."""
    multiples = math.ceil(experiment.total_steps / experiment.evaluation.interval_steps)
    boundaries = math.ceil(experiment.total_steps / experiment.agent.steps_per_update)
    return 1 + min(multiples, boundaries)


def _evaluation_length_steps(experiment: Experiment, spec: EnvSpec) -> int:
    """The longest that any environment of an evaluation plays: its share of the steps, and an episode to its end."""
    settings = experiment.evaluation
    episode_steps = min(spec.time_limit_steps or settings.max_episode_steps, settings.max_episode_steps)
    share_steps = math.ceil(settings.min_steps / settings.num_episodes)
    return max(share_steps - 1, 0) + episode_steps


def _state_bytes(plan: Plan, kept: int, parameters: int) -> int:
    """Parameters and moments, targets, and topologies: a byte for each weight, or a compressed one's indices."""
    targets = 1 if plan.kind.target_groups else 0
    topology = 4 * _FLOAT_BYTES * kept if plan.compressed_layers else parameters
    return (_SLOTS + targets) * _FLOAT_BYTES * kept + topology


def _segments_bytes(plan: Plan) -> int:
    """The replay as checkpoints have it."""
    num_bytes = replay_bytes(plan)
    return num_bytes if plan.spec.stacked_frames == 1 else num_bytes // _FRAME_COMPRESSION
