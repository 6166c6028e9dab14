"""Conformance: what every sparse method must keep, checked on any method, ours or yours."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.sparsity.masks import Kernels, Masks, Sparsities
from sparserl.sparsity.methods import SparseMethod, leaves_all_alive
from sparserl.sparsity.schedules import WindowProgress

SHAPES: tuple[dict[str, tuple[int, ...]], ...] = (
    {"q/hidden_1": (4, 32), "q/hidden_2": (32, 32), "q/output": (32, 2)},
    {"q/convolution": (3, 3, 4, 8), "q/output": (17, 5)},
    {"q/conv_1": (8, 8, 2, 4), "q/conv_2": (1, 3, 4, 6), "q/hidden_1": (24, 8), "q/output": (8, 3)},
)
CASES = ((0, 0.0), *((index, 0.9) for index in range(len(SHAPES))))  # index of the shapes, sparsity
LAST = 2  # updates 0, 1 and 2 of a window


def check_method(method: SparseMethod) -> None:
    """Raise `AssertionError`, saying what is wrong, unless `method` keeps the rules of `SparseMethod`.

    Masks are bool and have the shapes of their kernels; layers have exactly the live weights that the method states,
    `initial_live` after `init` and `final_live` at the end; a method that is born sparse always has as many as at
    first, another never gains weights; one that is dense by its counts (`leaves_all_alive`) loses none anywhere; the
    same key gives the same topology; compiled, eager, batched and looped agree.
    """
    for index, sparsity in CASES:
        shapes = SHAPES[index]
        sparsities = dict.fromkeys(shapes, sparsity)
        case = f"{type(method).__name__}, shapes {index}, sparsity {sparsity}"
        kernels = _draw(index, shapes)
        masks = method.init(jax.random.key(1), kernels, sparsities)
        assert masks.keys() <= shapes.keys(), f"{case}: masks for layers that were not asked for"
        _check_masks(case, masks, kernels)
        _check_dense(case, method, kernels, sparsities)
        _check_counts(case, "initial_live", method.initial_live, masks, kernels, sparsities)
        _check_same(case, "two calls of init with one key", masks, method.init(jax.random.key(1), kernels, sparsities))
        if method.window is not None and masks:
            change = _changing(method, sparsities)
            _check_updates(method, change, case, masks, kernels, sparsities)
            if index == len(SHAPES) - 1:  # layers of every kind; to compile takes most of the time
                _check_batched(change, case, masks, kernels)
        else:
            _check_counts(case, "final_live", method.final_live, masks, kernels, sparsities)


def _check_dense(case: str, method: SparseMethod, kernels: Kernels, sparsities: Sparsities) -> None:
    """Experiments take a method that loses none of a large layer's weights for dense training, of all layers."""
    if leaves_all_alive(method):
        lost = [
            name for name, kernel in kernels.items() if method.final_live(kernel.size, sparsities[name]) < kernel.size
        ]
        assert not lost, f"{case}: final_live leaves all of a large layer alive, and not all of {lost}"


Change = Callable[[jax.Array, Any, Masks, Kernels, Kernels], Masks]  # of key, number of the update, masks ...


def _changing(method: SparseMethod, sparsities: Sparsities) -> Change:
    """The method's update, with gradients where it wants them."""

    def change(key: jax.Array, index: Any, masks: Masks, kernels: Kernels, gradients: Kernels) -> Masks:
        wanted = gradients if method.wants_gradients else None
        return method.update(key, WindowProgress(index, LAST), masks, kernels, wanted, sparsities)

    return change


def _check_updates(
    method: SparseMethod, change: Change, case: str, masks: Masks, kernels: Kernels, sparsities: Sparsities
) -> None:
    compiled = jax.jit(change)
    for i in range(LAST + 1):
        arguments = jax.random.key(20 + i), jnp.int32(i), masks, kernels, _drawn_like(kernels, 10 + i)
        changed = compiled(*arguments)
        if i == 0:
            _check_same(case, "compiled and eager updates", changed, change(*arguments))
        if not method.born_sparse:
            risen = [name for name, mask in changed.items() if (np.asarray(mask) & ~np.asarray(masks[name])).any()]
            assert not risen, f"{case}: dead weights of {risen} came back"
        masks = changed
        kernels = {name: jnp.asarray(np.where(masks[name], kernel, 0.0)) for name, kernel in kernels.items()}
        _check_masks(case, masks, kernels)
        if method.born_sparse:
            _check_counts(case, "initial_live", method.initial_live, masks, kernels, sparsities)
    _check_counts(case, "final_live", method.final_live, masks, kernels, sparsities)


def _check_batched(change: Change, case: str, masks: Masks, kernels: Kernels) -> None:
    """Two at once, with keys of their own, are as each by itself."""
    compiled, batched = jax.jit(change), jax.jit(jax.vmap(change, in_axes=(0, None, 0, 0, 0)))
    keys, data = jax.random.split(jax.random.key(30)), (masks, kernels, _drawn_like(kernels, 30))
    for i in range(LAST + 1):
        together = batched(keys, jnp.int32(i), *jax.tree.map(lambda x: np.stack([x, x]), data))
        for k in range(len(keys)):
            own = {name: mask[k] for name, mask in together.items()}
            _check_same(case, "batched and single updates", compiled(keys[k], jnp.int32(i), *data), own)


def _draw(seed: int, shapes: dict[str, tuple[int, ...]]) -> Kernels:
    """Drawn by NumPy, as JAX would compile a program for every shape."""
    random = np.random.default_rng(seed)
    return {name: jnp.asarray(random.normal(size=shape), jnp.float32) for name, shape in shapes.items()}


def _drawn_like(kernels: Kernels, seed: int) -> Kernels:
    return _draw(seed, {name: kernel.shape for name, kernel in kernels.items()})


def _check_masks(case: str, masks: Masks, kernels: Kernels) -> None:
    for name, mask in masks.items():
        assert mask.dtype == jnp.bool_, f"{case}: the mask of {name} is {mask.dtype}, not bool"
        assert mask.shape == kernels[name].shape, f"{case}: the mask of {name} has shape {mask.shape}"


def _check_counts(
    case: str, what: str, stated: Callable[[int, float], int], masks: Masks, kernels: Kernels, sparsities: Sparsities
) -> None:
    """Every layer, one without a mask too, has as many live weights as the method states."""
    for name, kernel in kernels.items():
        live = int(np.count_nonzero(np.asarray(masks[name]))) if name in masks else kernel.size
        count = stated(kernel.size, sparsities[name])
        assert live == count, f"{case}: {name} has {live} live weights, and {what} states {count}"


def _check_same(case: str, what: str, a: Masks, b: Masks) -> None:
    same = a.keys() == b.keys() and all(np.array_equal(np.asarray(a[name]), np.asarray(b[name])) for name in a)
    assert same, f"{case}: {what} give different topologies"
