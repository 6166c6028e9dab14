"""Facts: what results keep of an experiment beside its choices, counted here by hand."""

import pytest

from sparserl.experiment import (
    RESULTS_VERSION,
    Budget,
    asked_parameters,
    facts,
    from_preset,
    known_facts,
    planned,
    with_budget,
)
from sparserl.persistence import FACTS, facts_of


def test_facts_of_a_sparse_network_are_the_references():
    """The reference, 10.1: DQN's 4-512-512-2 at 50 % has 132,608 live weights and 1,026 biases."""
    experiment = planned(from_preset("dqn", "rigl", "CartPole-v1", sparsity=0.5, storage="masked"))
    found = facts(experiment, "paper")
    weights = 4 * 512 + 512 * 512 + 512 * 2
    sizes = {
        "parameters": weights + 1_026,
        "live_parameters": 132_608 + 1_026,
        "macs": weights,
        "live_macs": 132_608,
    }
    assert found["networks"] == {"q": sizes}
    told = {"results_version": RESULTS_VERSION, "preset": "paper", "network_kind": "mlp"}
    told |= {"distribution": "erk", "storage": "masked"}
    assert found["facts"] == {**told, **sizes, "budget": None, "actor_share": None, "randomness": "seeded"}
    assert tuple(found["facts"]) == FACTS


def test_facts_of_several_networks_are_their_sums_and_the_actors_part():
    experiment = planned(from_preset("ppo", "dense", "Pendulum-v1"))
    size = lambda outputs: (3 + 1) * 64 + (64 + 1) * 64 + (64 + 1) * outputs
    actor, value = size(1) + 1, size(1)  # and a deviation
    found = facts(experiment)
    assert {name: sizes["parameters"] for name, sizes in found["networks"].items()} == {"actor": actor, "value": value}
    assert found["facts"]["live_parameters"] == found["facts"]["parameters"] == actor + value
    assert found["facts"]["actor_share"] == pytest.approx(actor / (actor + value))


def test_a_budget_is_kept_as_it_was_asked_for():
    whole = from_preset("sac", "rigl", "Pendulum-v1")
    budget = Budget(0.2, 0.3, asked_parameters(whole, 0.3, 0.2))
    experiment = planned(with_budget(whole, 0.3, 0.2))
    found = facts(experiment, "paper", budget)
    assert (found["facts"]["budget"], found["facts"]["actor_share"]) == (0.2, 0.3)
    assert found["budget"]["asked_parameters"]["actor"] == pytest.approx(0.06 * found["facts"]["parameters"])
    asked_as_dense = facts(experiment, "paper", budget._replace(actor_share=None))
    assert asked_as_dense["facts"]["actor_share"] == pytest.approx(0.3, abs=0.001)  # what it is


def test_what_an_earlier_version_did_not_store_is_computed():
    experiment = planned(from_preset("dqn", "static", "CartPole-v1"))
    document = {"choices": experiment.choices(), "preset": "paper", "budget": None}
    assert facts_of(document)["parameters"] is None
    assert known_facts(experiment, document) == facts(experiment, "paper")["facts"]
    assert known_facts(experiment, {**document, **facts(experiment, "sb3")})["preset"] == "sb3"
