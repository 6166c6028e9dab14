"""One budget for several networks: what is handed out, and what is refused."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparserl.sparsity import NetworkSize, allocate
from sparserl.types import UserError

SIZES = st.lists(st.builds(NetworkSize, st.integers(1, 10_000), st.integers(0, 500)), min_size=1, max_size=4)


@settings(max_examples=200)
@given(SIZES, st.data())
def test_feasible_allocations_spend_the_whole_budget(sizes, data):
    networks = {f"network_{i}": size for i, size in enumerate(sizes)}
    parameters = {
        name: data.draw(st.integers(size.other_parameters + 1, size.other_parameters + size.kernel_weights))
        for name, size in networks.items()
    }
    budget = sum(parameters.values())
    dense = sum(size.kernel_weights + size.other_parameters for size in sizes)
    shares = {name: count / budget for name, count in parameters.items()}
    sparsities = allocate(networks, shares, budget / dense)
    for name, size in networks.items():
        assert 0.0 <= sparsities[name] < 1.0
        live = (1 - sparsities[name]) * size.kernel_weights + size.other_parameters
        assert live == pytest.approx(parameters[name], rel=1e-6)


NETWORKS = {"actor": NetworkSize(1000, 10), "critic": NetworkSize(3000, 20)}


def test_the_natural_shares_of_the_whole_budget_are_dense():
    shares = {"actor": 1010 / 4030, "critic": 3020 / 4030}
    assert allocate(NETWORKS, shares, 1.0) == pytest.approx({"actor": 0.0, "critic": 0.0})


def test_the_range_in_the_message_is_the_feasible_one():
    for share, name in ((0.9, "actor"), (0.001, "actor")):
        with pytest.raises(UserError, match=f"{name}_share is {share}") as caught:
            allocate(NETWORKS, {"actor": share, "critic": 1 - share}, 0.5)
        low, high = map(float, re.findall(r"between (\S+) and (\S+) with a budget of 0.5", str(caught.value))[0])
        assert (low, high) == (0.0055, 0.5012)  # 11 and 1010 of 2015 parameters
        for edge in (low, high):
            allocate(NETWORKS, {"actor": edge, "critic": 1 - edge}, 0.5)


def test_a_range_of_one_share_tells_it_so_that_it_can_be_typed():
    with pytest.raises(UserError, match=r"actor_share is 0\.25: it must be about") as caught:
        allocate(NETWORKS, {"actor": 0.25, "critic": 0.75}, 1.0)
    share = float(re.findall(r"about (\S+) with", str(caught.value))[0])
    assert share == pytest.approx(1010 / 4030, abs=1e-9)
    assert allocate(NETWORKS, {"actor": share, "critic": 1 - share}, 1.0) == pytest.approx(
        {"actor": 0, "critic": 0}, abs=1e-9
    )


@pytest.mark.parametrize(
    ("shares", "budget_fraction", "words"),
    [
        ({"actor": 0.5}, 0.5, "must be for actor, critic"),
        ({"actor": 0.5, "critic": 0.6}, 0.5, "must sum to 1"),
        ({"actor": 0.5, "critic": 0.5}, 1.2, "budget_fraction is 1.2: it must be between 0.008 and 1"),
        ({"actor": 0.5, "critic": 0.5}, 0.0, "budget_fraction is 0.0"),
        ({"actor": 1.2, "critic": -0.2}, 0.5, "actor_share"),
        ({"actor": float("nan"), "critic": 0.5}, 0.5, "actor_share|sum to 1"),
    ],
)
def test_impossible_allocations_are_refused(shares, budget_fraction, words):
    with pytest.raises(UserError, match=words):
        allocate(NETWORKS, shares, budget_fraction)
