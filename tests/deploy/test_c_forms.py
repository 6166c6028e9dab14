"""How the weights of a layer lie in C: read back by the definition, counted, and without what changes no output."""

import itertools

import numpy as np
import pytest
from c_policies import observations, policy
from hypothesis import given, settings
from hypothesis import strategies as st

from sparserl.deploy.c.forms import LANES, Full, Sparse, full, rows_of, smallest, sparse
from sparserl.deploy.c.layers import layers_of
from sparserl.deploy.c.matrices import Matrix, matrices, quantized, without_idle_units
from sparserl.deploy.computing import computed
from sparserl.deploy.steps import Dense
from sparserl.types import UserError


def drawn(rows: int, inputs: int, density: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((rows, inputs)) < density, rng.standard_normal((rows, inputs)), 0).astype(np.float32)


def dense_again(form: Sparse, shape: tuple[int, int]) -> np.ndarray:
    """The matrix, entry by entry, from what the layout means."""
    matrix, weight = np.zeros(shape), 0
    for number, length in enumerate(form.lengths):
        lanes = LANES if number < form.num_slices else 1
        first = number * LANES if number < form.num_slices else form.num_slices * (LANES - 1) + number
        at = [0] * lanes
        for _ in range(length):
            for lane in range(lanes):
                step = int(form.indices[weight])
                at[lane] = at[lane] + step if form.indexing == "delta" else step
                matrix[first + lane, at[lane]] += form.weights[weight]
                weight += 1
    assert weight == len(form.weights) == len(form.indices)
    return matrix


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 40),
    inputs=st.integers(1, 900),
    density=st.sampled_from([0.0, 0.003, 0.05, 0.4, 1.0]),
    indexing=st.sampled_from(["delta", "uint16", "uint32"]),
    seed=st.integers(0, 9),
)
def test_a_layout_reads_back_as_its_matrix(rows: int, inputs: int, density: float, indexing, seed: int) -> None:
    values = drawn(rows, inputs, density, seed)
    form = sparse(rows_of(values, indexing), indexing, rows // LANES)
    np.testing.assert_array_equal(dense_again(form, values.shape), values)


def test_a_distance_beyond_255_takes_steps_without_weight() -> None:
    """By hand: input 0, then 255 and 256 behind it, then 510 more."""
    values = np.zeros((1, 1100), np.float32)
    values[0, [0, 255, 511, 1021]] = 1, 2, 3, 4
    rows = rows_of(values, "delta")
    assert rows.indices[0].tolist() == [0, 255, 255, 1, 255, 255]
    assert rows.weights[0].tolist() == [1, 2, 0, 3, 0, 4]


@pytest.mark.parametrize(
    ("shape", "density", "expected"),
    [
        ((64, 256), 0.05, "uint8"),  # numbers of 8 bits reach all inputs
        ((64, 257), 0.5, "delta"),
        ((64, 60_000), 0.0005, "uint16"),  # most distances take several steps
        ((9, 70_000), 0.00005, "uint32"),
        ((64, 256), 0.9, None),  # 5 bytes a weight beside 4
    ],
)
def test_the_smallest_form_is_chosen(shape: tuple[int, int], density: float, expected: str | None) -> None:
    values = drawn(*shape, density)
    form, order = smallest(Matrix("layer", values, None, np.zeros(shape[0], np.float32), "relu"), may_reorder=True)
    assert (form.indexing if isinstance(form, Sparse) else None) == expected
    if isinstance(form, Sparse):
        np.testing.assert_array_equal(dense_again(form, shape), values[order])
        assert form.num_bytes < full(values).num_bytes
    else:
        np.testing.assert_array_equal(form.weights.reshape(256, 64).T, values)


def test_rows_of_equal_lengths_lie_together() -> None:
    """Zeros that end rows are few: less than a twentieth of the weights of a layer as sparse policies have them."""
    form, _ = smallest(Matrix("", drawn(256, 256, 0.03), None, np.zeros(256, np.float32), "relu"), may_reorder=True)
    assert isinstance(form, Sparse)
    assert (form.weights == 0).sum() < 0.05 * len(form.weights)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_units_that_change_nothing_are_left_out(activation, weights) -> None:
    original = policy((6, 50, 50, 30, 3), (0.05, 0.02, 0.03, 0.1), activation, "mean", seed=3)
    all_units = matrices(original, weights)
    kept = without_idle_units(all_units)
    assert sum(len(layer.biases) for layer in kept) < 0.6 * sum(len(layer.biases) for layer in all_units)
    for layer, following in itertools.pairwise(kept):
        assert layer.values.any(1).all()  # no constant unit
        assert following.values.any(0).all()  # no unused one
    x = observations(original)[10:]
    of = lambda layers: computed([_step(layer) for layer in layers], x)
    np.testing.assert_allclose(of(kept), of(all_units), rtol=1e-5, atol=1e-6)


def _step(layer: Matrix) -> Dense:
    return Dense(layer.name, layer.weights.T, layer.biases, layer.activation, layer.weights.T != 0)


def test_int8_weights_are_the_nearest_multiples_of_a_scale_per_row() -> None:
    original = policy((20, 30, 4), (0.3, 0.5))
    kernel, rounded = original.steps[0].kernel, quantized(original).steps[0].kernel
    scale = np.abs(kernel).max(0) / 127
    assert (np.abs(rounded - kernel) <= 0.5001 * scale).all()
    live = scale > 0
    multiples = rounded[:, live] / scale[live]
    np.testing.assert_allclose(multiples, np.rint(multiples), atol=1e-3)
    np.testing.assert_array_equal(quantized(quantized(original)).steps[0].kernel, rounded)
    assert np.abs(kernel - rounded).max() > 0


def test_a_halfcheetah_actor_at_95_percent_is_within_its_bytes() -> None:
    """Issue 16: at most 0.12 of the dense bytes with float weights, 0.05 with int8; ERK's densities."""
    sizes, densities = (17, 256, 256, 6), (0.217, 0.027, 0.303)
    dense = sum(layer.num_bytes for layer in layers_of(policy(sizes, (1, 1, 1)), "float32"))
    assert dense == 4 * (17 * 256 + 256 * 256 + 256 * 6 + 256 + 256 + 6)
    for weights, share in (("float32", 0.12), ("int8", 0.05)):
        assert sum(layer.num_bytes for layer in layers_of(policy(sizes, densities), weights)) < share * dense


def test_all_weights_of_a_dense_policy_stay_dense() -> None:
    assert all(isinstance(layer.form, Full) for layer in layers_of(policy((5, 9, 3), (1, 1)), "float32"))


def test_weights_that_are_not_finite_are_refused() -> None:
    broken = policy((5, 9, 3), (1, 1))
    broken.steps[0].kernel[0, 0] = np.nan
    with pytest.raises(UserError, match="layer hidden_1 has weights or biases that are not finite"):
        layers_of(broken, "float32")


def test_other_networks_are_sent_to_other_formats() -> None:
    from policies import KINDS, policy_of

    with pytest.raises(UserError, match="Convolution steps: export it as onnx or safetensors"):
        layers_of(policy_of(KINDS["cnn"]), "float32")
