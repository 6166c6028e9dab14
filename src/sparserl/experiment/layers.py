"""Layers: the sparsity that is asked of each kernel, and the density up to which it is kept compressed."""

from collections.abc import Mapping

import jax

from sparserl import linalg
from sparserl.errors import renaming
from sparserl.experiment.choices import Experiment
from sparserl.networks import Sized
from sparserl.sparsity import Distribution, Sparsities
from sparserl.types import UserError, part_of

_CHOSEN_AS = {"kind": "distribution", "overrides": "layer_sparsities"}  # what a Distribution calls its fields
MATRIX_OPTIMIZERS = ("muon",)  # they treat a kernel as a whole, so it must be a matrix


def asked_sparsities(experiment: Experiment, networks: Mapping[str, Sized]) -> Sparsities:
    """The sparsity asked of each layer by "network/layer"; each network is solved on its own."""
    overrides = _pairs("layer_sparsities", "LAYER=SPARSITY, as in hidden_1=0.5", experiment.layer_sparsities)
    of_roles = {"actor": experiment.actor_sparsity, "critic": experiment.critic_sparsity}
    chosen = {name: of_roles.get(experiment.kind.roles.get(name, "")) for name in networks}
    sparsities = {name: experiment.sparsity if value is None else value for name, value in chosen.items()}
    with renaming(lambda field: field._replace(name=_CHOSEN_AS.get(field.name, field.name))):
        distribution = Distribution(
            experiment.distribution, overrides, experiment.dense_last_layer, experiment.rebudget
        )
        return distribution.network_sparsities({name: net.layer_shapes for name, net in networks.items()}, sparsities)


def compression_limits(
    experiment: Experiment, shapes: Mapping[str, tuple[int, ...]], sparsities: Sparsities
) -> dict[str, float]:
    """The density up to which each compressed layer is compressed: as the experiment says, or as suits this machine.

    "auto" compresses each layer whose density is not above its break-even on this machine's backend; "compressed"
    compresses every sparse layer, and raises `UserError` where that cannot be.
    """
    if experiment.storage == "masked":
        return {}
    obstacle = _obstacle(experiment)
    if obstacle and (experiment.storage == "compressed" or experiment.compressed_layers):
        raise UserError(f"{obstacle}; choose masked or auto", field="storage", value="compressed")
    if experiment.compressed_layers:
        return _chosen_limits(experiment, shapes, sparsities)
    of_typed = lambda sparsity: float(1 - part_of(1, sparsity))  # 0.3 where 0.7 was typed, which floats miss
    densities = {} if obstacle else {layer: of_typed(sparsity) for layer, sparsity in sparsities.items()}
    everywhere = experiment.storage == "compressed"
    return linalg.compression_limits(shapes, densities, experiment.agent.batch_size, everywhere)


def typed_limits(limits: Mapping[str, float]) -> tuple[str, ...]:
    """Limits as an experiment's `compressed_layers` says them; they have four decimals, so nothing is lost."""
    return tuple(f"{name}={limit:g}" for name, limit in limits.items())


def _chosen_limits(
    experiment: Experiment, shapes: Mapping[str, tuple[int, ...]], sparsities: Sparsities
) -> dict[str, float]:
    given = dict(_pairs("compressed_layers", "LAYER=DENSITY, as in q/hidden_2=0.4", experiment.compressed_layers))
    dense = [layer for layer in sparsities if len(shapes[layer]) == 2]
    if unknown := sorted(set(given) - set(dense)):
        reason = "convolutions are always masked" if unknown[0] in sparsities else "no sparse layer has this name"
        raise UserError(reason, field="compressed_layers", value=unknown[0], allowed=dense)
    return given


def _obstacle(experiment: Experiment) -> str | None:
    """Why no kernel of this experiment can be compressed on this machine; None where it can."""
    if experiment.is_dense:
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
