"""Diagnostics of whole runs: they change no bit, and know every topology there was."""

import dataclasses

import jax
import numpy as np
import pytest

from sparserl.agents.dqn import DQNSettings
from sparserl.agents.ppo import PPOSettings
from sparserl.agents.sac import SACSettings
from sparserl.experiment import from_preset, run
from sparserl.networks import MLPSettings
from sparserl.persistence import DIAGNOSTICS_SCHEMA, TOPOLOGY
from sparserl.sparsity import Window, topology
from sparserl.training import EvaluationSettings

pytestmark = pytest.mark.slow

WARMUP, TOTAL, INTERVAL = 60, 200, 70
FIRST, LAST = 14, 112  # updates of the topology lie within a tenth and eight tenths of 140


def tiny(agent="dqn", method="rigl", interval_updates=13, **choices):
    environment = {"dqn": "CartPole-v1", "sac": "Pendulum-v1", "ppo": "Pendulum-v1"}[agent]
    experiment = from_preset(agent, method, environment, sparsity=0.8)
    replay = {"warmup_steps": WARMUP, "replay_capacity_steps": TOTAL}
    special = {"rollout_steps": 40, "num_epochs": 2} if agent == "ppo" else replay
    settings = {"dqn": DQNSettings, "sac": SACSettings, "ppo": PPOSettings}[agent](batch_size=8, **special)
    if "window" in {field.name for field in dataclasses.fields(experiment.method)}:
        moving = dataclasses.replace(experiment.method, window=Window(0.1, 0.8, interval_updates))
        experiment = dataclasses.replace(experiment, method=moving)
    return dataclasses.replace(
        experiment,
        agent=settings,
        network=MLPSettings(hidden_units=(16, 12)),
        evaluation=EvaluationSettings(interval_steps=INTERVAL, num_episodes=2, max_episode_steps=30),
        total_steps=TOTAL,
        **choices,
    )


def masks_of(state):
    """Copies of the masks of all sparse kernels, by name."""
    return {name: np.array(mask) for group in state.agent.groups.values() for name, mask in topology(group).items()}


@pytest.mark.parametrize(
    ("agent", "method", "interval_updates", "storage"),
    [
        pytest.param("sac", "rigl", 13, "masked", marks=pytest.mark.thorough),  # as PPO below, with two groups
        pytest.param("dqn", "prune", 45, "compressed", marks=pytest.mark.kernels),  # whose shapes change on the way
    ],
)
def test_no_bit_of_the_training_changes_and_every_topology_is_known(agent, method, interval_updates, storage):
    experiment = tiny(agent, method, interval_updates, storage=storage)
    plain = list(steps(experiment, chunk_steps=1))
    found = list(steps(experiment, diagnostics=True))
    assert [report.environment_steps for report in found] == [0, 70, 140, 200]
    by_step = {report.environment_steps: report for report in plain}
    for report in found:
        other = by_step[report.environment_steps]
        jax.tree.map(np.testing.assert_array_equal, report.state, other.state)
        assert {**report.evaluation, "seconds": 0} == {**other.evaluation, "seconds": 0}
        assert not other.diagnostics
        assert not other.topology
    due_steps = [WARMUP + update + 1 for update in range(FIRST, LAST + 1, interval_updates)]
    check_topologies(plain, due_steps, [row for report in found for row in report.diagnostics])
    check_units(plain, [row for report in found for row in report.topology])


def steps(experiment, **options):
    """Every report with copies in place of its state, whose buffers training takes back."""
    for report in run(experiment, seed=1, **options):
        yield report._replace(state=(jax.tree.map(np.array, report.state.agent.groups), masks_of(report.state)))


def check_topologies(every_step, due_steps, rows):
    """Rows against the masks after every single step."""
    masks = [report.state[1] for report in every_step]
    changed = [i for i in range(1, len(masks)) if any((masks[i][n] != masks[i - 1][n]).any() for n in masks[0])]
    assert len(changed) > 1
    assert set(changed) <= set(due_steps)
    assert {row["environment_steps"] for row in rows} == {0, 70, 140, 200}
    assert {f"{row['network']}/{row['layer']}" for row in rows if row["layer"] != "all"} == masks[0].keys()
    for row in rows:
        if row["layer"] == "all":
            continue
        name, now = f"{row['network']}/{row['layer']}", row["environment_steps"]
        last = max((step for step in due_steps if step <= now), default=0)
        here, before = masks[now][name], masks[max(last - 1, 0)][name]
        tried = np.any([each[name] for each in masks[: now + 1]], axis=0)
        overlap = lambda a, b: (a & b).sum() / (a | b).sum()
        np.testing.assert_allclose(row["live_density"], here.mean())
        np.testing.assert_allclose(row["jaccard_to_start"], overlap(here, masks[0][name]))
        np.testing.assert_allclose(row["jaccard_to_previous"], overlap(here, before))
        np.testing.assert_allclose(row["tried_fraction"], tried.mean())
    assert min(row["jaccard_to_start"] for row in rows) < 1


