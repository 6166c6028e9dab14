"""Budgets for actor and critics: figure 3 as counted in data/expected_counts.json, its ranges, and what they leave."""

import dataclasses
import json
import math
import pathlib
import re
from typing import NamedTuple

import numpy as np
import pytest

from sparserl.agents.sac import SACSettings
from sparserl.experiment import AGENTS, asked_parameters, describe, environment, from_preset, run, with_budget
from sparserl.experiment.kinds import by_name
from sparserl.experiment.plan import resolved
from sparserl.networks import MLPSettings
from sparserl.sparsity import kernels, live_count, pruned_count
from sparserl.training import EvaluationSettings
from sparserl.types import Box, EnvSpec, UserError

EXPECTED = json.loads((pathlib.Path(__file__).parents[1] / "data" / "expected_counts.json").read_text())["sac"]
ROWS = [(name, float(b), row) for name, task in EXPECTED.items() for b, rows in task["fig3"].items() for row in rows]
CRITICS = ("critic_1", "critic_2")
figure_3 = pytest.mark.parametrize(
    ("name", "budget", "row"), ROWS, ids=[f"{name}-{budget}-{row['actor_frac']:.3g}" for name, budget, row in ROWS]
)


def specification(experiment):
    """The sizes of a MuJoCo task, without MuJoCo."""
    task = EXPECTED[experiment.environment]
    ones = np.ones(task["act"], np.float32)
    return EnvSpec(experiment.environment, (task["obs"],), np.dtype("float32"), Box(ones.shape, -ones, ones), None)


@pytest.fixture(autouse=True)
def without_mujoco(monkeypatch):
    known = lambda experiment: experiment.environment in EXPECTED
    of = lambda experiment: (specification if known(experiment) else environment.specification)(experiment)
    monkeypatch.setattr("sparserl.experiment.budget.specification", of)


def live_parameters(experiment):
    """Live parameters by network, counted layer by layer from the sparsities, biases included."""
    plan = resolved(experiment, specification(experiment))
    count = pruned_count if experiment.method_name == "prune" else live_count
    live = {}
    for name, network in by_name(plan.networks).items():
        shapes = network.layer_shapes.items()
        weights = sum(count(a * b, plan.sparsities.get(f"{name}/{layer}", 0.0)) for layer, (a, b) in shapes)
        live[name] = weights + sum(b for _, (_, b) in shapes)
    return live


@figure_3
def test_widths_of_dense_networks(name, budget, row):
    dense = from_preset("sac", "dense", name)
    found = with_budget(dense, row["actor_frac"], budget)
    actor, critic = (row["dense_actor_hidden"],) * 2, (row["dense_critic_hidden"],) * 2
    assert found.network.hidden_units == actor
    assert (found.critic_hidden_units or actor) == critic
    by_hand = {"critic_hidden_units": critic} if critic != actor else {}
    network = dataclasses.replace(dense.network, hidden_units=actor)
    assert found == from_preset("sac", "dense", name, sparsity=0.0, network=network, **by_hand)


@figure_3
def test_sparsities_of_sparse_networks(name, budget, row):
    experiment, share = from_preset("sac", "rigl", name), row["actor_frac"]
    if not row["sparse_feasible_at_width1"]:
        with pytest.raises(
            UserError, match=rf"actor_share is {share}: it must be about 0\.33\d+ with a budget of 1\.0"
        ):
            with_budget(experiment, share, budget)
        return
    found = with_budget(experiment, share, budget)
    assert found.actor_sparsity == pytest.approx(row["sparse_actor_sparsity_biases_counted"], abs=1e-9)
    assert found.critic_sparsity == pytest.approx(row["sparse_critic_sparsity_biases_counted"], abs=1e-9)
    given = {"actor_sparsity": found.actor_sparsity, "critic_sparsity": found.critic_sparsity}
    assert found == from_preset("sac", "rigl", name, sparsity=round(1 - budget, 9), **given)
    asked = asked_parameters(experiment, share, budget)
    assert asked["actor"] == pytest.approx(row["actor_params"])
    assert [asked[critic] for critic in CRITICS] == pytest.approx([row["critic_params_each"]] * 2)


