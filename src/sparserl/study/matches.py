"""Matches: what a dense network of as many parameters stands for, beside which sparse ones figures draw it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sparserl.experiment import Experiment, matched_networks, rounds_otherwise


class Match(NamedTuple):
    """Sparse networks of a study that a dense network has as many parameters as."""

    sparsity: float
    distribution: str
    dense_last_layer: bool


def matches(experiments: Sequence[Experiment]) -> Mapping[str, tuple[Match, ...]]:
    """What each dense experiment stands for, by identifier; those of full size, and sparse ones, for nothing.

    Sparse networks of different distributions may have the same dense one.
    """
    cells: dict[Any, Experiment] = {}
    for experiment in sorted(experiments, key=rounds_otherwise):  # as `grid` matches them
        if not experiment.is_dense:
            cells.setdefault((_place(experiment), experiment.network, *_sparsities(experiment)), experiment)
    stands_for: dict[Any, list[Match]] = {}
    for sparse in cells.values():
        match = Match(sparse.sparsity, sparse.distribution, sparse.dense_last_layer)
        stands_for.setdefault(_architecture(matched_networks(sparse)), []).append(match)
    return {
        experiment.identifier: tuple(sorted(set(stands_for.get(_architecture(experiment), ()))))
        if experiment.is_dense
        else ()
        for experiment in experiments
    }


def _place(experiment: Experiment) -> tuple[Any, ...]:
    where = experiment.environment, experiment.environment_backend, experiment.fake_features
    return experiment.agent_name, experiment.total_steps, *where


def _sparsities(experiment: Experiment) -> tuple[Any, ...]:
    by_network = experiment.sparsity, experiment.actor_sparsity, experiment.critic_sparsity
    by_layer = experiment.distribution, experiment.layer_sparsities, experiment.dense_last_layer, experiment.rebudget
    return experiment.critic_hidden_units, *by_network, *by_layer


def _architecture(experiment: Experiment) -> tuple[Any, ...]:
    return _place(experiment), experiment.network, experiment.critic_hidden_units
