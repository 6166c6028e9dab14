"""Checking: what `sparsify` is given at every update, before anything is computed."""

import numbers
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from sparserl.sparsity.distributions import Shapes
from sparserl.sparsity.masks import Masks
from sparserl.sparsity.moments import initial_state
from sparserl.sparsity.trees import layer_names, leaf_paths, stack_name
from sparserl.types import OptState, Params, UserError


def check_transformation(inner: Any) -> None:
    """UserError unless it is an optax transformation, and not the function that makes one."""
    if not (callable(getattr(inner, "init", None)) and callable(getattr(inner, "update", None))):
        called = getattr(inner, "__name__", None)
        advice = (
            f": call it, as in optax.{called}(1e-3)" if callable(inner) and called else ", such as optax.adam(1e-3)"
        )
        raise UserError(f"inner is {called or repr(inner)}, and is to be an optax transformation{advice}")


def given(params: Params | None) -> Params:
    """The parameters, without which no update can end in exact zeros."""
    if params is None:
        raise UserError("update needs the parameters, too: update(gradients, state, params)")
    return params


def check_alike(what: str, tree: Params, params: Params) -> None:
    """UserError, with the first difference, unless a tree has the leaves of the parameters, in their shapes."""
    theirs, ours = _shapes(tree), _shapes(params)
    for path in [*ours, *theirs]:
        if path not in theirs:
            raise UserError(f"{what} have no {path}, which params have")
        if path not in ours:
            raise UserError(f"{what} have {path}, which params do not have")
        if theirs[path] != ours[path]:
            raise UserError(f"{what} of {path} have shape {list(theirs[path])}, and params {list(ours[path])}")


def masks_of(state: Any, method: str, kernels: Shapes) -> Masks:
    """The masks of a state that this method made for these kernels."""
    if not all(hasattr(state, field) for field in ("num_updates", "masks", "inner")):
        kind = type(state).__name__
        raise UserError(f"state is of type {kind}, not one of sparsify: make it with init(params) of this optimizer")
    if method not in state.masks:
        raise UserError(f"state is one of method {' and '.join(state.masks)}, and the optimizer is for {method}")
    masks = state.masks[method]
    for name in [*kernels, *masks]:
        if name not in masks or name not in kernels:
            which = "params have a kernel" if name in kernels else "state has a mask for"
            raise UserError(f"state is for another network: {which} {name}, which the other does not have")
        if tuple(masks[name].shape) != tuple(kernels[name]):
            raise UserError(
                f"state is for another network: its mask of {name} has shape {list(masks[name].shape)}, the kernel "
                f"{list(kernels[name])}{_of_a_batch(masks[name].shape, kernels[name])}"
            )
        if masks[name].dtype != bool:
            raise UserError(
                f"the state's mask of {name} is {masks[name].dtype}, no longer bool: a transformation around sparsify "
                "computes with its state, as optax.contrib.sam does; put that one inside"
            )
    return masks


def check_named(masks: Masks, params: Params) -> None:
    """UserError unless every mask has its kernel among the parameters."""
    leaves = dict(zip(layer_names(params), jax.tree.leaves(params), strict=True))
    for name, mask in masks.items():
        leaf = leaves.get(name, leaves.get(stack_name(name)))
        has = None if leaf is None else tuple(leaf.shape[name not in leaves :])
        if has != tuple(mask.shape):
            raise UserError(
                f"state is for another network: its mask of {name} has shape {list(mask.shape)}, and params have "
                f"{'no such layer' if has is None else list(has)}"
            )


def check_step_size(step_size: Any) -> None:
    """UserError for a number outside [0, 1]; traced ones are not known yet."""
    number = isinstance(step_size, numbers.Real)
    if not (number or hasattr(step_size, "dtype")) or (number and not 0.0 <= step_size <= 1.0):
        raise UserError("it must lie in [0, 1]; 1 copies", field="step_size", value=step_size)


def check_inner(state: OptState, inner: optax.GradientTransformation, params: Params) -> None:
    """UserError unless the inner state has the arrays of this inner optimizer for these parameters."""
    expected = jax.tree.leaves(jax.eval_shape(lambda: initial_state(inner, params)))
    held = jax.tree.leaves(state)
    if [jnp.shape(leaf) for leaf in held] != [leaf.shape for leaf in expected]:  # a learning rate may be a plain number
        raise UserError("state.inner is of another inner optimizer, or for another network, than this one")


def _of_a_batch(shape: tuple[int, ...], kernel: tuple[int, ...]) -> str:
    batched = tuple(shape[1:]) == tuple(kernel) or tuple(kernel[1:]) == tuple(shape)
    return "; what was made under vmap is updated under vmap" if batched else ""


def _shapes(tree: Params) -> Mapping[str, tuple[int, ...]]:
    return {path: tuple(leaf.shape) for path, leaf in zip(leaf_paths(tree), jax.tree.leaves(tree), strict=True)}
