"""Safetensors: live weights alone, exactly; whatever is altered is seen."""

import numpy as np
import pytest
import safetensors.numpy

from deploy.small_policies import perceptron
from sparserl.deploy import safetensors as ours
from sparserl.deploy.verification import Mismatch, compare


@pytest.fixture
def policy():
    return perceptron("tanh", units=(40, 40), density=0.1, normalized=True)


def test_what_is_read_is_what_was_written(policy, tmp_path):
    ours.write(policy, tmp_path)
    arrays = safetensors.numpy.load_file(tmp_path / ours.FILE)
    assert arrays["hidden_2.values"].size == policy.steps[1].live.sum()
    assert "hidden_1.kernel" in arrays, "a dense layer stays dense"
    seen = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
    verified = compare(policy, ours.opened(policy, tmp_path), seen)
    assert (verified.largest_difference, verified.action_agreement) == (0.0, 1.0)


def test_a_live_weight_of_0_and_a_unit_without_weights_are_kept():
    policy = perceptron(units=(40, 40), density=0.1)
    first, second, last = policy.steps
    kernel, live = second.kernel.copy(), second.live.copy()
    kernel[:, 3], live[:, 3] = 0, False
    row, column = (int(at[0]) for at in np.nonzero(live))
    kernel[row, column] = 0
    second = second._replace(kernel=kernel, live=live)
    arrays = ours.arrays_of(policy._replace(steps=(first, second, last)))
    assert arrays["hidden_2.values"].size == live.sum()
    np.testing.assert_array_equal(ours.kernel_of(arrays, "hidden_2", kernel.shape), kernel)


@pytest.mark.parametrize("name", ["hidden_2.values", "hidden_2.inputs", "output.bias", "normalizer.mean"])
def test_one_altered_number_is_seen(policy, tmp_path, name):
    arrays = ours.arrays_of(policy)
    altered = arrays[name].copy()
    altered[0] = altered[0] + altered.dtype.type(1)
    safetensors.numpy.save_file({**arrays, name: altered}, tmp_path / ours.FILE)
    with pytest.raises(Mismatch, match=f"holds other values of {name}"):
        ours.opened(policy, tmp_path)


def test_the_same_numbers_in_another_shape_are_seen(policy, tmp_path):
    arrays = ours.arrays_of(policy)
    turned = arrays["hidden_1.kernel"].reshape(arrays["hidden_1.kernel"].shape[::-1])
    safetensors.numpy.save_file({**arrays, "hidden_1.kernel": turned}, tmp_path / ours.FILE)
    with pytest.raises(Mismatch, match=r"holds other values of hidden_1\.kernel"):
        ours.opened(policy, tmp_path)


def test_every_altered_byte_is_seen(policy, tmp_path):
    ours.write(policy, tmp_path)
    content = (tmp_path / ours.FILE).read_bytes()
    for at in range(0, len(content), 97):
        (tmp_path / ours.FILE).write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(Mismatch):
            ours.opened(policy, tmp_path)
    (tmp_path / ours.FILE).write_bytes(content[:-1])
    with pytest.raises(Mismatch):
        ours.opened(policy, tmp_path)
