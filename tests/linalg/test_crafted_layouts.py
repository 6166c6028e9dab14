"""200 crafted layouts: each is refused, or is a layout after all and computes what NumPy says.

`scripts/check-native` runs this file under AddressSanitizer, where a kernel that follows a bad index ends the process.
"""

import dataclasses

import jax
import numpy as np
import pytest

from sparserl import linalg
from sparserl.linalg import Compressed, Layout

pytestmark = pytest.mark.kernels
SHAPE, LIVE, CAPACITY = (24, 17), 90, 93
ARRAYS = ("inputs", "output_starts", "outputs", "input_starts", "permutation")
EACH = 20  # layouts of each kind


def entry(change):
    """A kind of change to one entry, wherever it stands; `change(old value, its type)` is what it says then."""

    def changed(random, array):
        at = random.integers(len(array))
        array = array.copy()
        array[at] = np.int64(change(int(array[at]), np.iinfo(array.dtype))).astype(array.dtype)
        return array

    return changed


def swapped(random, array):
    array = array.copy()
    first, second = random.integers(len(array), size=2)
    array[[first, second]] = array[[second, first]]
    return array


def repeated(random, array):
    at = random.integers(len(array) - 1)
    return np.concatenate([array[: at + 1], array[at : at + 1], array[at + 2 :]])


CHANGES = {  # of one array, drawn at random
    "huge": entry(lambda old, kind: kind.max),
    "negative": entry(lambda old, kind: -old - 1),
    "one more": entry(lambda old, kind: old + 1),
    "one less": entry(lambda old, kind: old - 1),
    "swapped": swapped,
    "repeated": repeated,
    "backwards": lambda random, array: array[::-1],
    "another length": lambda random, array: np.resize(array, len(array) + random.choice([-1, 1])),
    "another type": lambda random, array: array.astype(random.choice(["int64", "uint32", "float32", "int8"])),
}
KINDS = [*CHANGES, "of two layouts"]


def drawn(random):
    """A layout that holds, in NumPy arrays."""
    mask = (random.permutation(SHAPE[0] * SHAPE[1]) < LIVE).reshape(SHAPE)
    return jax.tree.map(np.asarray, linalg.layout_of(mask, CAPACITY)), mask


def crafted(kind, seed):
    """A layout that may lie, and the mask that it has if it does not."""
    random = np.random.default_rng(seed)
    layout, mask = drawn(random)
    if kind == "of two layouts":  # none, some or all arrays of the other
        other, other_mask = drawn(random)
        taken = random.permutation(ARRAYS)[: seed % 6]
        return dataclasses.replace(layout, **{name: getattr(other, name) for name in taken}), (
            {0: mask, 5: other_mask}.get(len(taken))
        )
    name = random.choice(ARRAYS)
    old = getattr(layout, name)
    new = CHANGES[kind](random, old)
    same = new.dtype == old.dtype and np.array_equal(new, old)
    return dataclasses.replace(layout, **{name: new}), mask if same else None


@jax.jit
def computed(kernel, bias, x, dy):
    """A layer and all its gradients."""
    layer = lambda values, bias, x: linalg.dense(Compressed(values, kernel.layout), bias, x, jax.nn.relu)
    y, gradients = jax.vjp(layer, kernel.values, bias, x)
    return y, *gradients(dy)


def compare_with_numpy(layout, mask, random):
    for batch in (1, 5, 128):
        values = np.append(random.normal(size=LIVE), np.zeros(CAPACITY - LIVE)).astype(np.float32)
        dense = np.zeros(SHAPE[::-1], np.float32)
        dense[mask.T] = values[:LIVE]
        bias, x, dy = (random.normal(size=s).astype(np.float32) for s in (17, (24, batch), (17, batch)))
        results = computed(Compressed(values, layout), bias, x, dy)
        y = np.maximum(dense @ x + bias[:, None], 0)
        g = np.where(y > 0, dy, 0)
        expected = y, np.append((g @ x.T)[mask.T], np.zeros(CAPACITY - LIVE)), g.sum(1), dense.T @ g
        for array, right in zip(results, expected, strict=True):
            np.testing.assert_allclose(array, right, rtol=2e-4, atol=2e-4)


def complaint(layout):
    try:
        layout.check()
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_a_layout_is_refused_or_computes_what_numpy_says(kind):
    for seed in range(EACH):
        layout, mask = crafted(kind, seed)
        said = complaint(layout)
        assert (said is None) == (mask is not None), f"seed {seed}: {said}"
        if said is None:
            compare_with_numpy(layout, mask, np.random.default_rng(seed))
        else:
            assert said.startswith(ARRAYS)
            assert "\n" not in said


def test_there_are_200_and_some_of_them_hold():
    holding = [crafted(kind, seed)[1] is not None for kind in KINDS for seed in range(EACH)]
    assert len(holding) == 200
    assert 5 <= sum(holding) <= 100


@pytest.mark.parametrize("live", [0, 1, 24 * 17])
def test_empty_and_full_layouts_hold(live):
    mask = np.arange(24 * 17).reshape(SHAPE) < live
    layout = linalg.layout_of(mask, live)
    layout.check()
    Compressed(np.ones(live, np.float32), layout).check()
    with pytest.raises(ValueError, match=rf"values are float32\[{live + 1}\]: the layout needs float32\[{live}\]"):
        Compressed(np.ones(live + 1, np.float32), layout).check()


def test_wide_indices_are_checked_as_narrow_ones_are():
    layout = jax.tree.map(np.asarray, linalg.layout_of(np.eye(70_000, 3, dtype=bool), 5))
    layout.check()
    for name, value in (("inputs", 70_000), ("outputs", 3), ("permutation", 65_535), ("inputs", -1)):
        array = getattr(layout, name).copy()
        array[2] = np.int64(value).astype(array.dtype)
        with pytest.raises(ValueError, match=rf"{name}\[2\] is {array[2]}"):
            dataclasses.replace(layout, **{name: array}).check()
    padding = np.append(layout.inputs[:3], np.array([0, 7], np.int32))
    with pytest.raises(ValueError, match=r"inputs\[4\] is 7: inputs and output_starts make it 0"):
        dataclasses.replace(layout, inputs=padding).check()


def test_leading_axes_are_refused():
    layout = linalg.layout_of(np.eye(3, dtype=bool), 3)
    with pytest.raises(ValueError, match=r"inputs are uint16\[1, 3\]"):
        Layout(*(np.asarray(array)[None] for array in jax.tree.leaves(layout)), layout.shape).check()


@pytest.mark.parametrize("name", ["output_starts", "input_starts"])
@pytest.mark.parametrize(("at", "value"), [(0, -1), (-1, CAPACITY + 1), (5, 2**31 - 1), (5, -1)])
def test_starts_that_leave_the_weights_are_refused_by_the_kernels_too(name, at, value):
    """Nobody has checked here: without a file there is nobody to distrust, but a mistake must not crash either."""
    layout, _ = drawn(np.random.default_rng(0))
    starts = getattr(layout, name).copy()
    starts[at] = value
    kernel = Compressed(np.ones(CAPACITY, np.float32), dataclasses.replace(layout, **{name: starts}))
    operands = (np.zeros(17, np.float32), np.ones((24, 5), np.float32), np.ones((17, 5), np.float32))
    with pytest.raises(Exception, match=f"{name} must rise from 0 to at most {CAPACITY}"):
        jax.block_until_ready(computed(kernel, *operands))
