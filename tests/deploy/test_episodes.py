"""Playing: functions outside of JAX act in the real environment, whichever way programs call them."""

import dataclasses

import numpy as np
import pytest

from covering import covering
from sparserl.deploy import playing
from sparserl.experiment import from_preset

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("direct", covering([True, False], lambda direct: direct))
def test_any_function_acts_from_the_same_starts_and_what_it_raises_is_raised(direct, monkeypatch):
    if not direct:  # as on a GPU
        monkeypatch.setattr(playing, "available", lambda: False)
    experiment = from_preset("dqn", "static", "CartPole-v1")
    settings = dataclasses.replace(experiment.evaluation, max_episode_steps=60)
    experiment = dataclasses.replace(experiment, evaluation=settings)
    starts = []

    def balance(seen):
        starts.append(seen)
        return (seen[:, 2] + seen[:, 3] > 0).astype(np.int64)

    with playing.staged(experiment, 3) as stage:
        returns = stage.returns(balance)
        first = starts.pop(0)
        starts.clear()
        assert (stage.returns(lambda seen: np.zeros(3, np.int64)) < 15).all()
        np.testing.assert_array_equal(stage.returns(balance), returns)
        np.testing.assert_array_equal(starts[0], first)
        with pytest.raises(ZeroDivisionError):
            stage.returns(lambda seen: 1 // 0)
    assert (returns > 40).all(), "the rule balances the pole"
