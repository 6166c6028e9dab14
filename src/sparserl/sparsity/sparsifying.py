"""The front door: sparse training for anybody's JAX code, as one optax transformation."""

from collections.abc import Collection, Mapping
from typing import Any

import optax

from sparserl.sparsity.choosing import check_plain, chosen_method, chosen_total
from sparserl.sparsity.finding import Select
from sparserl.sparsity.methods import SparseMethod, leaves_all_alive, method_name
from sparserl.sparsity.transformation import Sparsifier
from sparserl.types import Key, UserError

_CHOICES = ("sparsity", "total_updates", "distribution", "overrides", "rebudget", "select", "stacked", "key", "storage")


def sparsify(
    inner: optax.GradientTransformation,
    method: str | SparseMethod,
    *,
    sparsity: float | None = None,
    total_updates: int | None = None,
    distribution: str = "erk",
    overrides: Mapping[str, float] | None = None,
    rebudget: bool = True,
    select: Select | None = None,
    stacked: Collection[str] | None = None,
    key: Key | int | None = None,
    storage: str = "masked",
    **choices: Any,
) -> optax.GradientTransformationExtraArgs:
    """An optax transformation that trains a sparse network: after `optax.apply_updates` dead weights are exactly zero.

        optimizer = sparserl.sparsify(optax.adam(3e-4), "rigl", sparsity=0.9, total_updates=100_000)
        state = optimizer.init(params)
        params = sparserl.born_sparse(params, state)

    inner: what steps the weights; it sees the gradients of live weights alone. Transformations may stand before this
    one in a chain, but none after it. method: a name of `sparserl methods`, or a method that is made. sparsity: the
    fraction of all weights of kernels that is to be zero. total_updates: of the whole training, which windows are parts
    of. distribution, overrides, rebudget: how the sparsity spreads over layers, as for `sparserl.sparsity.erk`;
    overrides are by layer, or by module. select: which float arrays of two or more dimensions are sparse, by path
    "encoder/Dense_0/kernel" and leaf; without it all but embeddings, norms and biases. stacked: layers, or modules,
    whose leaves stack several networks along their first axis, each of which gets a topology of its own; without it
    those of flax's linen.vmap. key: what topologies are drawn from; without it the parameters that `init` gets, so that
    each seed of a `vmap` has its own. storage: "masked" keeps kernels dense arrays with zeros; "compressed" makes every
    sparse matrix a `sparserl.linalg.Compressed`, which `born_sparse` gives, on CPUs; "auto" those for which it pays,
    where it can be. Methods that look at gradients of dead weights then need `update(..., value_fn=loss)`. choices:
    those of the method and of its window (`drop_fraction`, `start_fraction`, `stop_fraction`, `interval_updates`).

    Under `vmap` topologies change only when one of the batch is due. Raises UserError for whatever does not fit, where
    it can be known before anything is computed.
    """
    given = {"sparsity": sparsity, "total_updates": total_updates, "key": key}
    check_plain(given | choices)
    made = chosen_method(method, choices, _CHOICES)
    if sparsity is None and leaves_all_alive(made):
        sparsity = 0.0
    if sparsity is None:
        raise UserError(f"sparsity is not given: {method_name(made)} needs the fraction of weights that are to be zero")
    total = chosen_total(made, total_updates)
    spread = {} if overrides is None else overrides
    stacks = (stacked,) if isinstance(stacked, str) else stacked
    chosen = Sparsifier(inner, made, sparsity, total, distribution, spread, rebudget, select, stacks, key, storage)
    return optax.GradientTransformationExtraArgs(chosen.init, chosen.update)
