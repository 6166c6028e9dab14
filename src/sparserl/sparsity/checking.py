"""Checking: what `sparsify` is given at every update, before anything is computed."""

import numbers
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sparserl.linalg import Layout
from sparserl.sparsity.distributions import Shapes
from sparserl.sparsity.masks import Masks
from sparserl.sparsity.methods import SparseMethod
from sparserl.sparsity.moments import initial_state
from sparserl.sparsity.trees import is_compressed, layer_names, leaf_paths, leaves, stack_name
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
            raise UserError(
                f"{what} of {path} have {_said(theirs[path])}, and params {_said(ours[path]).removeprefix('shape ')}"
            )


def check_dense(params: Params) -> None:
    """UserError where kernels are compressed already."""
    for path, leaf in zip(leaf_paths(params), leaves(params), strict=True):
        if is_compressed(leaf):
            raise UserError(
                f"params: {path} is compressed already; init takes dense kernels, and born_sparse compresses"
            )


def check_whole(what: str, kernel: Any) -> None:
    """UserError for a compressed kernel whose layout has been averaged, or scaled, as weights are."""
    if is_compressed(kernel) and any(not jnp.issubdtype(x.dtype, jnp.integer) for x in jax.tree.leaves(kernel.layout)):
        raise UserError(f"{what} have a layout that is no longer of whole numbers: average them by masked_average")


def check_compressed(layouts: Mapping[str, Layout], params: Params) -> None:
    """UserError unless the layouts of a state are those of the compressed kernels of the parameters."""
    for name, leaf in zip(layer_names(params), leaves(params), strict=True):
        layout = layouts.get(name)
        if is_compressed(leaf) and layout is None:
            raise UserError(f"params hold a compressed {name}, and state, of storage masked, a mask for it")
        if layout is not None and not is_compressed(leaf):
            raise UserError(f"{name} is a dense array: begin with params = sparserl.born_sparse(params, state)")
        check_whole(f"params of {name}", leaf)
        if layout is not None and (layout.shape, layout.inputs.shape) != (leaf.shape, leaf.values.shape):
            theirs, ours = _Shape(layout.shape, layout.inputs.shape[-1]), _Shape(leaf.shape, leaf.values.shape[-1])
            raise UserError(f"state is for another network: of {name} it has {_said(theirs)}, and params {_said(ours)}")


def check_layouts(params: Params, method: SparseMethod) -> None:
    """UserError where the layouts of compressed kernels were filtered out, and are to change."""
    for path, leaf in zip(leaf_paths(params), leaves(params), strict=True):
        if method.window is not None and is_compressed(leaf) and not jax.tree.leaves(leaf.layout):
            raise UserError(f"params: {path} has no layout, which is to change: give eqx.filter(model, eqx.is_array)")


def check_value_fn(value_fn: Any, method: SparseMethod, name: str) -> None:
    """UserError unless it is there where gradients of dead weights are looked at, which compressed kernels have not."""
    if value_fn is None and method.window is not None and method.wants_gradients and method.born_sparse:
        raise UserError(
            f"update needs the loss, too: {name} looks at the gradients of dead weights, which compressed kernels "
            "do not have: update(gradients, state, params, value_fn=lambda params: loss(params, batch))"
        )
    if value_fn is not None and not callable(value_fn):
        raise UserError("it must be a function of parameters", field="value_fn", value=value_fn)


def masks_of(state: Any, method: str, kernels: Shapes) -> Masks:
    """The masks of a state that this method made for these kernels."""
    if not all(hasattr(state, field) for field in ("num_updates", "masks", "layouts", "inner")):
        kind = type(state).__name__
        raise UserError(f"state is of type {kind}, not one of sparsify: make it with init(params) of this optimizer")
    if method not in state.masks:
        raise UserError(f"state is one of method {' and '.join(state.masks)}, and the optimizer is for {method}")
    masks = state.masks[method]
    kernels = _whole({name: shape for name, shape in kernels.items() if name not in state.layouts}, masks)
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


def _whole(kernels: Shapes, masks: Masks) -> Shapes:
    """Kernels by name, with the whole leaf where the state has one mask for what the parameters stack."""
    members = Counter(stack_name(name) for name in kernels if name not in masks)
    stacks = {stack: count for stack, count in members.items() if stack in masks and stack not in kernels}
    whole: dict[str, tuple[int, ...]] = {}
    for name, shape in kernels.items():
        stack = stack_name(name)
        whole.setdefault(*((stack, (stacks[stack], *shape)) if stack in stacks else (name, shape)))
    return whole


def check_named(masks: Masks, params: Params) -> None:
    """UserError unless every mask has its kernel among the parameters."""
    held = dict(zip(layer_names(params), leaves(params), strict=True))
    for name, mask in masks.items():
        leaf = held.get(name, held.get(stack_name(name)))
        has = None if leaf is None else tuple(leaf.shape[name not in held :])
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


class _Shape(NamedTuple):
    """The shape of a leaf, and of a compressed kernel how many weights it has room for."""

    shape: tuple[int, ...]
    room: int | None


def _shapes(tree: Params) -> Mapping[str, _Shape]:
    room = lambda leaf: leaf.values.shape[-1] if is_compressed(leaf) else None
    pairs = zip(leaf_paths(tree), leaves(tree), strict=True)
    return {path: _Shape(tuple(leaf.shape), room(leaf)) for path, leaf in pairs}


def _said(of: _Shape) -> str:
    return f"shape {list(of.shape)}" if of.room is None else f"compressed {list(of.shape)} of {of.room} weights"
