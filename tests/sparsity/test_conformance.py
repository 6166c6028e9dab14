"""The conformance suite, on every method of ours and on others: those that keep its rules and those that do not."""

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import jax
import pytest

from sparserl.sparsity import METHODS, Masks, Window, dense_count, leaves_all_alive, live_count, pruned_count, top
from sparserl.sparsity.conformance import SHAPES, check_method

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", METHODS)
def test_our_methods_conform(name):
    check_method(METHODS[name]())


def test_a_method_that_leaves_convolutions_alone_is_named():
    @dataclasses.dataclass(frozen=True)
    class MatricesOnly:
        window = None
        wants_gradients = False
        born_sparse = True
        initial_live = final_live = staticmethod(live_count)

        def init(self, key, kernels, sparsities) -> Masks:
            masks = METHODS["static"]().init(key, kernels, sparsities)
            return {name: mask | (mask.ndim == 4) for name, mask in masks.items()}

    assert any(len(shape) == 4 for shapes in SHAPES for shape in shapes.values())
    with pytest.raises(AssertionError, match=r"q/conv.* live weights, and initial_live states"):
        check_method(MatricesOnly())


@dataclasses.dataclass(frozen=True)
class Rounding:
    """A random topology of another package, of as many weights as pruning leaves; its updates leave as many as RigL."""

    stated: Callable[[int, float], int] = pruned_count
    window: Window | None = None

    wants_gradients: ClassVar[bool] = False
    born_sparse: ClassVar[bool] = True

    def initial_live(self, size, sparsity) -> int:
        return self.stated(size, sparsity)

    final_live = initial_live

    def init(self, key, kernels, sparsities) -> Masks:
        draw = lambda kernel, i: jax.random.uniform(jax.random.fold_in(key, i), kernel.shape)
        return {
            name: top(draw(kernels[name], i), pruned_count(kernels[name].size, sparsity))
            for i, (name, sparsity) in enumerate(sorted(sparsities.items()))
        }

    def update(self, key, progress, masks, kernels, gradients, sparsities) -> Masks:
        return {name: top(mask * 1.0, live_count(mask.size, sparsities[name])) for name, mask in masks.items()}


def test_a_method_may_round_as_it_likes_if_it_says_so():
    check_method(Rounding())


@dataclasses.dataclass(frozen=True)
class DenseUnsaid:
    """It masks nothing, and states that it does."""

    window = None
    wants_gradients = False
    born_sparse = False
    initial_live = staticmethod(dense_count)
    final_live = staticmethod(live_count)

    def init(self, key, kernels, sparsities) -> Masks:
        return {}


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        (Rounding(stated=live_count), "initial_live"),
        (Rounding(window=Window(0.0, 1.0, 1)), "initial_live"),  # its first update leaves another number
        (DenseUnsaid(), "final_live"),
    ],
)
def test_wrong_counts_are_named(method, wrong):
    with pytest.raises(AssertionError, match=f"{type(method).__name__}.* live weights, and {wrong} states"):
        check_method(method)


@pytest.mark.parametrize("name", METHODS)
def test_dense_alone_of_ours_leaves_all_alive(name):
    assert leaves_all_alive(METHODS[name]()) == (name == "dense")


@pytest.mark.parametrize(
    "stated",
    [
        lambda size, sparsity: max(live_count(size, sparsity), 2),  # all of two weights
        lambda size, sparsity: max(live_count(size, sparsity), min(size, 900)),
        lambda size, sparsity: size if size < 50_000 else live_count(size, sparsity),  # small layers are spared
        lambda size, sparsity: size if size > 50_000 else live_count(size, sparsity),  # large ones are
        lambda size, sparsity: size if sparsity < 0.8 else live_count(size, sparsity),
    ],
)
def test_a_method_that_spares_some_weights_is_not_dense(stated):
    assert not leaves_all_alive(Rounding(stated=stated))


def test_a_method_that_calls_itself_dense_and_is_not_everywhere_is_named():
    lossy = lambda size, sparsity: size if size in (2, 1_000, 1_000_000) else live_count(size, sparsity)
    with pytest.raises(AssertionError, match=r"leaves all of a large layer alive, and not all of \['q/hidden_1'"):
        check_method(Rounding(stated=lossy))


@dataclasses.dataclass(frozen=True)
class Shifted(Rounding):
    """It gives each of those that are computed together the topology of another."""

    window: Window | None = Window(0.0, 1.0, 1)
    stated: Callable[[int, float], int] = pruned_count

    def update(self, key, progress, masks, kernels, gradients, sparsities) -> Masks:
        changed = {}
        for name, mask in masks.items():
            together = jax.custom_batching.custom_vmap(lambda mask: mask)
            together.def_vmap(lambda size, batched, mask: (jax.numpy.roll(mask, 1, axis=0), True))
            order = jax.random.uniform(key, mask.shape)
            changed[name] = together(top(order, pruned_count(mask.size, sparsities[name])))
        return changed


def test_a_method_that_mixes_what_is_batched_is_named():
    with pytest.raises(AssertionError, match="batched and single updates give different topologies"):
        check_method(Shifted())