def check_units(every_step, rows):
    """Live weights of units against the masks of dense layers `[in, out]` at the same step."""
    assert {row["environment_steps"] for row in rows} == {0, 70, 140, 200}
    for row in rows:
        assert list(row) == TOPOLOGY.schema.names
        mask = every_step[row["environment_steps"]].state[1][f"{row['network']}/{row['layer']}"]
        by_unit = mask.T if row["side"] == "output" else mask
        assert row["live_weights"] == [int(sum(unit)) for unit in by_unit]
        assert row["weights_per_unit"] == by_unit.shape[1]
    assert len({row["side"] for row in rows}) == 2


def test_rows_of_one_evaluation():
    *_, last = run(tiny(method="static"), seed=1, diagnostics=True)
    rows = last.diagnostics
    assert [(row["network"], row["layer"]) for row in rows] == [
        ("q", layer) for layer in ("hidden_1", "hidden_2", "output", "all")
    ]
    for row in rows:
        assert list(row) == DIAGNOSTICS_SCHEMA.names
        assert row["num_updates"] == TOTAL - WARMUP
        nothing = {name for name, value in row.items() if value is None}
        of_network, of_hidden = {"srank", "effective_rank"}, {"dormant_fraction_0", "dormant_fraction_0025"}
        expected = set() if row["layer"] == "all" else of_network
        expected = expected | (of_hidden if row["layer"] == "output" else set())
        expected = expected | ({"dead_signal_to_noise"} if row["live_density"] == 1 else set())
        assert nothing == expected
        assert row["tried_fraction"] == row["live_density"]
        assert (row["jaccard_to_start"], row["jaccard_to_previous"]) == (1.0, 1.0)
        assert np.isfinite([value for value in row.values() if isinstance(value, float)]).all()
        assert row["gradient_norm"] >= row["live_gradient_norm"] > 0
    weights = last.state.agent.groups["q"].params["q"]
    floats = [np.asarray(leaf) for leaf in jax.tree.leaves(weights) if np.issubdtype(leaf.dtype, np.floating)]
    total = sum((leaf.astype(np.float64) ** 2).sum() for leaf in floats)
    np.testing.assert_allclose(rows[-1]["weight_norm"], np.sqrt(total), rtol=1e-6)
    assert rows[-1]["live_density"] == last.live_density


def test_ppo_is_looked_into_after_each_rollout():
    plain, found = (list(steps(tiny("ppo"), **options)) for options in ({}, {"diagnostics": True}))
    jax.tree.map(np.testing.assert_array_equal, [r.state for r in plain], [r.state for r in found])
    assert [report.environment_steps for report in found] == [0, 80, 160, 200]
    rows = {(row["network"], row["layer"]): row for row in found[-1].diagnostics}
    layers = ["hidden_1", "hidden_2", "output", "all"]
    assert set(rows) == {("value", layer) for layer in layers} | {("actor", each) for each in (*layers, "constants")}
    for network in ("actor", "value"):
        whole = rows[network, "all"]
        assert whole["signal_to_noise"] > 0
        assert whole["jaccard_to_start"] < 1
        assert whole["tried_fraction"] > whole["live_density"]
        assert 1 <= whole["effective_rank"] <= 12


def test_before_the_first_update_there_are_weights_and_topology_but_no_gradients():
    first = next(run(tiny(), seed=1, diagnostics=True))
    for row in first.diagnostics:
        assert row["num_updates"] == 0
        assert row["weight_norm"] > 0
        assert row["signal_to_noise"] is None
        assert row["dormant_fraction_0"] is None


def test_diagnostics_are_no_part_of_the_identity():
    assert "diagnostics" not in {field.name for field in dataclasses.fields(tiny())}
