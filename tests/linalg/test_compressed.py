"""Compressed kernels: what is refused, and the way between masks, dense arrays and layouts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparserl import linalg
from sparserl.linalg import Compressed

pytestmark = [pytest.mark.slow, pytest.mark.kernels]
GOOD = {
    "values": np.array([1.0, 2.0, 3.0], np.float32),
    "inputs": np.array([1, 0, 2]),
    "output_starts": np.array([0, 1, 1, 3]),
    "shape": (3, 3),
}

masks = st.tuples(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.integers(0, 2**32 - 1)).map(
    lambda case: np.random.default_rng(case[3]).random(case[:2]) < case[2]
)


def test_a_kernel_stands_where_it_was_put():
    kernel = Compressed.make(**GOOD)
    np.testing.assert_array_equal(linalg.to_dense(kernel), [[0, 0, 2], [1, 0, 0], [0, 0, 3]])
    assert (kernel.shape, kernel.size, int(kernel.num_live)) == ((3, 3), 9, 3)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int64", "uint64"])
def test_integers_of_any_type_are_taken(kind):
    kernel = Compressed.make(
        **{**GOOD, "inputs": GOOD["inputs"].astype(kind), "output_starts": GOOD["output_starts"].astype(kind)}
    )
    jax.tree.map(np.testing.assert_array_equal, kernel, Compressed.make(**GOOD))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"values": np.array([1.0, 2.0, 3.0])}, "values are float64: they must be float32"),
        ({"values": np.array([1, np.nan, 3], np.float32)}, r"values\[1\] is nan: it must be finite"),
        ({"values": np.ones((3, 1), np.float32)}, r"values have shape \(3, 1\)"),
        ({"values": np.ones(2, np.float32)}, r"inputs have shape \(3,\) and values \(2,\)"),
        ({"inputs": np.array([1, 0, 3])}, r"inputs\[2\] is 3: not in 0 to 2"),
        ({"inputs": np.array([-1, 0, 2])}, r"inputs\[0\] is -1: not in 0 to 2"),
        ({"inputs": np.array([1, 2, 0])}, r"do not ascend within an output at entry \[1\]"),
        ({"inputs": np.array([1, 2, 2])}, r"do not ascend within an output at entry \[1\]"),
        ({"inputs": np.array([1.0, 0, 2])}, "inputs are float64: they must be integers"),
        ({"output_starts": np.array([0, 1, 3])}, r"output_starts have shape \(3,\): \(3, 3\) needs \(4,\)"),
        ({"output_starts": np.array([0, 1, 1, 2])}, "output_starts go from 0 to 2, not from 0 to 3"),
        ({"output_starts": np.array([0, 2, 1, 3])}, "output_starts fall behind entry 1"),
        ({"inputs": np.array([1, 0, 2**63], np.uint64)}, r"inputs\[2\] is 9223372036854775808: not in 0 to 2"),
        ({"output_starts": np.array([0, 2, 1, 3], np.uint64)}, "output_starts fall behind entry 1"),
        ({"output_starts": np.array([0, 1, 2**63, 3], np.uint64)}, "output_starts fall behind entry 2"),
        ({"shape": (0, 3)}, "both sides must be at least 1"),
        ({"shape": (2**16, 2**15)}, "do not fit int32"),
    ],
)
def test_what_is_malformed_is_named_and_never_made(change, said):
    with pytest.raises(ValueError, match=said) as error:
        Compressed.make(**{**GOOD, **change})
    assert "\n" not in str(error.value)


@settings(max_examples=10, deadline=None)
@given(mask=masks, room=st.integers(0, 5))
def test_a_layout_of_a_mask_is_what_numpy_says(mask, room):
    live = int(mask.sum())
    layout = linalg.layout_of(jnp.asarray(mask), live + room)
    outputs, inputs = np.nonzero(mask.T)
    np.testing.assert_array_equal(layout.inputs[:live], inputs)
    np.testing.assert_array_equal(layout.output_starts, np.concatenate([[0], np.cumsum(mask.sum(0))]))
    np.testing.assert_array_equal(layout.input_starts, np.concatenate([[0], np.cumsum(mask.sum(1))]))
    np.testing.assert_array_equal(layout.outputs[:live], np.nonzero(mask)[1])
    np.testing.assert_array_equal(inputs[np.asarray(layout.permutation[:live])], np.nonzero(mask)[0])
    np.testing.assert_array_equal(outputs[np.asarray(layout.permutation[:live])], np.nonzero(mask)[1])
    for padding in (layout.inputs, layout.outputs, layout.permutation):
        assert not np.asarray(padding[live:]).any()
    np.testing.assert_array_equal(linalg.to_mask(layout), mask)


@settings(max_examples=6, deadline=None)
@given(mask=masks, room=st.integers(0, 5))
def test_there_and_back_again(mask, room):
    layout = linalg.layout_of(jnp.asarray(mask), int(mask.sum()) + room)
    dense = np.random.default_rng(0).normal(size=mask.shape).astype(np.float32)
    values = linalg.gather(layout, dense)
    assert not np.asarray(values[int(mask.sum()) :]).any(), "padding must be zero"
    np.testing.assert_array_equal(linalg.scatter(layout, values), np.where(mask, dense, 0))


@settings(max_examples=6, deadline=None)
@given(mask=masks)
def test_a_mask_and_a_list_make_the_same_layout(mask):
    live = int(mask.sum())
    layout = linalg.layout_of(jnp.asarray(mask), live)
    made = Compressed.make(np.zeros(live, np.float32), layout.inputs, layout.output_starts, mask.shape).layout
    jax.tree.map(np.testing.assert_array_equal, made, layout)
    assert [a.dtype for a in jax.tree.leaves(made)] == [a.dtype for a in jax.tree.leaves(layout)]


def test_indices_are_as_small_as_they_can_be():
    small = linalg.layout_of(jnp.ones((8, 8), bool), 64)
    assert {small.inputs.dtype, small.outputs.dtype, small.permutation.dtype} == {jnp.dtype("uint16")}
    wide = linalg.layout_of(jnp.eye(70_000, 2, dtype=bool), 2)
    assert (wide.inputs.dtype, wide.outputs.dtype, wide.permutation.dtype) == ("int32", "uint16", "uint16")
    many = linalg.layout_of(jnp.ones((300, 300), bool), 90_000)
    assert (many.inputs.dtype, many.permutation.dtype) == ("uint16", "int32")
    np.testing.assert_array_equal(linalg.to_mask(wide), np.eye(70_000, 2, dtype=bool))


def test_more_live_weights_than_room_is_an_error_and_not_a_crash():
    with pytest.raises(Exception, match=r"(?s)9.*8"):
        jax.block_until_ready(linalg.layout_of(jnp.ones((3, 3), bool), 8))


def test_layouts_of_seeds_side_by_side():
    random = np.random.default_rng(0)
    chosen = np.stack([random.permutation(60) < 17 for _ in range(4)]).reshape(4, 12, 5)
    together = jax.jit(jax.vmap(lambda mask: linalg.layout_of(mask, 17)))(chosen)
    for i in range(4):
        ith = jax.tree.map(lambda a, i=i: a[i], together)
        jax.tree.map(np.testing.assert_array_equal, ith, linalg.layout_of(jnp.asarray(chosen[i]), 17))
