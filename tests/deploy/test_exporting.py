"""Exporting: what is refused because the policy could not be held to the trained network."""

from types import SimpleNamespace

import numpy as np
import pytest

from deploy.small_policies import perceptron
from sparserl.deploy import exporting
from sparserl.deploy.observations import SeenObservations
from sparserl.deploy.policy import LIMIT
from sparserl.deploy.verification import Reference
from sparserl.types import UserError


def trained(policy):
    """A run of which nothing but its policy is asked."""
    said = SimpleNamespace(group="q", name="q")
    learner = SimpleNamespace(agent=SimpleNamespace(acting=lambda state: said), plan=SimpleNamespace(spec=None))
    state = SimpleNamespace(groups={"q": SimpleNamespace(params={"q": {}})})
    return SimpleNamespace(
        policy=policy, learner=learner, state=state, experiment=SimpleNamespace(environment="Clock-v0")
    )


@pytest.mark.parametrize("normalized", [False, True])
def test_observations_that_would_be_cut_without_a_normalizer_are_refused(monkeypatch, normalized):
    """The trained network acted on them as they are; adversarial ones may lie anywhere."""
    compared = []
    monkeypatch.setattr(
        exporting, "compare", lambda policy, original, seen, known: compared.append((seen, known.outputs))
    )
    policy, near = perceptron(normalized=normalized), np.ones((3, 5), np.float32)
    far, odd = near * np.float32(1.7 * LIMIT), np.float32([[np.inf] * 5, [1e20] * 5, [np.nan] * 5, [2.0] * 5])
    known = Reference(np.zeros((7, 3)), np.zeros((7, 3)))  # of three and four observations
    exporting._verified_original(trained(policy), SeenObservations(near, odd), known)
    assert [len(each) for each in compared.pop()] == [
        6 if normalized else 4
    ] * 2  # all but NaN, or none beyond the limit
    if normalized:
        exporting._verified_original(trained(policy), SeenObservations(far, odd), known)
        assert [len(each) for each in compared.pop()] == [6, 6]
        return
    with pytest.raises(UserError, match=r"^observations of Clock-v0 lie beyond 1e\+09, where exported policies cut"):
        exporting._verified_original(trained(policy), SeenObservations(far, odd), known)
    assert not compared


@pytest.mark.parametrize(
    ("choice", "count"), [("num_observations", 0), ("num_observations", 10**12), ("num_episodes", 10**9)]
)
def test_numbers_that_no_memory_holds_are_refused_before_all_else(tmp_path, choice, count):
    with pytest.raises(UserError, match=rf"{choice} is {count}: it must lie in 1 to "):
        exporting.export("nothing", "c", tmp_path / "out", **{choice: count})
