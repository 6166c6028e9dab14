"""Packing: what `sparsify` does with compressed kernels: which can be, how their topologies change, where they land."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from sparserl import linalg
from sparserl.linalg import Compressed, Layout
from sparserl.sparsity import storage
from sparserl.sparsity.finding import Found
from sparserl.sparsity.masks import Kernels, Masks, Sparsities
from sparserl.sparsity.methods import SparseMethod, leaves_all_alive
from sparserl.sparsity.moments import Moment, initial_state, treats_matrices
from sparserl.sparsity.trees import layer_names, leaves
from sparserl.types import Array, OptState, Params, UserError

STORAGES = ("masked", "compressed", "auto")
NOMINAL_BATCH_SIZE = 256  # an optimizer does not know its batches; around here the break-even hardly depends on them

ValueFunction = Callable[[Params], Array]


class Packed(NamedTuple):
    """What belongs to compressed kernels by layer name, and changes with the topology; and the masks of all others."""

    masks: Masks
    layouts: dict[str, Layout]
    values: Kernels
    slopes: Kernels
    moments: list[Array]


class Owners(NamedTuple):
    """Whose each of the moments is, where it stands in the state, and what all are at first, by the layers' values."""

    names: list[str]
    state_leaves: list[int]
    first: Callable[[Kernels], list[Array]]


def obstacle(method: SparseMethod) -> str | None:
    """Why nothing can be compressed, whatever the network; None where it can."""
    if leaves_all_alive(method):
        return "a dense network has no sparse kernels"
    if jax.default_backend() != "cpu":
        return f"compressed kernels are for CPUs and JAX runs on {jax.default_backend()}"
    return linalg.unavailable_reason()


def capacities(
    chosen: str, method: SparseMethod, found: list[Found], params: Params, masks: Masks, sparsities: Sparsities
) -> dict[str, int]:
    """How many live weights each kernel has room for that is to be compressed.

    "compressed": every sparse matrix of float32; "auto": those of a density that pays, where any can be. Thin matrices
    that are dense join them: otherwise XLA turns all activations around on the way from one kind to the other. Raises
    UserError where "compressed" is asked for and no kernel, or one of another type, could be.
    """
    if chosen == "masked" or (chosen == "auto" and obstacle(method)):
        return {}
    types = dict(zip(layer_names(params), (leaf.dtype for leaf in leaves(params)), strict=True))
    room: dict[str, int] = {}
    thin: dict[str, int] = {}
    for kernel in found:
        size = kernel.shape[0] * kernel.shape[-1]
        live = method.final_live(size, sparsities[kernel.name])
        if kernel.name not in masks or kernel.member is not None or len(kernel.shape) != 2:
            continue
        if types[kernel.name] != jnp.float32:
            if chosen == "auto":
                continue
            reason = (
                f"{kernel.name} is of {types[kernel.name]}, and compressed kernels of float32; choose masked or auto"
            )
            raise UserError(reason, field="storage", value=chosen)
        if live == size:
            thin |= {kernel.name: size} if min(kernel.shape) <= linalg.THIN else {}
            continue
        pays = live <= size * linalg.break_even((kernel.shape[0], kernel.shape[1]), NOMINAL_BATCH_SIZE)
        if pays or chosen == "compressed":
            room[kernel.name] = method.initial_live(size, sparsities[kernel.name])
    if not room and chosen == "compressed":
        shapes = ", ".join(f"{kernel.name} {list(kernel.shape)}" for kernel in found)
        reason = f"no kernel is a sparse matrix that stands alone: they are {shapes}; choose masked or auto"
        raise UserError(reason, field="storage", value=chosen)
    return room | thin if room else room


def room_for(inner: optax.GradientTransformation, chosen: str, params: Params, room: dict[str, int]) -> dict[str, int]:
    """The same, or nothing for "auto" where the inner optimizer needs matrices; UserError where that is not to be."""
    if not room or not treats_matrices(inner, params):
        return room
    if chosen == "auto":
        return {}
    raise UserError(
        "the inner optimizer treats a kernel as a matrix, which compressed kernels are not; choose masked or auto",
        field="storage",
        value=chosen,
    )


