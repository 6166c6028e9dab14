"""The workload of one run: its steps, the size of its networks, and what it keeps on disk."""

import math
from typing import NamedTuple

from sparserl.agents.dqn import DQNSettings
from sparserl.agents.sac import SACSettings
from sparserl.experiment.choices import Experiment
from sparserl.experiment.matching import live_parameters
from sparserl.experiment.planning import by_name, make_networks, specification
from sparserl.types import Box, EnvSpec

_FLOAT_BYTES = 4
_SLOTS = 3  # a parameter and Adam's two moments
_ROW_BYTES = 150  # of an evaluation, as Parquet keeps it
_SMALL_FILES_BYTES = 40_000  # status, log, manifests, and the ends of the tables


class Workload(NamedTuple):
    """What a run takes, environment steps summed over environments; `_bytes` are estimates."""

    environment_steps: int  # of training
    num_evaluations: int
    evaluation_length_steps: int  # of each environment of an evaluation, at most: every episode as long as it may be
    evaluation_steps: int  # at most, of all of them
    parameters: int  # of all networks, dead ones included
    computed_parameters: int  # those that cost time: the live ones where kernels are compressed, else all
    finished_bytes: int  # policy and evaluations
    running_bytes: int  # beside them while it runs: two checkpoints and the replay


def workload(experiment: Experiment) -> Workload:
    """Steps and sizes of one run of a planned experiment."""
    spec = specification(experiment)
    parameters = sum(network.num_parameters() for network in by_name(make_networks(experiment, spec)).values())
    live = sum(live_parameters(experiment).values())
    compressed = experiment.storage == "compressed"
    num_evaluations, length_steps = _num_evaluations(experiment), _evaluation_length_steps(experiment, spec)
    state_bytes = _state_bytes(experiment, live if compressed else parameters, parameters)
    return Workload(
        environment_steps=experiment.total_steps * experiment.num_environments,
        num_evaluations=num_evaluations,
        evaluation_length_steps=length_steps,
        evaluation_steps=num_evaluations * experiment.evaluation.num_episodes * length_steps,
        parameters=parameters,
        computed_parameters=live if compressed else parameters,
        finished_bytes=state_bytes + num_evaluations * _ROW_BYTES + _SMALL_FILES_BYTES,
        running_bytes=2 * state_bytes + _replay_bytes(experiment, spec),
    )


def _num_evaluations(experiment: Experiment) -> int:
    """One at the start, one at the first update boundary on or after each multiple of the interval, one at the end."""
    multiples = math.ceil(experiment.total_steps / experiment.evaluation.interval_steps)
    boundaries = math.ceil(experiment.total_steps / experiment.agent.steps_per_update)
    return 1 + min(multiples, boundaries)


def _evaluation_length_steps(experiment: Experiment, spec: EnvSpec) -> int:
    """One episode or, where an evaluation has a number of steps, the one before whose end a share of them is made."""
    settings = experiment.evaluation
    episode_steps = min(spec.time_limit_steps or settings.max_episode_steps, settings.max_episode_steps)
    share_steps = math.ceil(settings.min_steps / settings.num_episodes)
    return max(share_steps - 1, 0) + episode_steps


def _state_bytes(experiment: Experiment, kept: int, parameters: int) -> int:
    """Parameters and moments, targets, and topologies: a byte for each weight, or a compressed one's indices."""
    targets = 1 if isinstance(experiment.agent, DQNSettings | SACSettings) else 0
    topology = 4 * _FLOAT_BYTES * kept if experiment.storage == "compressed" else parameters
    return (_SLOTS + targets) * _FLOAT_BYTES * kept + topology


def _replay_bytes(experiment: Experiment, spec: EnvSpec) -> int:
    """Segments of transitions: two observations, an action, a reward and two flags each."""
    if not isinstance(experiment.agent, DQNSettings | SACSettings):
        return 0
    action = math.prod(spec.action.shape) if isinstance(spec.action, Box) else 1
    observation = math.prod(spec.observation_shape) * spec.observation_dtype.itemsize
    transition_bytes = 2 * observation + _FLOAT_BYTES * (action + 1) + 2
    steps = min(experiment.agent.replay_capacity_steps, experiment.total_steps)
    return steps * experiment.num_environments * transition_bytes
