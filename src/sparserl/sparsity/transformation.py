"""The front door: sparse training for anybody's JAX code, as one optax transformation."""

import dataclasses
import functools
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sparserl.sparsity import checking
from sparserl.sparsity.choosing import (
    DISTRIBUTIONS,
    check_fraction,
    check_overrides,
    chosen_method,
    chosen_sparsities,
    chosen_total,
)
from sparserl.sparsity.due import when_due
from sparserl.sparsity.finding import Found, Select, find, layers_called, split
from sparserl.sparsity.keys import check_key, halves, key_data
from sparserl.sparsity.masks import Masks, Sparsities, apply_masks
from sparserl.sparsity.methods import SparseMethod, leaves_all_alive, method_name
from sparserl.sparsity.moments import initial_state, masked_moments, moments
from sparserl.sparsity.stepping import first_masks, kept, stepped
from sparserl.sparsity.trees import by_leaf, layer_names, masked
from sparserl.types import Array, Key, OptState, Params, UserError

_CHOICES = ("sparsity", "total_updates", "distribution", "overrides", "rebudget", "select", "stacked", "key")


class SparsifyState(NamedTuple):
    """What `sparsify` remembers: arrays alone, so that any checkpoint keeps it.

    num_updates: how many there were, int32. key: what every topology is drawn from, the uint32 data of a key. masks:
    bool by layer, True = alive, under the name of the method, so that the state of another is not taken for its own.
    inner: the state of the optimizer inside.
    """

    num_updates: Array
    key: Array
    masks: dict[str, Masks]
    inner: OptState


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
    each seed of a `vmap` has its own. choices: those of the method and of its window (`drop_fraction`,
    `start_fraction`, `stop_fraction`, `interval_updates`).

    Under `vmap` topologies change only when one of the batch is due. Raises UserError for whatever does not fit, where
    it can be known before anything is computed.
    """
    made = chosen_method(method, choices, _CHOICES)
    if sparsity is None and leaves_all_alive(made):
        sparsity = 0.0
    if sparsity is None:
        raise UserError(f"sparsity is not given: {method_name(made)} needs the fraction of weights that are to be zero")
    total = chosen_total(made, total_updates)
    spread = {} if overrides is None else overrides
    stacks = (stacked,) if isinstance(stacked, str) else stacked
    chosen = Sparsifier(inner, made, sparsity, total, distribution, spread, rebudget, select, stacks, key)
    return optax.GradientTransformationExtraArgs(chosen.init, chosen.update)


@dataclasses.dataclass(frozen=True)
class Sparsifier:
    """What is chosen in `sparsify`, and the two functions of the transformation."""

    inner: optax.GradientTransformation
    method: SparseMethod
    sparsity: float
    total_updates: int
    distribution: str
    overrides: Mapping[str, float]
    rebudget: bool
    select: Select | None
    stacked: Collection[str] | None
    key: Key | int | None

    def __post_init__(self) -> None:
        checking.check_transformation(self.inner)
        check_key(self.key)
        if self.distribution not in DISTRIBUTIONS:
            raise UserError(field="distribution", value=self.distribution, allowed=DISTRIBUTIONS)
        if self.select is not None and not callable(self.select):
            raise UserError("it must be a function of a path and a leaf", field="select", value=self.select)
        check_fraction("sparsity", self.sparsity)
        check_overrides(self.overrides)
        chosen_sparsities({"layer": (2, 2)}, self.sparsity, self.distribution, {}, self.rebudget)

    def init(self, params: Params) -> SparsifyState:
        """The first topology, and the inner optimizer's state; parameters are masked by `born_sparse`, or `update`."""
        found = self._found(params)
        kernels = split(found, params)
        data = key_data(self.key, kernels)
        masks = first_masks(halves(data)[0], self.method, kernels, self._sparsities(found) if found else {})
        if masks:
            moments(self.inner, params, masks)  # or a UserError
        return SparsifyState(jnp.int32(0), data, {self._name: masks}, initial_state(self.inner, masked(masks, params)))

    def update(
        self, gradients: Params, state: SparsifyState, params: Params | None = None, **extra: Any
    ) -> tuple[Params, SparsifyState]:
        """Updates that take live weights where the inner optimizer steps them, and all others to zero."""
        params = checking.given(params)
        found = self._found(params)
        checking.check_alike("gradients", gradients, params)
        old = checking.masks_of(state, self._name, {kernel.name: kernel.shape for kernel in found})
        checking.check_inner(state.inner, self.inner, params)
        new = self._next_masks(found, state, old, params, gradients)
        alive, inner = kept(old, new), state.inner
        if old:
            inner = masked_moments(alive, moments(self.inner, params, alive), inner, params)
        updates, inner = stepped(self.inner, new, gradients, inner, masked(alive, params), **extra)
        number = optax.safe_increment(state.num_updates)
        return _landing(updates, params, alive, new), SparsifyState(number, state.key, {self._name: new}, inner)

    @functools.cached_property
    def _name(self) -> str:
        return method_name(self.method)

    def _found(self, params: Params) -> list[Found]:
        """The kernels that are to be sparse: none in dense training, where names that nothing has are wrong, too."""
        if not leaves_all_alive(self.method):
            return find(params, self.select, self.stacked)
        for word in self.overrides:
            layers_called(word, "overrides", layer_names(params))
        return []

    def _sparsities(self, found: list[Found]) -> Sparsities:
        shapes = {kernel.name: kernel.shape for kernel in found}
        return chosen_sparsities(shapes, self.sparsity, self.distribution, self.overrides, self.rebudget)

    def _next_masks(
        self, found: list[Found], state: SparsifyState, old: Masks, params: Params, gradients: Params
    ) -> Masks:
        """The masks of this update."""
        if not old or self.method.window is None:
            return old
        slopes = split(found, gradients) if self.method.wants_gradients else None
        arrays = jax.lax.stop_gradient((split(found, params), slopes))
        return self._moved(tuple(self._sparsities(found).items()), state.num_updates, state.key, old, *arrays)

    @functools.cached_property
    def _moved(self) -> Any:
        """As a program of its own, which calls outside of `jit` compile once."""
        return jax.jit(self._moved_when_due, static_argnums=0)

    def _moved_when_due(self, sparsities: tuple[tuple[str, float], ...], *operands: Any) -> Masks:
        window, total = self.method.window, self.total_updates
        assert window is not None

        def change(operands: Any) -> Masks:
            num_updates, key_data, old, weights, slopes = operands
            _, update_key = halves(key_data)
            key, progress = jax.random.fold_in(update_key, num_updates), window.progress(num_updates, total)
            return self.method.update(key, progress, old, apply_masks(old, weights), slopes, dict(sparsities))

        due = jnp.asarray(window.due(operands[0], total))
        return when_due(due, change, lambda operands: operands[2], operands)


def _landing(updates: Params, params: Params, alive: Masks, new: Masks) -> Params:
    """What to add to `params`: dead weights end at exactly zero, new-born ones where a step from zero leads."""
    leaves, structure = jax.tree.flatten(updates)
    places = zip(leaves, jax.tree.leaves(params), by_leaf(alive, params), by_leaf(new, params), strict=True)
    return jax.tree.unflatten(structure, [_landed(*place) for place in places])


def _landed(update: Array, weight: Array, alive: Array | None, new: Array | None) -> Array:
    if alive is None or new is None:
        return update
    wide = jnp.promote_types(update.dtype, weight.dtype)  # in which a weight and its negative add up to zero
    step, weight = update.astype(wide), weight.astype(wide)
    return jnp.where(alive, step, jnp.where(new, step - weight, -weight))
