"""The example that measures compressed kernels beside dense ones runs, and what it trains learns."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.kernels]

EXAMPLE = Path(__file__).parents[2] / "examples" / "really_sparse.py"


def test_both_sides_of_the_example_learn():
    spec = importlib.util.spec_from_file_location("really_sparse", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    row = example.measure("plain JAX", 0.9, num_updates=5, num_repeats=1)
    dense, compressed = row["losses"]
    assert 0.3 < dense < 0.8, "it begins at about 1"
    assert 0.3 < compressed < 0.8
    assert row["times_as_fast"] > 0
