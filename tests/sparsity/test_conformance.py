"""The conformance suite, on every method of ours and on one that breaks its rules."""

import dataclasses

import pytest

from sparserl.sparsity import METHODS, Masks
from sparserl.sparsity.conformance import SHAPES, check_method


@pytest.mark.parametrize("name", METHODS)
def test_our_methods_conform(name):
    check_method(METHODS[name]())


def test_a_method_that_leaves_convolutions_alone_is_found():
    @dataclasses.dataclass(frozen=True)
    class MatricesOnly:
        window = None
        wants_gradients = False
        born_sparse = True

        def init(self, key, params, densities) -> Masks:
            masks = METHODS["static"]().init(key, params, densities)
            return {name: mask | (mask.ndim == 4) for name, mask in masks.items()}

    assert any(len(shape) == 4 for shapes in SHAPES for shape in shapes.values())
    with pytest.raises(AssertionError, match="q/conv"):
        check_method(MatricesOnly())
