"""Matches: what a dense network of as many parameters stands for is told by the study that it belongs to."""

from sparserl.experiment import Budget, from_preset, planned
from sparserl.study import Study
from sparserl.study.grids import distinct, grid
from sparserl.study.matches import Match, matches
from sparserl.study.stored import stored
from sparserl.study.storing import store

CARTPOLE = {"environments": ("CartPole-v1",), "sparsities": (0.9,), "methods": ("prune", "rigl")}


def by_width(experiments):
    found = matches(experiments)
    return {one.network.hidden_units[0]: found[one.identifier] for one in experiments if one.method_name == "dense"}


def test_a_dense_network_stands_for_the_sparse_ones_that_it_was_made_for():
    experiments = grid("dqn", environments=("CartPole-v1",), sparsities=(0.5, 0.9))
    erk = lambda sparsity: (Match(sparsity, "erk", False),)
    assert by_width(experiments) == {512: (), 362: erk(0.5), 162: erk(0.9)}  # widths: the reference, section 10
    sparse = [one.identifier for one in experiments if one.method_name != "dense"]
    assert all(matches(experiments)[identifier] == () for identifier in sparse)


def test_a_dense_network_that_several_share_stands_for_all_of_them():
    """ERK and uniform at one sparsity have as many weights; the dense last layer of CartPole adds 922 to theirs."""
    experiments = distinct([*grid("dqn", **CARTPOLE), *grid("dqn", **CARTPOLE, distribution="uniform")])
    assert by_width(experiments)[162] == (Match(0.9, "erk", False), Match(0.9, "uniform", False))
    last = grid("dqn", **CARTPOLE, dense_last_layer=True)
    assert (162 in by_width(last)) is False
    assert sorted(by_width(last).values()) == [(), (Match(0.9, "erk", True),)]


def test_networks_of_other_environments_and_lengths_are_not_stood_for():
    longer = grid("dqn", **CARTPOLE, total_steps=5_000)
    [full, *_, same] = grid("dqn", **CARTPOLE)
    assert same.network.hidden_units == (162, 162)
    assert set(matches([full, same, *(one for one in longer if one.method_name != "dense")]).values()) == {()}


def test_matches_and_facts_are_stored_with_the_study(tmp_path):
    experiments = (*grid("dqn", **CARTPOLE), planned(from_preset("sac", "rigl", "Pendulum-v1")))
    budget = Budget(0.1, 0.4, {"actor": 1.0})
    budgets = {experiments[-1].identifier: budget}
    store(tmp_path, Study("mine", "Which?", experiments, 1, preset="paper", budgets=budgets), "smoke")
    found = stored(tmp_path, "mine", "smoke")
    by_id = {one.identifier: one for one in found.experiments}
    dense = [one for one in experiments if one.method_name == "dense"]
    assert [by_id[one.identifier].matches for one in dense] == [
        (),
        ({"sparsity": 0.9, "distribution": "erk", "dense_last_layer": False},),
    ]
    told = by_id[experiments[-1].identifier].facts
    assert (told["budget"], told["actor_share"], told["preset"]) == (0.1, 0.4, "paper")
