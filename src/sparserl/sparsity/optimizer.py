"""The sparse optimizer: the only place that masks (design section 4)."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sparserl.sparsity.masks import Densities, Kernels, Masks, apply_masks, kernels, replace_kernels
from sparserl.sparsity.methods import SparseMethod
from sparserl.types import Array, Aux, Group, Key, Loss, OptState, Params, UserError


class SparseState(NamedTuple):
    """What the sparse optimizer remembers: the topology, and the inner optimizer's state."""

    masks: Masks
    inner: OptState


@dataclasses.dataclass(frozen=True)
class SparseOptimizer:
    """An optax optimizer whose dead weights, gradients and moments are exactly zero.

    `densities` and `weight_decay` are by layer name ("q/hidden_1"); a layer without a density is never masked.
    `weight_decay` c adds c * sum(w ** 2) to the loss, so 2 c w to the gradient (paper A.3; published code, 1.10).
    `initializer(key, mask)` redraws the kernels of a network that is born sparse; None keeps the dense draw, masked.
    `total_updates` anchors the method's window. Raises `UserError` for an inner optimizer whose moments have not the
    weights' shapes (Adafactor), and for a window that never fires.
    """

    inner: optax.GradientTransformation
    method: SparseMethod
    densities: Densities
    total_updates: int
    weight_decay: Mapping[str, float] = dataclasses.field(default_factory=dict)
    initializer: Callable[[Key, Array], Array] | None = None

    def __post_init__(self) -> None:
        if self.method.window is not None:
            self.method.window.check(self.total_updates)

    def init(self, key: Key, params: dict[str, Params], with_target: bool) -> Group:
        """Lay the first topology on `params`; the target, where wanted, starts as an exact copy."""
        mask_key, redraw_key = jax.random.split(key)
        dense = kernels(params)
        masks = self.method.init(mask_key, {name: dense[name] for name in self.densities}, self.densities)
        if self.initializer is not None and self.method.born_sparse:
            keys = jax.random.split(redraw_key, max(len(masks), 1))
            drawn = {name: self.initializer(keys[i], masks[name]) for i, name in enumerate(sorted(masks))}
            params = replace_kernels(params, drawn)
        params = _masked(masks, params)
        inner = _initial_state(self.inner, params)
        if masks:
            _refuse_foreign_moments(inner, params)
        return Group(params, params if with_target else None, SparseState(masks, inner))

    def minimize(self, key: Key, num_updates: Array, loss: Loss, group: Group) -> tuple[Group, Aux]:
        """One update: differentiate; where due, change the topology; step on the masked gradients.

        `num_updates` is the 0-based number of this update, a scalar that is never batched: a batched one would turn
        the `lax.cond` into a select that runs every topology update at every step.
        """
        (_, aux), gradients = jax.value_and_grad(loss, has_aux=True)(group.params)
        masks, params, inner = self._with_topology(key, num_updates, gradients, group)
        gradients = _masked(masks, self._decayed(gradients, params))
        updates, inner = optax.with_extra_args_support(self.inner).update(gradients, inner, params)
        params = _masked(masks, optax.apply_updates(params, updates))
        return Group(params, group.target_params, SparseState(masks, inner)), aux

    def average(self, num_updates: Array, group: Group, step_size: float) -> Group:
        """Targets moved towards the parameters by `step_size`; 1 copies exactly, topology included.

        An averaged target is first laid onto the online topology, so that a weight that died online dies there too.
        """
        del num_updates  # compressed storage needs it
        if step_size == 1.0:
            return group._replace(target_params=group.params)
        laid = _masked(group.optimizer_state.masks, group.target_params)
        targets = jax.tree.map(lambda t, p: (1.0 - step_size) * t + step_size * p, laid, group.params)
        return group._replace(target_params=targets)

    def relayout(self, group: Group) -> Group:
        """Masked storage keeps its shapes: nothing to lay out again."""
        return group

    def _with_topology(
        self, key: Key, num_updates: Array, gradients: Params, group: Group
    ) -> tuple[Masks, Params, OptState]:
        """The topology of this update with weights and moments laid on it: new-born and just-dropped ones are zero."""
        window, (old, inner) = self.method.window, group.optimizer_state
        if window is None or not old:
            return old, group.params, inner
        layers: Callable[[Params], Kernels] = lambda tree: {name: kernels(tree)[name] for name in old}

        def changed(old: Masks, params: Params, inner: OptState) -> tuple[Masks, Params, OptState]:
            progress = window.progress(num_updates, self.total_updates)
            wanted = layers(gradients) if self.method.wants_gradients else None
            new = self.method.update(key, progress, old, layers(params), wanted, self.densities)
            kept = {name: new[name] & old[name] for name in old}
            return new, _masked(kept, params), _masked_moments(kept, inner)

        same = lambda *state: state
        return jax.lax.cond(window.due(num_updates, self.total_updates), changed, same, old, group.params, inner)

    def _decayed(self, gradients: Params, params: Params) -> Params:
        slopes, weights = kernels(gradients), kernels(params)
        decayed = {name: slopes[name] + 2.0 * c * weights[name] for name, c in self.weight_decay.items() if c}
        return replace_kernels(gradients, decayed)


