"""Policies as C, compiled and called, beside the policies that they were written from."""

from pathlib import Path

import pytest
from c_policies import observations, policy

from sparserl.deploy.c import compiled, quantized, write
from sparserl.deploy.verification import compare


@pytest.mark.processes
def test_the_c_acts_as_its_policy(tmp_path: Path) -> None:
    original = policy((17, 64, 64, 6), (0.2, 0.05, 0.3))
    for weights, expected in (("float32", original), ("int8", quantized(original))):
        write(original, tmp_path / weights, weights)
        written = compiled(tmp_path / weights, (6,))
        verified = compare(expected, written, observations(original))
        assert verified.action_agreement == 1
        assert verified.largest_difference < 1e-5
        assert written.self_test() < 1e-5