def packed(
    inner: optax.GradientTransformation,
    moments: list[Moment],
    state: OptState,
    masks: Masks,
    layouts: dict[str, Layout],
    floats: Params,
    slopes: Params,
) -> tuple[Packed, Owners]:
    """What belongs to the compressed kernels of `layouts`, out of floats, their slopes and the inner state."""
    names, held = layer_names(floats), jax.tree.leaves(state)
    theirs = [moment for moment in moments if names[moment.parameter_leaf] in layouts]
    of = lambda tree: {n: leaf for n, leaf in zip(names, jax.tree.leaves(tree), strict=True) if n in layouts}

    def first(values: Kernels) -> list[Array]:
        begun = jax.tree.leaves(initial_state(inner, storage.replaced(floats, values)))
        return [begun[moment.state_leaf] for moment in theirs]

    owners = Owners([names[m.parameter_leaf] for m in theirs], [m.state_leaf for m in theirs], first)
    return Packed(masks, layouts, of(floats), of(slopes), [held[i] for i in owners.state_leaves]), owners


def with_moments(state: OptState, owners: Owners, moments: list[Array]) -> OptState:
    """The inner state with other moments of compressed kernels."""
    held, structure = jax.tree.flatten(state)
    for i, moment in zip(owners.state_leaves, moments, strict=True):
        held[i] = moment
    return jax.tree.unflatten(structure, held)


def whole(params: Params, of: Packed) -> Params:
    """Parameters with these compressed kernels in place of theirs."""
    return storage.replaced(params, {name: Compressed(of.values[name], layout) for name, layout in of.layouts.items()})


def moved(before: Packed, new: Masks, owners: Owners, dense_slopes: Kernels | None) -> Packed:
    """Everything in its place of another topology; weights are born as exact zeros, and their moments begin anew.

    dense_slopes: gradients of all weights, those that are born too; without them those that are born have none yet.
    """
    layouts = {name: linalg.layout_of(new[name], layout.capacity) for name, layout in before.layouts.items()}
    there = lambda name, values: storage.moved(values, before.layouts[name], layouts[name])
    known = dense_slopes or {}
    values = {name: there(name, values) for name, values in before.values.items()}
    old = {name: there(name, jnp.ones(values.shape, bool)) for name, values in values.items()}
    return Packed(
        {name: new[name] for name in before.masks},
        layouts,
        values,
        {
            name: linalg.gather(layouts[name], known[name]) if name in known else there(name, slopes)
            for name, slopes in before.slopes.items()
        },
        [
            jnp.where(old[name], there(name, moment), first.astype(moment.dtype))
            for name, moment, first in zip(owners.names, before.moments, owners.first(values), strict=True)
        ],
    )


def slopes_of(value_fn: ValueFunction, params: Params) -> Params:
    """The gradients of a loss of dense kernels. Raises UserError unless it gives one number."""
    result = jax.eval_shape(value_fn, params)
    if not (isinstance(result, jax.ShapeDtypeStruct) and result.shape == () and result.dtype.kind == "f"):
        raise UserError(f"value_fn gives {result}: it is to give the loss alone, one number")
    gradients: Params = jax.grad(value_fn, allow_int=True)(params)
    return gradients


def landed(updates: Params, params: Params, after: Packed) -> Params:
    """What to add to parameters, of updates of their floats: layouts become those of the new topology, exactly.

    A value whose place another weight takes is what is added to it, rounded once. Zeros are exact.
    """
    steps = dict(zip(layer_names(updates), jax.tree.leaves(updates), strict=True))

    def step(name: str, kernel: Compressed) -> Compressed:
        new, update = after.values[name], steps[name].astype(kernel.values.dtype)
        values = jnp.where(new == kernel.values, update, (new + update) - kernel.values)
        return Compressed(values, _difference(after.layouts[name], kernel.layout))

    return storage.replaced(
        updates, {name: step(name, kernel) for name, kernel in storage.compressed_kernels(params).items()}
    )


def _difference(new: Layout, old: Layout) -> Layout:
    """What to add to one layout for another, in whole numbers that wrap around; nothing where leaves were left out."""
    return jax.tree.map(lambda new, old: new - old, new, old) if jax.tree.leaves(old) else old
