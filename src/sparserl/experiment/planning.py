"""The plan of an experiment: its networks, the density of each layer, and how each kernel is stored."""

import dataclasses
import functools
from typing import Any

import jax

from sparserl import environments, linalg
from sparserl.errors import renaming
from sparserl.experiment.choices import Experiment
from sparserl.experiment.kinds import Networks
from sparserl.networks import NetworkSettings, Sized
from sparserl.sparsity import Distribution, Sparsities
from sparserl.types import Environment, EnvSpec, UserError

_CHOSEN_AS = {"kind": "distribution", "overrides": "layer_sparsities"}  # what a Distribution calls its fields
MATRIX_OPTIMIZERS = ("muon",)  # they treat a kernel as a whole, so it must be a matrix


def specification(experiment: Experiment) -> EnvSpec:
    """What the agent may know of the environment."""
    return _specification(experiment.environment, experiment.environment_backend, experiment.fake_features)


def make_environment(experiment: Experiment, num_envs: int) -> Environment:
    """`num_envs` environments as the experiment has them, fake features included."""
    return _made(experiment.environment, num_envs, experiment.environment_backend, experiment.fake_features)


@functools.cache
def _specification(identifier: str, backend: environments.Backend, fake_features: float) -> EnvSpec:
    known = None if fake_features or backend == "compiled" else environments.known_specification(identifier)
    return known or _shown(identifier, backend, fake_features)


def require_environment(experiment: Experiment) -> None:
    """Raises `UserError` where the environment cannot be made here, though it may be known what it shows."""
    _shown(experiment.environment, experiment.environment_backend, experiment.fake_features)


@functools.cache  # making a host environment takes as long as planning ten experiments
def _shown(identifier: str, backend: environments.Backend, fake_features: float) -> EnvSpec:
    return _made(identifier, 1, backend, fake_features).spec


def _made(identifier: str, num_envs: int, backend: environments.Backend, fake_features: float) -> Environment:
    environment = environments.make(identifier, num_envs, backend)
    return environments.FakeFeatures(environment, fake_features) if fake_features else environment


def make_networks(experiment: Experiment, spec: EnvSpec) -> Networks:
    """The networks of an experiment's agent. Raises `UserError` where actions or observations are not for it."""
    return experiment.kind.networks(experiment.agent, spec, experiment.network, critic_network(experiment))


def critic_network(experiment: Experiment) -> NetworkSettings:
    """The network of critics, or of values: the agent's own, but for its widths where others are asked for."""
    widths: Any = {"hidden_units": experiment.critic_hidden_units} if experiment.critic_hidden_units else {}
    return dataclasses.replace(experiment.network, **widths)


def by_name(networks: Networks) -> dict[str, Sized]:
    """All networks of all groups."""
    return {name: network for members in networks.values() for name, network in members.items()}


def layer_shapes(networks: Networks) -> dict[str, tuple[int, ...]]:
    """Kernel shapes by "network/layer"."""
    return {
        f"{name}/{layer}": shape for name, mlp in by_name(networks).items() for layer, shape in mlp.layer_shapes.items()
    }


def nominal_sparsities(experiment: Experiment, networks: Networks) -> Sparsities:
    """The sparsity asked of each layer by "network/layer"; each network is solved on its own."""
    overrides = _pairs("layer_sparsities", "LAYER=SPARSITY, as in hidden_1=0.5", experiment.layer_sparsities)
    members = by_name(networks)
    of_roles = {"actor": experiment.actor_sparsity, "critic": experiment.critic_sparsity}
    chosen = {name: of_roles.get(experiment.kind.roles.get(name, "")) for name in members}
    sparsities = {name: experiment.sparsity if value is None else value for name, value in chosen.items()}
    with renaming(lambda field: field._replace(name=_CHOSEN_AS.get(field.name, field.name))):
        distribution = Distribution(
            experiment.distribution, overrides, experiment.dense_last_layer, experiment.rebudget
        )
        return distribution.network_sparsities({name: mlp.layer_shapes for name, mlp in members.items()}, sparsities)


@functools.cache
def planned(experiment: Experiment) -> Experiment:
    """The same experiment with the storage of every layer decided, so that it is part of the identity of its runs.

    "auto" compresses each layer whose density is not above its break-even on this machine's backend; "compressed"
    compresses every sparse layer, and raises `UserError` where that cannot be. An experiment that is planned already
    comes back as it is, on any machine.
    """
    if experiment.storage == "masked":
        return experiment
    if experiment.compressed_layers:
        return dataclasses.replace(experiment, storage="compressed")
    obstacle = _obstacle(experiment)
    if experiment.storage == "compressed" and obstacle:
        raise UserError(f"{obstacle}; choose masked or auto", field="storage", value="compressed")
    networks = make_networks(experiment, specification(experiment))
    sparsities = {} if obstacle else nominal_sparsities(experiment, networks)
    densities = {layer: 1.0 - sparsity for layer, sparsity in sparsities.items()}
    everywhere = experiment.storage == "compressed"
    limits = linalg.compression_limits(layer_shapes(networks), densities, experiment.agent.batch_size, everywhere)
    if not limits:
        return dataclasses.replace(experiment, storage="masked")
    layers = tuple(f"{name}={limit:g}" for name, limit in limits.items())
    return dataclasses.replace(experiment, storage="compressed", compressed_layers=layers)


def break_evens(experiment: Experiment, networks: Networks, sparsities: Sparsities) -> dict[str, float]:
    """The density up to which each compressed layer of a planned experiment is compressed, by layer name."""
    given = dict(_pairs("compressed_layers", "LAYER=DENSITY, as in q/hidden_2=0.4", experiment.compressed_layers))
    shapes = layer_shapes(networks)
    dense = [layer for layer in sparsities if len(shapes[layer]) == 2]
    if unknown := sorted(set(given) - set(dense)):
        reason = "convolutions are always masked" if unknown[0] in sparsities else "no sparse layer has this name"
        raise UserError(reason, field="compressed_layers", value=unknown[0], allowed=dense)
    if given and (obstacle := _obstacle(experiment)):
        raise UserError(f"{obstacle}; choose masked or auto", field="storage", value="compressed")
    return given


def _obstacle(experiment: Experiment) -> str | None:
    """Why no kernel of this experiment can be compressed on this machine; None where it can."""
    if experiment.method_name == "dense":
        return "a dense network has no sparse layers"
    if experiment.optimizer.name in MATRIX_OPTIMIZERS:
        return f"optimizer {experiment.optimizer.name} needs kernels that are matrices"
    if jax.default_backend() != "cpu":
        return f"compressed kernels are for CPUs and JAX runs on {jax.default_backend()}"
    return linalg.unavailable_reason()


def _pairs(field: str, form: str, texts: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    pairs = []
    for text in texts:
        name, _, value = text.partition("=")
        try:
            pairs.append((name.strip(), float(value)))
        except ValueError:
            raise UserError(f"write {form}", field=field, value=text) from None
    return tuple(pairs)
