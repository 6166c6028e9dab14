"""How topologies move, by hand over a scripted history."""

import numpy as np
import pytest

from sparserl.diagnostics import WHOLE, after_update, beginning, jaccard, live_per_unit, of_topology, of_weights

pytestmark = pytest.mark.slow


def alive(*positions, size=6):
    mask = np.zeros(size, bool)
    mask[list(positions)] = True
    return mask


def test_jaccard_by_hand():
    assert jaccard(alive(0, 1, 2), alive(1, 2, 3)) == 2 / 4
    assert jaccard(alive(0), alive(1)) == 0.0
    assert jaccard(alive(0, 5), alive(0, 5)) == 1.0
    assert jaccard(alive(), alive()) == 1.0


def test_a_history_by_hand():
    """Layer a moves 012 -> 123 -> 012 -> 012; layer b, four weights, always lives."""
    history = beginning({"a": alive(0, 1, 2), "b": np.ones(4, bool)})
    found = of_topology(history)
    assert found["a"] == {
        "live_density": 0.5,
        "jaccard_to_start": 1.0,
        "jaccard_to_previous": 1.0,
        "tried_fraction": 0.5,
    }
    steps = []
    for mask in (alive(1, 2, 3), alive(0, 1, 2), alive(0, 1, 2)):
        history = after_update(history, {"a": mask, "b": np.ones(4, bool)})
        steps.append(of_topology(history))
    columns = ("jaccard_to_start", "jaccard_to_previous", "tried_fraction", "live_density")
    assert [[step["a"][name] for name in columns] for step in steps] == [
        [2 / 4, 2 / 4, 4 / 6, 3 / 6],
        [1.0, 2 / 4, 4 / 6, 3 / 6],
        [1.0, 1.0, 4 / 6, 3 / 6],
    ]
    assert [steps[0][WHOLE][name] for name in columns] == [6 / 8, 6 / 8, 8 / 10, 7 / 10]
    assert steps[0]["b"] == dict.fromkeys(steps[0]["b"], 1.0)


def test_weight_norms_by_hand():
    params = {
        "a": {"kernel": np.array([[3.0, 0.0]]), "bias": np.array([4.0, 0.0])},
        "b": {"kernel": np.array([[12.0]])},
    }
    found = of_weights(params)
    assert {layer: columns["weight_norm"] for layer, columns in found.items()} == {"a": 5.0, "b": 12.0, WHOLE: 13.0}


def test_live_weights_of_units_by_hand():
    dense = np.array([[1, 0, 1], [0, 0, 1]], bool)  # two inputs, three outputs
    assert live_per_unit(dense, -2) == {"weights_per_unit": 3, "live_weights": [2, 1]}
    assert live_per_unit(dense, -1) == {"weights_per_unit": 2, "live_weights": [1, 0, 2]}
    window = np.zeros((3, 3, 2, 4), bool)  # a convolution of two channels into four
    window[:, 1, 1, 0] = window[0, 0, :, 3] = True
    assert live_per_unit(window, -2) == {"weights_per_unit": 36, "live_weights": [1, 4]}
    assert live_per_unit(window, -1) == {"weights_per_unit": 18, "live_weights": [3, 0, 0, 2]}