def _masked(masks: Masks, params: Params) -> Params:
    return replace_kernels(params, apply_masks(masks, {name: kernels(params)[name] for name in masks}))


def _initial_state(inner: optax.GradientTransformation, params: Params) -> OptState:
    try:
        return inner.init(params)
    except (TypeError, AttributeError, ValueError) as error:
        raise UserError(f"the inner optimizer does not accept plain parameters: {error}") from error


def _words(path: tuple[Any, ...]) -> tuple[str, ...]:
    """A tree path as plain words: dictionary keys, field names and positions."""
    return tuple(str(getattr(step, "key", getattr(step, "name", getattr(step, "idx", step)))) for step in path)


def _owner(words: tuple[str, ...], names: Mapping[tuple[str, ...], Any]) -> tuple[str, ...] | None:
    """The longest parameter path that `words` ends with."""
    tails = (words[start:] for start in range(len(words)))
    return next((tail for tail in tails if tail in names), None)


def _masked_moments(masks: Masks, inner: OptState) -> OptState:
    """Zero every per-weight moment outside `masks`; moments are found by tree path in any optax state."""
    paths = {(*name.split("/"), "kernel"): mask for name, mask in masks.items()}

    def settle(path: tuple[Any, ...], leaf: Array) -> Array:
        owner = _owner(_words(path), paths)
        return leaf if owner is None else jnp.where(paths[owner], leaf, jnp.zeros_like(leaf))

    return jax.tree_util.tree_map_with_path(settle, inner)


def _refuse_foreign_moments(inner: OptState, params: Params) -> None:
    """What belongs to one parameter must have its shape, and nothing may hold all parameters in one array."""
    shapes = {_words(path): leaf.shape for path, leaf in jax.tree_util.tree_leaves_with_path(params)}
    num_parameters = sum(math.prod(shape) for shape in shapes.values())
    for path, leaf in jax.tree_util.tree_leaves_with_path(inner):
        owner = _owner(_words(path), shapes)
        flattened = owner is None and jnp.size(leaf) >= num_parameters
        if flattened or (owner is not None and shapes[owner] != jnp.shape(leaf)):
            weight = "no single parameter" if owner is None else f"{'/'.join(owner)} {list(shapes[owner])}"
            raise UserError(
                f"inner optimizer state {_state_name(inner, path)} has shape {list(jnp.shape(leaf))} for {weight}, but "
                "moments are reset weight by weight: use adam, adamw, sgd, rmsprop, lion or muon"
            )


def _state_name(state: Any, path: tuple[Any, ...]) -> str:
    """The innermost named tuple on the way to a leaf, and its field: "FactoredState.v_row"."""
    name = "state"
    for step in path:
        if hasattr(step, "name") and hasattr(state, step.name):
            name, state = f"{type(state).__name__}.{step.name}", getattr(state, step.name)
        else:
            state = state[getattr(step, "key", getattr(step, "idx", None))]
    return name
