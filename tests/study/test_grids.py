"""Grids: every combination once, dense networks of equal size beside it, and nothing that a method lacks."""

import pytest

from sparserl.experiment import describe, from_preset, matched_dense, plan_of, planned
from sparserl.study.grids import distinct, full_dense, grid
from sparserl.types import UserError

CARTPOLE = {"environments": ("CartPole-v1",), "sparsities": (0.9,)}


def dense_widths(experiments):
    return [one.network.hidden_units for one in experiments if one.method_name == "dense"]


def test_a_grid_is_every_combination_and_its_dense_networks():
    found = grid("dqn", environments=("CartPole-v1", "Acrobot-v1"), sparsities=(0.5, 0.9), methods=("static", "rigl"))
    cells = [(one.environment, one.method_name, one.sparsity, one.network.hidden_units[0]) for one in found]
    assert cells == [
        ("CartPole-v1", "dense", 0.0, 512),
        ("CartPole-v1", "static", 0.5, 512),
        ("CartPole-v1", "rigl", 0.5, 512),
        ("CartPole-v1", "dense", 0.0, 362),
        ("CartPole-v1", "static", 0.9, 512),
        ("CartPole-v1", "rigl", 0.9, 512),
        ("CartPole-v1", "dense", 0.0, 162),
        ("Acrobot-v1", "dense", 0.0, 512),
        ("Acrobot-v1", "static", 0.5, 512),
        ("Acrobot-v1", "rigl", 0.5, 512),
        ("Acrobot-v1", "dense", 0.0, 361),
        ("Acrobot-v1", "static", 0.9, 512),
        ("Acrobot-v1", "rigl", 0.9, 512),
        ("Acrobot-v1", "dense", 0.0, 161),
    ]


def test_lists_are_swept_and_what_a_method_lacks_is_left_out():
    choices = {"method.drop_fraction": [0.1, 0.3], "weight_decay": [0, 1e-4]}
    found = grid("dqn", **CARTPOLE, methods=("static", "set"), **choices)
    sets = [(one.weight_decay, one.method.drop_fraction) for one in found if one.method_name == "set"]
    assert sorted(sets) == [(0.0, 0.1), (0.0, 0.3), (1e-4, 0.1), (1e-4, 0.3)]
    assert [one.weight_decay for one in found if one.method_name == "static"] == [0.0, 1e-4]
    assert len(found) == 4 + 2 + 2 * 2  # dense networks of both sizes have the two weight decays
    assert len({one.identifier for one in found}) == len(found)


def test_dense_networks_take_the_choices_that_the_preset_has_for_dense():
    """Table 2: SAC's weight decay is 1e-4 for dense and 1e-6 for RigL."""
    found = grid("sac", environments=("Pendulum-v1",), sparsities=(0.9,), methods=("rigl",))
    assert {one.method_name: one.weight_decay for one in found} == {"dense": 1e-4, "rigl": 1e-6}


def test_dense_networks_are_shared_by_distributions_and_methods():
    erk, uniform = (grid("dqn", **CARTPOLE, distribution=name) for name in ("erk", "uniform"))
    dense = [one for one in distinct([*erk, *uniform]) if one.method_name == "dense"]
    assert [one.network.hidden_units for one in dense] == [(512, 512), (162, 162)]
    assert len(distinct([*erk, *uniform])) == 2 + 2 * 4


def test_full_dense_is_the_grids_own():
    choices = {"total_steps": 5_000, "method.window.interval_updates": 100}
    [alone] = full_dense("dqn", ("CartPole-v1",), **choices)
    assert alone == grid("dqn", **CARTPOLE, **choices)[0]
    assert (alone.total_steps, alone.network.hidden_units) == (5_000, (512, 512))


def test_a_matched_dense_network_is_the_nearest_of_all_widths():
    """By trying every width: 4-w-w-2 with biases against the parameters that RigL has alive."""
    sparse = planned(from_preset("dqn", "rigl", "CartPole-v1", sparsity=0.9))
    live = sum(plan_of(sparse).live_parameters.values())
    assert live == 26_523 + 1_026  # reference, section 10.1
    size = lambda width: 5 * width + (width + 1) * width + (width + 1) * 2
    nearest = min(range(1, 600), key=lambda width: abs(size(width) - live))
    dense = matched_dense(sparse)
    assert dense.network.hidden_units == (nearest, nearest) == (162, 162)
    assert sum(plan_of(dense).live_parameters.values()) == size(nearest)
    assert (dense.method_name, dense.sparsity, dense.weight_decay) == ("dense", 0.0, sparse.weight_decay)
    assert describe(sparse)["matched_dense"] == {"hidden_units": nearest, "parameters": size(nearest)}


def test_a_matched_dense_network_counts_all_networks_and_both_sparsities():
    """PPO on Pendulum: 3-w-w-1 twice and one deviation; the actor at 50 %, the value network at 90 %."""
    sparse = planned(from_preset("ppo", "static", "Pendulum-v1", actor_sparsity=0.5, critic_sparsity=0.9))
    live = sum(plan_of(sparse).live_parameters.values())
    of_layers = describe(sparse)["networks"]
    assert live == sum(network["live_parameters"] for network in of_layers.values())
    size = lambda width: 2 * (4 * width + (width + 1) * width + width + 1) + 1
    width = matched_dense(sparse).network.hidden_units[0]
    assert abs(size(width) - live) == min(abs(size(other) - live) for other in range(1, 64))
    assert matched_dense(sparse).critic_hidden_units == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": "rigl"}, r"methods is 'rigl': give several, as in \('rigl',\)"),
        ({"methods": ()}, "methods is empty"),
        ({"methods": ("rigl", "rigl")}, "it holds 'rigl' twice"),
        ({"methods": ("rigel",)}, "method is 'rigel'.*did you mean 'rigl'"),
        ({"environments": ("CartPol-v1",)}, "'CartPol-v1': it is not registered.*CartPole-v1"),
        ({"sparsities": 0.9}, "sparsities is 0.9: give several"),
        ({"sparsities": (90,)}, "90 % is 0.9"),
        ({"preset": "papre"}, "preset is 'papre'.*did you mean 'paper'"),
        ({"weight_decay": []}, r"weight_decay is empty"),
        ({"weight_decaz": 0.1}, "did you mean 'weight_decay'"),
        ({"method.drop_fractions": 0.1}, "did you mean 'method.drop_fraction'"),
        ({"sparsity": 0.5}, "sparsity: a grid has an argument of its own"),
        ({"total_steps": 1e5}, "total_steps is 100000.0: it takes a whole number"),
        ({"total_steps": 500}, "all of it is warm-up"),
        ({"method.window.interval_updates": 10**6}, "window"),
    ],
)
def test_what_cannot_be_run_is_refused(change, message):
    with pytest.raises(UserError, match=message):
        grid("dqn", **{**CARTPOLE, **change})