@figure_3
@pytest.mark.parametrize("distribution", ["erk", "uniform"])
@pytest.mark.parametrize("dense_last_layer", [False, True])
@pytest.mark.parametrize("method", ["rigl", "prune"])
def test_live_parameters_are_those_asked_for(method, dense_last_layer, distribution, name, budget, row):
    """Counts round once for the network and once for each layer, and a random mask's round up."""
    choices = {"distribution": distribution, "dense_last_layer": dense_last_layer}
    experiment, share = from_preset("sac", method, name, **choices), row["actor_frac"]
    outputs = {"actor": 2 * EXPECTED[name]["act"], "critic_1": 1}
    needed = {network: 512 + count + (256 * count if dense_last_layer else 0) for network, count in outputs.items()}
    asked = asked_parameters(experiment, share, budget)
    possible = row["sparse_feasible_at_width1"] and all(asked[network] > least for network, least in needed.items())
    if not possible:
        with pytest.raises(UserError, match="actor_share"):
            with_budget(experiment, share, budget)
        return
    live = live_parameters(with_budget(experiment, share, budget))
    assert live.keys() == asked.keys()
    for network, wanted in asked.items():
        assert -2 < live[network] - wanted < 5, network


def test_some_rows_cannot_be_had_with_a_dense_last_layer():
    """The actor's 12 outputs alone are 3,084 parameters; a tenth of a tenth of all are 2,178.7."""
    experiment = from_preset("sac", "rigl", "HalfCheetah", dense_last_layer=True)
    with pytest.raises(UserError, match=r"actor_share is 0\.1: it must be between") as refused:
        with_budget(experiment, 0.1, 0.1)
    low, high = map(float, re.findall(r"between (\S+) and (\S+) with", str(refused.value))[0])
    assert low == math.ceil(1e4 * (3072 + 524 + 1) / 21787) / 1e4
    assert high == math.floor(1e4 * (1 - 2 * (256 + 513 + 1) / 21787)) / 1e4
    for edge in (low, high):
        with_budget(experiment, edge, 0.1)


def test_layers_that_are_overridden_count():
    choices = {"layer_sparsities": ("actor/hidden_1=0.5", "critic_2/output=0")}
    experiment = from_preset("sac", "static", "Hopper", **choices)
    live, asked = live_parameters(with_budget(experiment, 0.4, 0.2)), asked_parameters(experiment, 0.4, 0.2)
    for network, wanted in asked.items():
        assert -2 < live[network] - wanted < 6, network


@pytest.mark.parametrize("method", ["dense", "rigl"])
def test_a_budget_alone_keeps_the_split_of_the_dense_networks(method):
    experiment = from_preset("sac", method, "HalfCheetah")
    split = EXPECTED["HalfCheetah"]["actor_fraction"]
    assert with_budget(experiment, None, 0.2) == with_budget(experiment, split, 0.2)
    whole = with_budget(experiment, None, 1.0)
    same = {} if method == "dense" else {"actor_sparsity": 0.0, "critic_sparsity": 0.0}
    assert whole == from_preset("sac", method, "HalfCheetah", sparsity=0.0, **same)


def test_budgets_are_of_the_widths_and_depths_that_are_there():
    network = from_preset("sac", "dense", "Hopper").network
    deep = dataclasses.replace(network, hidden_units=(100, 50, 20))
    experiment = from_preset("sac", "dense", "Hopper", network=deep, critic_hidden_units=(300,))
    found = with_budget(experiment, 0.5, 0.9)
    actor, critic = 11 * 100 + 100 + 5_050 + 1_020 + 21 * 6, 15 * 300 + 301
    budget = 0.9 * (actor + 2 * critic)
    actor_of = lambda width: 12 * width + 2 * (width + 1) * width + (width + 1) * 6
    widths = range(1, 400)
    nearest = min(widths, key=lambda width: abs(actor_of(width) - budget / 2))
    assert found.network.hidden_units == (nearest,) * 3
    assert found.critic_hidden_units == (min(widths, key=lambda width: abs(16 * width + 1 - budget / 4)),)


def test_the_range_of_dense_networks_begins_at_width_1():
    """Of HalfCheetah: an actor of width 1 has 18 + 2 + 24 parameters, a critic 24 + 2 + 2; all dense ones 217,870."""
    experiment = from_preset("sac", "dense", "HalfCheetah")
    with pytest.raises(UserError, match=r"budget_fraction is 0\.0004: it must be between 0\.0005 and 1\.0"):
        with_budget(experiment, 0.4, 0.0004)
    with pytest.raises(
        UserError, match=r"actor_share is 0\.9: it must be between 0\.202 and 0\.7429 with a budget of 0\.001"
    ):
        with_budget(experiment, 0.9, 0.001)
    assert with_budget(experiment, 0.7429, 0.001).critic_hidden_units == (1, 1)
    assert with_budget(experiment, 0.202, 0.001).network.hidden_units == (1, 1)
    assert 217.87 * 0.2019 < 44 < 217.87 * 0.202
    assert 217.87 * (1 - 0.743) < 56 < 217.87 * (1 - 0.7429)


