"""Moments: what an inner optimizer remembers of each weight, found in any optax state, and reset weight by weight."""

import itertools
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from sparserl.sparsity.trees import by_leaf, layer_names, leaf_paths, place_name, stack_name
from sparserl.types import Array, OptState, Params, UserError

_FIRST_LABEL = 1009  # a length that factorings of large matrices take for large


class Moment(NamedTuple):
    """A leaf of an optimizer's state that has a number for each weight of one leaf of the parameters."""

    state_leaf: int
    parameter_leaf: int


def initial_state(inner: optax.GradientTransformation, params: Params) -> OptState:
    """The inner optimizer's state; UserError where it does not take these parameters."""
    try:
        return inner.init(params)
    except (TypeError, AttributeError, ValueError) as error:
        raise UserError(f"the inner optimizer does not accept plain parameters: {error}") from error


def moments(inner: optax.GradientTransformation, params: Params, layers: Iterable[str]) -> list[Moment]:
    """The moments of `layers`, whatever the state is made of: wrapped, chained, partitioned or injected.

    The state is made twice, without computing it, for these parameters and for others whose `layers` have lengths of
    their own: what has these lengths, all of them and in order, belongs to that layer. Raises UserError for a state
    whose arrays depend on a layer in another way: they cannot be reset weight by weight.
    """
    leaves, structure = jax.tree.flatten(params)
    layers = list(layers)
    stacks = {*layers, *map(stack_name, layers)}
    masked = [i for i, name in enumerate(layer_names(params)) if name in stacks]
    lengths = {length for leaf in leaves for length in leaf.shape}
    free = (length for length in itertools.count(_FIRST_LABEL) if length not in lengths)
    labels = {i: tuple(next(free) for _ in leaves[i].shape) for i in masked}
    abstract = [jax.ShapeDtypeStruct(labels.get(i, leaf.shape), leaf.dtype) for i, leaf in enumerate(leaves)]
    state = jax.eval_shape(lambda: initial_state(inner, params))
    labelled = jax.eval_shape(lambda p: initial_state(inner, p), jax.tree.unflatten(structure, abstract))
    here = jax.tree_util.tree_leaves_with_path(state)
    there = [leaf.shape for leaf in jax.tree.leaves(labelled)]
    if len(here) != len(there):
        raise UserError(f"the inner optimizer chooses what it remembers by the sizes of weights, but {_ADVICE}")
    at = {shape: i for i, shape in labels.items()}
    found = []
    for position, ((path, leaf), shape) in enumerate(zip(here, there, strict=True)):
        if shape in at:
            found.append(Moment(position, at[shape]))
        elif shape != leaf.shape:
            owners = [i for i, label in labels.items() if set(label) & set(shape)]
            raise _foreign(place_name(state, path), leaf.shape, params, owners)
    return found


def masked_moments(
    masks: Mapping[str, Array], moments: list[Moment], inner: OptState, params: Params, fresh: OptState | None = None
) -> OptState:
    """Begin all moments outside `masks` anew; `moments` are those of the same inner optimizer and parameters.

    fresh: the inner optimizer's first state, whose moments need not be zero: the step sizes of rprop are not. None:
    zeros, as those of adam and its relatives are.
    """
    leaves, structure = jax.tree.flatten(inner)
    first = [jnp.zeros_like(leaf) for leaf in leaves] if fresh is None else jax.tree.leaves(fresh)
    masks_of_leaves = by_leaf(masks, params)
    for moment in moments:
        mask, leaf = masks_of_leaves[moment.parameter_leaf], leaves[moment.state_leaf]
        if mask is not None:
            leaves[moment.state_leaf] = jnp.where(mask, leaf, first[moment.state_leaf].astype(leaf.dtype))
    return jax.tree.unflatten(structure, leaves)


def treats_matrices(inner: optax.GradientTransformation, params: Params) -> bool:
    """Whether a kernel's state is another than that of a plain vector, as that of muon is."""
    state = jax.eval_shape(lambda: initial_state(inner, params))
    vectors = jax.eval_shape(lambda: initial_state(inner, jax.tree.map(jnp.ravel, params)))
    return str(jax.tree.structure(state)) != str(jax.tree.structure(vectors))


_ADVICE = "moments are reset weight by weight: use adam, adamw, sgd, rmsprop, lion or muon"


def _foreign(place: str, shape: tuple[int, ...], params: Params, owners: list[int]) -> UserError:
    weight = "no single parameter"
    if len(owners) == 1:
        weight = f"{leaf_paths(params)[owners[0]]} {list(jax.tree.leaves(params)[owners[0]].shape)}"
    return UserError(f"inner optimizer state {place} has shape {list(shape)} for {weight}, but {_ADVICE}")
