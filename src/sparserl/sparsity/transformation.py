"""The transformation behind `sparsify`: what it remembers, and its two functions."""

import dataclasses
import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sparserl.linalg import Layout
from sparserl.sparsity import checking, packing, storage, surroundings
from sparserl.sparsity.choosing import (
    DISTRIBUTIONS,
    check_fraction,
    check_overrides,
    chosen_sparsities,
)
from sparserl.sparsity.due import when_due
from sparserl.sparsity.finding import Found, Select, find, layers_called, split
from sparserl.sparsity.keys import check_key, halves, key_data
from sparserl.sparsity.layouts import matrix_shapes
from sparserl.sparsity.masks import Kernels, Masks, Sparsities, apply_masks
from sparserl.sparsity.methods import SparseMethod, leaves_all_alive, method_name
from sparserl.sparsity.moments import initial_state, masked_moments, moments
from sparserl.sparsity.stepping import first_masks, kept, landing, stepped
from sparserl.sparsity.trees import layer_names, masked
from sparserl.types import Array, Key, OptState, Params, UserError


class SparsifyState(NamedTuple):
    """What `sparsify` remembers: arrays alone, so that any checkpoint keeps it.

    num_updates: how many there were, int32. key: what every topology is drawn from, the uint32 data of a key. masks:
    bool by layer, True = alive, under the name of the method, so that the state of another is not taken for its own.
    layouts: where the live weights of compressed kernels stand, by layer, in place of a mask. inner: the state of the
    optimizer inside.
    """

    num_updates: Array
    key: Array
    masks: dict[str, Masks]
    layouts: dict[str, Layout]
    inner: OptState


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
    storage: str

    def __post_init__(self) -> None:
        checking.check_transformation(self.inner)
        check_key(self.key)
        if self.distribution not in DISTRIBUTIONS:
            raise UserError(field="distribution", value=self.distribution, allowed=DISTRIBUTIONS)
        if self.storage not in packing.STORAGES:
            raise UserError(field="storage", value=self.storage, allowed=packing.STORAGES)
        if self.storage == "compressed" and (reason := packing.obstacle(self.method)):
            raise UserError(f"{reason}; choose masked or auto", field="storage", value=self.storage)
        if self.select is not None and not callable(self.select):
            raise UserError("it must be a function of a path and a leaf", field="select", value=self.select)
        check_fraction("sparsity", self.sparsity)
        check_overrides(self.overrides)
        chosen_sparsities({"layer": (2, 2)}, self.sparsity, self.distribution, {}, self.rebudget)

    def __getstate__(self) -> dict[str, Any]:
        """What is chosen, and no compiled program: frameworks pickle their optimizers in the middle of training."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def init(self, params: Params) -> SparsifyState:
        """The first topology, and the inner optimizer's state; parameters are masked by `born_sparse`, or `update`."""
        checking.check_dense(params)
        found = self._found(params)
        kernels, sparsities = split(found, params), self._sparsities(found)
        data = key_data(self.key, kernels)
        masks = first_masks(halves(data)[0], self.method, kernels, sparsities)
        if masks:
            moments(self.inner, params, masks)  # or a UserError
        room = packing.capacities(self.storage, self.method, found, params, masks, sparsities)
        room = packing.room_for(self.inner, self.storage, params, room)
        packed = storage.compress(masked(masks, params), masks, room)
        layouts = {name: kernel.layout for name, kernel in storage.compressed_kernels(packed).items()}
        left = {name: mask for name, mask in masks.items() if name not in layouts}
        inner = initial_state(self.inner, storage.floats(packed))
        surroundings.check_inside(inner, SparsifyState)
        return SparsifyState(jnp.int32(0), data, {self._name: left}, layouts, inner)

    def update(
        self, gradients: Params, state: SparsifyState, params: Params | None = None, **extra: Any
    ) -> tuple[Params, SparsifyState]:
        """Updates that take live weights where the inner optimizer steps them, and all others to zero."""
        params = checking.given(params)
        found = self._found(params)
        checking.check_alike("gradients", gradients, params)
        old = checking.masks_of(state, self._name, self._masked_shapes(tuple(kernel[:2] for kernel in found)))
        checking.check_compressed(state.layouts, params)
        if state.layouts:
            return self._update_packed(gradients, state, params, found, **extra)
        checking.check_inner(state.inner, self.inner, params)
        new = self._next_masks(found, state, old, params, gradients)
        alive, inner = kept(old, new), state.inner
        if old:
            fresh = initial_state(self.inner, masked(alive, params))
            inner = masked_moments(alive, moments(self.inner, params, alive), inner, params, fresh)
        updates, inner = stepped(self.inner, new, gradients, inner, masked(alive, params), **extra)
        number = optax.safe_increment(state.num_updates)
        return landing(updates, params, alive, new), SparsifyState(number, state.key, {self._name: new}, {}, inner)

    def _update_packed(
        self, gradients: Params, state: SparsifyState, params: Params, found: list[Found], **extra: Any
    ) -> tuple[Params, SparsifyState]:
        """The same where some kernels are compressed; what changes with their topology changes with it."""
        value_fn, [old] = extra.get("value_fn"), state.masks.values()
        checking.check_value_fn(value_fn, self.method, self._name)
        checking.check_layouts(params, self.method)
        floats, slopes = storage.floats(params), storage.floats(gradients)
        checking.check_inner(state.inner, self.inner, floats)
        all_moments = moments(self.inner, floats, [*old, *state.layouts])
        before, owners = packing.packed(self.inner, all_moments, state.inner, old, state.layouts, floats, slopes)
        after = self._next_packed(found, state, params, slopes, before, owners, value_fn)
        held = packing.with_moments(state.inner, owners, after.moments)
        alive, laid = kept(old, after.masks), storage.replaced(floats, after.values)
        fresh = initial_state(self.inner, masked(alive, laid)) if alive else None
        inner = masked_moments(alive, all_moments, held, laid, fresh)
        if value_fn is not None:
            now = packing.whole(params, after)
            extra["value_fn"] = lambda floats: value_fn(storage.with_layouts(floats, now))
        slopes = storage.replaced(slopes, after.slopes)
        updates, inner = stepped(self.inner, after.masks, slopes, inner, masked(alive, laid), **extra)
        updates = packing.landed(landing(updates, floats, alive, after.masks), params, after)
        number = optax.safe_increment(state.num_updates)
        return updates, SparsifyState(number, state.key, {self._name: after.masks}, after.layouts, inner)

    def _next_packed(
        self,
        found: list[Found],
        state: SparsifyState,
        params: Params,
        slopes: Params,
        before: packing.Packed,
        owners: packing.Owners,
        value_fn: packing.ValueFunction | None,
    ) -> packing.Packed:
        """Topologies of this update, and what lies on them; dense arrays exist only where one is due."""
        window, total = self.method.window, self.total_updates
        if window is None:
            return before

        def change() -> packing.Packed:
            laid = packing.whole(params, before)
            dense = storage.densified(laid, before.layouts)
            fresh = None if value_fn is None else split(found, packing.slopes_of(value_fn, dense))
            known = storage.densified(storage.with_layouts(slopes, laid), before.layouts)
            wanted = (fresh or split(found, known)) if self.method.wants_gradients else None
            masks = dict(sorted({**before.masks, **storage.masks(laid)}.items()))
            key = jax.random.fold_in(halves(state.key)[1], state.num_updates)
            progress, weights = window.progress(state.num_updates, total), apply_masks(masks, split(found, dense))
            new = self.method.update(key, progress, masks, weights, wanted, dict(self._sparsities(found)))
            return packing.moved(before, new, owners, fresh)

        return when_due(jnp.asarray(window.due(state.num_updates, total)), change, lambda: before)

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

    @functools.cached_property
    def _masked_shapes(self) -> Callable[[tuple[tuple[str, Any], ...]], dict[str, tuple[int, ...]]]:
        """The shapes of the masks that the method makes for such kernels; it may leave some out."""

        @functools.cache
        def masked_shapes(shapes: tuple[tuple[str, Any], ...]) -> dict[str, tuple[int, ...]]:
            kernels = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in shapes}
            sparsities = chosen_sparsities(dict(shapes), *self._spread) if shapes else {}
            of = lambda data, kernels: first_masks(halves(data)[0], self.method, kernels, sparsities)
            masks = jax.eval_shape(of, jax.ShapeDtypeStruct((2,), jnp.uint32), kernels)
            return {name: mask.shape for name, mask in masks.items()}

        return masked_shapes

    @property
    def _spread(self) -> tuple[float, str, Mapping[str, float], bool]:
        return self.sparsity, self.distribution, self.overrides, self.rebudget

    def _sparsities(self, found: list[Found]) -> Sparsities:
        shapes = matrix_shapes({kernel.name: kernel.shape for kernel in found})
        return chosen_sparsities(shapes, *self._spread) if found else {}

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

    def _moved_when_due(
        self,
        sparsities: tuple[tuple[str, float], ...],
        num_updates: Array,
        key_data: Array,
        old: Masks,
        weights: Kernels,
        slopes: Kernels | None,
    ) -> Masks:
        window, total = self.method.window, self.total_updates
        assert window is not None

        def change() -> Masks:
            _, update_key = halves(key_data)
            key, progress = jax.random.fold_in(update_key, num_updates), window.progress(num_updates, total)
            return self.method.update(key, progress, old, apply_masks(old, weights), slopes, dict(sparsities))

        return when_due(jnp.asarray(window.due(num_updates, total)), change, lambda: old)
