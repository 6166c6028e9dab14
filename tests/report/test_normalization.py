"""Normalized returns: what they are divided by, and that nothing is where it cannot be told."""

import gymnasium
import numpy as np
import pytest
import synthetic

from sparserl.report.names import dense_name
from sparserl.report.normalization import CLASSIC_CONTROL, normalizations

MUJOCO = {"agent": "sac", "environment": "HalfCheetah-v5"}
BREAKOUT = {"environment": "MinAtar/Breakout-v1", "network_kind": "cnn"}


def of(runs, number=0):
    """The normalization of one of the runs of a selection, and that run."""
    selected = {run.id: run for run in synthetic.selection(runs).runs}
    run = selected[runs[number].id]
    return normalizations(list(selected.values()))[run.id.experiment], run


@pytest.mark.parametrize("environment", CLASSIC_CONTROL)
def test_classic_control_lies_between_what_gymnasium_says(environment):
    spec, bounds = gymnasium.spec(environment), CLASSIC_CONTROL[environment]
    steps = spec.max_episode_steps
    expected = (0, steps) if environment == "CartPole-v1" else (-steps, spec.reward_threshold)
    assert (bounds.low, bounds.high) == expected
    normal, run = of([synthetic.run(environment=environment, final_return=bounds.high)])
    assert (normal.kind, normal(run.final_return), normal(bounds.low)) == ("min-max", 1.0, 0.0)
    assert f"{bounds.high:g}" in normal.words


def test_atari_is_by_human_scores_and_a_game_without_them_has_none():
    normal, _ = of([synthetic.run(environment="atari:Pong")])
    assert normal(-20.7) == 0
    assert normal(14.6) == 1
    normal, run = of([synthetic.run(environment="atari:Adventure")])
    assert normal(run.final_return) is None
    assert "no human score of atari:Adventure" in normal.problem


@pytest.mark.parametrize("agent", ["sac", "ppo"])
def test_mujoco_is_divided_by_the_mean_of_full_dense_sac_whatever_the_agent(agent):
    dense = synthetic.seeds([8_000.0, 10_000.0, 12_000.0], "dense", **MUJOCO)
    others = [synthetic.run("dense", 0, 3_000.0, agent="ppo", environment="HalfCheetah-v5")]
    normal, run = of([synthetic.run("rigl", 0.9, 5_000.0, agent=agent, environment="HalfCheetah-v5"), *dense, *others])
    assert normal(run.final_return) == pytest.approx(5_000 / np.mean([8_000, 10_000, 12_000]))
    assert normal.num_reference_runs == 3
    assert normal.words == "divided by 10,000, the mean of 3 runs of SAC's dense network of full size on HalfCheetah-v5"


def test_minatar_is_divided_by_the_full_dense_cnn_of_its_own_agent():
    small = synthetic.seeds([99.0] * 2, "dense", live_parameters=100, **BREAKOUT)
    other = synthetic.seeds([1.0, 1.0], "dense", **{**BREAKOUT, "network_kind": "resnet"})
    runs = [synthetic.run("set", 0.9, 10.0, **BREAKOUT), *synthetic.seeds([20.0, 30.0], "dense", **BREAKOUT)]
    normal, run = of([*runs, *small, *other])
    assert normal(run.final_return) == pytest.approx(10 / 25)
    assert normal.num_reference_runs == 2
    assert of([*runs, *small, *other], -1)[0] == normal._replace(
        words="divided by 25, the mean of 2 runs of DQN's dense network of full size with a CNN on MinAtar/Breakout-v1",
        reference="CNN",
    )


def test_a_resnet_without_a_cnn_that_fits_is_divided_by_a_resnet():
    resnet = {**BREAKOUT, "network_kind": "resnet"}
    runs = [*synthetic.seeds([1.0, 3.0], "dense", **resnet), synthetic.run("prune", 0.9, 10.0, **resnet)]
    for cnn in (
        [],
        synthetic.seeds([20.0, 30.0], "dense", **BREAKOUT, preset="sb3"),
        synthetic.seeds([-1.0, -3.0], "dense", **BREAKOUT),
    ):
        normal, run = of([*cnn, *runs], -1)
        assert normal(run.final_return) == pytest.approx(5)


def test_without_its_reference_nothing_is_divided_by_another():
    sparse = synthetic.run("rigl", 0.9, 5_000.0, **MUJOCO)
    ppo = synthetic.run("dense", 0, 3_000.0, agent="ppo", environment="HalfCheetah-v5")
    elsewhere = synthetic.run("dense", 0, 3_000.0, agent="sac", environment="Hopper-v5")
    unfinished = synthetic.run("dense", 0, 3_000.0, status="running", **MUJOCO)
    for runs, why in (
        ([sparse, ppo, elsewhere], "there is no run of SAC's dense network of full size on HalfCheetah-v5"),
        ([sparse, unfinished], "no run of SAC's dense network of full size on HalfCheetah-v5 has finished"),
        ([sparse, synthetic.run("dense", 0, -5.0, **MUJOCO)], "turns the order round"),
    ):
        normal, run = of(runs)
        assert normal(run.final_return) is None
        assert why in normal.problem
        assert normal.one is None


def test_several_references_that_differ_are_never_pooled():
    """By length they can be told apart; by a hyperparameter they stand for nothing."""
    dense = [
        synthetic.run("dense", 0, value, weight_decay=decay, **MUJOCO) for value, decay in ((100, 0.0), (50, 1e-4))
    ]
    normal, run = of([synthetic.run("rigl", 0.9, 80.0, weight_decay=0.0, **MUJOCO), *dense])
    assert normal(run.final_return) is None
    assert "differ in weight_decay" in normal.problem
    long, short = ({"total_steps": steps, **MUJOCO} for steps in (1_000_000, 400))
    dense = [synthetic.run("dense", 0, 100.0, **long), synthetic.run("dense", 0, 10.0, **short)]
    normal, run = of([synthetic.run("rigl", 0.9, 5.0, **short), *dense])
    assert normal(run.final_return) == 0.5


def test_diverged_references_are_left_out():
    runs = [synthetic.run("rigl", 0.9, 50.0, **MUJOCO), *synthetic.seeds([100.0, 50.0], "dense", **MUJOCO)]
    normal, run = of([*runs, synthetic.run("dense", 0, 0.0, 2, status="diverged", **MUJOCO)])
    assert normal(run.final_return) == pytest.approx(50 / 75)
    assert normal(float("nan")) is None


MATCHES = {
    "Dense, as many parameters as 90 %": [(0.9, "erk", False), (0.9, "uniform", False)],
    "Dense, as many parameters as 80 and 90 %": [(0.9, "erk", False), (0.8, "erk", False)],
    "Dense, as many parameters as 50, 80 and 99 %": [(0.5, "erk", False), (0.99, "erk", False), (0.8, "erk", False)],
    "Dense, as many parameters as 95 % with a dense last layer": [(0.95, "erk", True)],
    "Dense, as many parameters as 90 % and 95 % with a dense last layer": [(0.9, "erk", False), (0.95, "erk", True)],
    "Dense, as many parameters as 82.5 %": [(0.825, "erk", True), (0.825, "erk", False)],
    "Dense": [],
}


@pytest.mark.parametrize("name", MATCHES)
def test_dense_networks_are_told_apart_by_name(name):
    keys = ("sparsity", "distribution", "dense_last_layer")
    assert dense_name("matched-dense", [dict(zip(keys, match, strict=True)) for match in MATCHES[name]]) == name
    assert dense_name("full-dense") == "Dense, 100 %"
