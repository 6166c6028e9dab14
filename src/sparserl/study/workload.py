"""The workload of one run: its steps, the size of its networks, and what it keeps on disk."""

import math
from typing import NamedTuple

from sparserl.experiment.choices import Experiment
from sparserl.experiment.kinds import Networks
from sparserl.experiment.memory import replay_bytes
from sparserl.experiment.planning import (
    break_evens,
    by_name,
    layer_shapes,
    make_networks,
    nominal_sparsities,
    specification,
)
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
    first_computed_parameters: int  # the same at the first step, when pruning has not begun
    finished_bytes: int  # policy and evaluations
    running_bytes: int  # beside them while it runs: two checkpoints and the replay


def workload(experiment: Experiment) -> Workload:
    """Steps and sizes of one run of a planned experiment."""
    spec = specification(experiment)
    networks = make_networks(experiment, spec)
    parameters = sum(network.num_parameters() for network in by_name(networks).values())
    spared, used = _spared_weights(experiment, networks), parameters + _repeated_weights(networks)
    num_evaluations, length_steps = _num_evaluations(experiment), _evaluation_length_steps(experiment, spec)
    state_bytes = _state_bytes(experiment, parameters - spared, parameters)
    return Workload(
        environment_steps=experiment.total_steps * experiment.num_environments,
        num_evaluations=num_evaluations,
        evaluation_length_steps=length_steps,
        evaluation_steps=num_evaluations * experiment.evaluation.num_episodes * length_steps,
        parameters=parameters,
        computed_parameters=used - spared,
        first_computed_parameters=used if experiment.method_name == "prune" else used - spared,
        finished_bytes=state_bytes + num_evaluations * _ROW_BYTES + _SMALL_FILES_BYTES,
        running_bytes=2 * state_bytes + _segments_bytes(experiment, spec),
    )


def _spared_weights(experiment: Experiment, networks: Networks) -> int:
    """The dead weights of compressed layers, in the end."""
    sparsities, shapes = nominal_sparsities(experiment, networks), layer_shapes(networks)
    sizes = {layer: math.prod(shapes[layer]) for layer in break_evens(experiment, networks, sparsities)}
    return sum(size - experiment.method.final_live(size, sparsities[layer]) for layer, size in sizes.items())


def _repeated_weights(networks: Networks) -> int:
    """Weights of convolutions, as often as they are used for one observation beyond the first time."""
    members = by_name(networks).values()
    repeated = lambda network: (
        (places - 1) * math.prod(network.layer_shapes[layer]) for layer, places in network.positions.items()
    )
    return sum(sum(repeated(network)) for network in members)


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


def _state_bytes(experiment: Experiment, kept: int, parameters: int) -> int:
    """Parameters and moments, targets, and topologies: a byte for each weight, or a compressed one's indices."""
    targets = 1 if experiment.kind.target_groups else 0
    topology = 4 * _FLOAT_BYTES * kept if experiment.storage == "compressed" else parameters
    return (_SLOTS + targets) * _FLOAT_BYTES * kept + topology


def _segments_bytes(experiment: Experiment, spec: EnvSpec) -> int:
    """The replay as checkpoints have it."""
    num_bytes = replay_bytes(experiment, spec)
    return num_bytes if spec.stacked_frames == 1 else num_bytes // _FRAME_COMPRESSION
