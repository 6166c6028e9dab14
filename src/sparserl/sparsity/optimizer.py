"""The sparse optimizer: the only place that masks (design section 4), over kernels that are masked or compressed."""

import dataclasses
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

import jax
import numpy as np
import optax

from sparserl.linalg import Compressed
from sparserl.sparsity import storage
from sparserl.sparsity.masks import Kernels, Masks, Sparsities, kernels, replace_kernels
from sparserl.sparsity.methods import SparseMethod
from sparserl.sparsity.moments import initial_state, masked_moments, moments, treats_matrices
from sparserl.sparsity.stepping import Initializer, averaged, first_masks, kept, redrawn, stepped
from sparserl.sparsity.trees import masked
from sparserl.types import Array, Aux, Group, Key, Loss, OptState, Params, UserError, part_of, within

MOST_RELAYOUTS = 20  # points of a schedule where storage is looked at again


class SparseState(NamedTuple):
    """What the sparse optimizer remembers: the masks of layers in masked storage, and the inner optimizer's state."""

    masks: Masks
    inner: OptState


class _Change(NamedTuple):
    """What a topology update changes: masks, parameters, inner state, and gradients of compressed layers."""

    masks: Masks
    params: Params
    inner: OptState
    gradients: Kernels


@dataclasses.dataclass(frozen=True)
class SparseOptimizer:
    """An optax optimizer whose dead weights, gradients and moments are exactly zero.

    `sparsities`, `weight_decay` and `break_even` are by layer name ("q/hidden_1"); a layer without a sparsity is
    never masked. `weight_decay` c adds c * sum(w ** 2) to the loss, so 2 c w to the gradient (paper A.3; published
    code, 1.10). `initializer(key, mask)` redraws the kernels of a network that is born sparse; None keeps the dense
    draw, masked. `total_updates` anchors the method's window. `break_even` is the density up to which a layer's kernel
    is stored compressed, by layer; a layer that it does not name stays a dense array. Raises `UserError` for an inner
    optimizer whose moments do not have the weights' shapes (Adafactor), or that treats matrices as wholes (Muon) where
    kernels are compressed, and for a window that never fires.
    """

    inner: optax.GradientTransformation
    method: SparseMethod
    sparsities: Sparsities
    total_updates: int
    weight_decay: Mapping[str, float] = dataclasses.field(default_factory=dict)
    initializer: Initializer | None = None
    break_even: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.method.window is not None:
            with within("method.window"):
                self.method.window.check(self.total_updates)
        if unknown := sorted(set(self.break_even) - set(self.sparsities)):
            raise UserError(f"break_even names {', '.join(unknown)}, which has no sparsity and is never sparse")

    def init(self, key: Key, params: dict[str, Params], with_target: bool) -> Group:
        """Lay the first topology on `params`; the target, where wanted, starts as an exact copy."""
        masks = first_masks(key, self.method, kernels(params), self.sparsities)
        if self.initializer is not None and self.method.born_sparse:
            params = replace_kernels(params, redrawn(key, masks, self.initializer))
        params = masked(masks, params)
        if masks:
            moments(self.inner, params, masks)  # or a UserError
        if masks and self.break_even:
            _refuse_matrices(self.inner, params)
        if self.method.born_sparse:
            capacities = {
                name: self.method.initial_live(mask.size, self.sparsities[name])
                for name, mask in masks.items()
                if part_of(mask.size, self.sparsities[name]) + self._limit(name, mask.size) >= mask.size
            }
            params = storage.compress(params, masks, capacities)
            masks = {name: mask for name, mask in masks.items() if name not in capacities}
        inner = initial_state(self.inner, storage.floats(params))
        return Group(params, params if with_target else None, SparseState(masks, inner))

    def minimize(self, key: Key, num_updates: Array, loss: Loss, group: Group) -> tuple[Group, Aux]:
        """One update: differentiate; where due, change the topology; step on the masked gradients.

        `num_updates` is the 0-based number of this update, a scalar that is never batched: a batched one would turn
        the `lax.cond` into a select that runs every topology update at every step.
        """
        of_floats = lambda floats: loss(storage.with_layouts(floats, group.params))
        (_, aux), gradients = jax.value_and_grad(of_floats, has_aux=True)(storage.floats(group.params))
        masks, params, inner, fresh = self._with_topology(key, num_updates, loss, gradients, group)
        gradients, floats = replace_kernels(gradients, fresh), storage.floats(params)
        updates, inner = stepped(self.inner, masks, self._decayed(gradients, floats), inner, floats)
        floats = masked(masks, optax.apply_updates(floats, updates))
        return Group(storage.with_layouts(floats, params), group.target_params, SparseState(masks, inner)), aux

    def average(self, group: Group, step_size: float) -> Group:
        """Targets moved towards the parameters by `step_size`; 1 copies exactly, topology included.

        An averaged target is first laid onto the online topology, so that a weight that died online dies there too.
        """
        if step_size == 1.0:
            return group._replace(target_params=group.params)
        moves = self.method.window is not None  # elsewhere both have the topology that they were born with
        laid = storage.floats(storage.laid_on(group.params, group.target_params) if moves else group.target_params)
        targets = averaged(group.optimizer_state.masks, laid, storage.floats(group.params), step_size)
        return group._replace(target_params=storage.with_layouts(targets, group.params))

    def relayout_updates(self) -> list[int]:
        """Numbers of updates after which `relayout` is to be called: where pruning may have passed a break-even.

        After the last topology update the waits double, because a copied target stays dense for a while.
        """
        window = self.method.window
        if self.method.born_sparse or window is None or not self.break_even:
            return []
        due = window.due_updates(self.total_updates)
        every = -(-len(due) // MOST_RELAYOUTS)
        waits = (2**i for i in range(self.total_updates.bit_length()))
        afterwards = (due[-1] + wait for wait in waits)
        return sorted({*(u + 1 for u in due[::every]), *(u for u in afterwards if u < self.total_updates)})

    def relayout(self, group: Group) -> Group:
        """Compress what has become sparse enough, and halve capacities that are no longer needed; on the host.

        Shapes change, so what is compiled for the group is compiled again. Its meaning stays the same.
        """
        masks = topology(group)
        targets = {} if group.target_params is None else storage.dense_kernels(group.target_params)
        capacities = {}
        for name in sorted(self.break_even.keys() & masks.keys()):
            kernel, size = kernels(group.params)[name], masks[name].size
            live = max(np.count_nonzero(np.asarray(array)) for array in (masks[name], targets.get(name, ())))
            limit = kernel.layout.capacity / 2 if isinstance(kernel, Compressed) else self._limit(name, size)
            if live <= math.ceil(limit):
                capacities[name] = int(live)
        return self.laid_out(group, capacities) if capacities else group

    def _limit(self, name: str, size: int) -> Fraction:
        """Up to how many live weights a layer of `size` weights is compressed; below 0 where it never is."""
        return part_of(size, self.break_even.get(name, -1.0))

    def laid_out(self, group: Group, capacities: Mapping[str, int]) -> Group:
        """The same group with the layers of `capacities` compressed, with room for so many live weights."""
        masks, params, targets = topology(group), group.params, group.target_params
        inner = storage.dense_moments(group.optimizer_state.inner, params)
        params = storage.compress(storage.densified(params, capacities), masks, capacities)
        if targets is not None:
            loose = storage.densified(targets, capacities)
            targets = storage.compress(loose, {name: kernels(loose)[name] != 0 for name in capacities}, capacities)
        left = {name: mask for name, mask in group.optimizer_state.masks.items() if name not in capacities}
        return Group(params, targets, SparseState(left, storage.compressed_moments(inner, params)))

    def _with_topology(self, key: Key, num_updates: Array, loss: Loss, gradients: Params, group: Group) -> _Change:
        """The topology of this update with weights and moments laid on it: new-born and just-dropped ones are zero.

        Compressed layers take their gradients from a dense pass here, because the weights that are born in this update
        are stepped in it, too, and no compressed gradient knows them.
        """
        window, (old, inner) = self.method.window, group.optimizer_state
        packed = storage.compressed_kernels(group.params)
        same = _Change(old, group.params, inner, {name: kernels(gradients)[name] for name in packed})
        if window is None or not (old or packed):
            return same

        def changed(before: _Change) -> _Change:
            progress = window.progress(num_updates, self.total_updates)
            params = storage.densified(before.params, packed)
            slopes = jax.grad(lambda params: loss(params)[0])(params) if packed else gradients
            masks = {**before.masks, **storage.masks(before.params)}
            of_masked = lambda tree: {name: kernels(tree)[name] for name in masks}
            wanted = of_masked(slopes) if self.method.wants_gradients else None
            new = self.method.update(key, progress, masks, of_masked(params), wanted, self.sparsities)
            old_ones = kept(masks, new)
            dense = storage.dense_moments(before.inner, before.params)
            settled = masked_moments(old_ones, moments(self.inner, params, masks), dense, params)
            capacities = {name: kernel.layout.capacity for name, kernel in packed.items()}
            params = storage.compress(masked(old_ones, params), new, capacities)
            return _Change(
                {name: new[name] for name in old},
                params,
                storage.compressed_moments(settled, params),
                storage.gathered(slopes, params),
            )

        due = window.due(num_updates, self.total_updates)
        return jax.lax.cond(due, changed, lambda before: before, same)

    def _decayed(self, gradients: Params, params: Params) -> Params:
        slopes, weights = kernels(gradients), kernels(params)
        decayed = {name: slopes[name] + 2.0 * c * weights[name] for name, c in self.weight_decay.items() if c}
        return replace_kernels(gradients, decayed)


def topology(group: Group) -> Masks:
    """All masks of a group's parameters, bool `[in, out]`, whichever way their layers are stored."""
    return {**group.optimizer_state.masks, **storage.masks(group.params)}


def num_live(group: Group) -> dict[str, int]:
    """How many weights of each kernel in `topology` are alive; counted on the host, no program is compiled for it."""
    dense = {name: int(np.count_nonzero(np.asarray(mask))) for name, mask in group.optimizer_state.masks.items()}
    packed = storage.compressed_kernels(group.params)
    return dense | {name: int(np.asarray(kernel.layout.output_starts)[-1]) for name, kernel in packed.items()}


def _refuse_matrices(inner: optax.GradientTransformation, params: Params) -> None:
    """Where kernels are compressed, a kernel's state must be the same as that of a plain vector."""
    if treats_matrices(inner, params):
        raise UserError(
            "the inner optimizer treats a kernel as a matrix, which compressed storage does not have: use storage "
            "masked, or adam, adamw, sgd, rmsprop or lion"
        )