class OneLayer(NamedTuple):
    """A network of another agent, with a parameter for each output that is neither weight nor bias."""

    hidden: int
    outputs: int
    extra: int

    @property
    def layer_shapes(self):
        return {"hidden_1": (10, self.hidden), "output": (self.hidden, self.outputs)}

    def num_parameters(self):
        return 11 * self.hidden + (self.hidden + 1) * self.outputs + self.extra


def test_agents_with_one_critic_and_other_parameters(monkeypatch):
    """An actor of 10 x 20 x 4 and 4 deviations, a value network of 10 x 20 x 1: 308 and 241 parameters."""

    def networks(settings, spec, network, critic):
        actor, value = OneLayer(network.hidden_units[0], 4, 4), OneLayer(critic.hidden_units[0], 1, 0)
        return {"ppo": {"actor": actor, "value": value}}

    monkeypatch.setitem(AGENTS, "sac", dataclasses.replace(AGENTS["sac"], networks=networks))
    network = MLPSettings((20,))
    sparse = with_budget(from_preset("sac", "rigl", "Hopper", network=network), 0.25, 0.4)
    assert sparse.actor_sparsity == pytest.approx(1 - (0.25 * 0.4 * 549 - 28) / 280)
    assert sparse.critic_sparsity == pytest.approx(1 - (0.75 * 0.4 * 549 - 21) / 220)
    dense = with_budget(from_preset("sac", "dense", "Hopper", network=network), 0.25, 0.4)
    assert dense.network.hidden_units == (3,)  # 15 width + 8 = 54.9
    assert dense.critic_hidden_units == (14,)  # 12 width + 1 = 164.7


def one_sided(sparse, storage):
    """An experiment where only the actor, or only the critics, are sparse."""
    choices = {"critic_sparsity": 0.0} if sparse == "actor" else {"actor_sparsity": 0.0}
    table = from_preset("sac", "rigl", "Pendulum-v1")
    return dataclasses.replace(
        table,
        **{**choices, "sparsity": 0.8, "storage": storage, "total_steps": 300},
        agent=SACSettings(warmup_steps=100, batch_size=16),
        method=dataclasses.replace(table.method, window=dataclasses.replace(table.method.window, interval_updates=50)),
        network=dataclasses.replace(table.network, hidden_units=(24,)),
        evaluation=EvaluationSettings(interval_steps=300, num_episodes=1, max_episode_steps=20),
    )


@pytest.mark.kernels
@pytest.mark.parametrize("storage", ["masked", "compressed"])
@pytest.mark.parametrize("sparse", ["actor", "critics"])
def test_only_actor_or_only_critics_sparse(sparse, storage):
    document = describe(one_sided(sparse, storage))
    sizes = {"actor": 3 * 24 + 24 * 2, "critic_1": 4 * 24 + 24, "critic_2": 4 * 24 + 24}
    for name, network in document["networks"].items():
        is_sparse = (name == "actor") == (sparse == "actor")
        live = sum(layer["live_weights"] for layer in network["layers"])
        assert 0 <= live - (0.2 if is_sparse else 1.0) * sizes[name] < 4
        assert {layer["storage"] for layer in network["layers"]} == {storage if is_sparse else "masked"}


@pytest.mark.slow
@pytest.mark.kernels
@pytest.mark.parametrize(("sparse", "storage", "live"), [("actor", "compressed", 264), ("critics", "masked", 168)])
def test_training_leaves_the_other_networks_dense(sparse, storage, live):
    """A fifth of 120 weights is 24; each network has 120."""
    *_, report = run(one_sided(sparse, storage), seed=0, chunk_steps=300)
    assert report.environment_steps == 300
    assert 0 <= round(report.live_density * 360) - live <= 6  # counts are rounded up, layer by layer
    assert math.isfinite(report.evaluation["mean_return"])
    groups = report.state.agent.groups
    dense = groups["critics" if sparse == "actor" else "actor"]
    assert all(np.all(np.asarray(kernel) != 0) for kernel in kernels(dense.params).values())
