"""Resuming within one process: a run that goes on from a checkpoint ends in the bits of one that never stopped."""

import dataclasses
from typing import NamedTuple

import jax
import numpy as np
import pytest

from covering import covering
from sparserl import environments, persistence
from sparserl.experiment import build, from_preset, policy_arrays, run
from sparserl.experiment.resuming import obstacle, restore
from sparserl.persistence import UserError
from sparserl.sparsity import Window
from sparserl.training import EvaluationSettings
from sparserl.types import Divergence
from stacked_frames import Noise

pytestmark = pytest.mark.slow

CASES = {  # agent: environment, settings that make it short, networks
    "dqn": ("CartPole-v1", {"warmup_steps": 100, "replay_capacity_steps": 300}, ("q",)),
    "sac": ("Pendulum-v1", {"warmup_steps": 100, "replay_capacity_steps": 300}, ("actor", "critic_1", "critic_2")),
    "ppo": ("Hopper-v5", {"rollout_steps": 64, "num_epochs": 2}, ("actor", "value")),
}


def short(agent, method, storage="masked", **choices):
    """A run of 600 steps with topology updates on both sides of its middle."""
    environment, settings, networks = CASES[agent]
    table = from_preset(agent, method, environment)
    fields = {field.name for field in dataclasses.fields(table.method)}
    window = {"window": Window(0.1, 0.9, 10)} if "window" in fields else {}
    known = {name: value for name, value in settings.items() if hasattr(table.agent, name)}
    return dataclasses.replace(
        table,
        **{
            "agent": dataclasses.replace(table.agent, batch_size=32, **known),
            "method": dataclasses.replace(table.method, **window),
            "network": dataclasses.replace(table.network, hidden_units=(16, 16)),
            "sparsity": 0.8,
            "storage": storage,
            "compressed_layers": tuple(f"{name}/hidden_2=0.4" for name in networks) if storage == "compressed" else (),
            "total_steps": 600,
            "evaluation": EvaluationSettings(interval_steps=150, num_episodes=2, max_episode_steps=30),
            **choices,
        },
    )


class Kept(NamedTuple):
    """A checkpoint on the way, and how many rows and diagnostics had been told by then."""

    checkpoint: persistence.Generation
    num_rows: int
    num_diagnosed: int


def train(experiment, folder=None, stop_steps=None, **options):
    """What a run leaves behind, its rows without their times, and what it kept after `stop_steps` if asked for.

    It goes on after that: `test_a_run_may_stop_anywhere` shows that a checkpoint changes nothing.
    """
    rows, diagnosed, kept = [], [], None
    for report in run(experiment, 3, 70, **options):
        if report.evaluation:
            rows.append({**report.evaluation, "seconds": None})
        diagnosed += [*report.diagnostics, *report.topology]
        if stop_steps is not None and kept is None and report.environment_steps >= stop_steps:
            attempt, captured = persistence.claim(folder), report.capture()
            arguments = (captured.arrays, captured.document, captured.ring)
            persistence.write_generation(attempt, persistence.Kept(), report.environment_steps, *arguments)
            attempt.release()
            checkpoint, complaints = persistence.read_newest(folder)
            assert complaints == []
            kept = Kept(checkpoint, len(rows), len(diagnosed))
    return policy_arrays(report.state.agent), rows, diagnosed, kept


@pytest.mark.kernels
@pytest.mark.parametrize(
    ("agent", "method", "storage"),
    [
        ("dqn", "prune", "compressed"),
        pytest.param("sac", "set", "compressed", marks=pytest.mark.thorough),  # kills of both are in study/test_torture
        pytest.param("ppo", "rigl", "masked", marks=pytest.mark.thorough),
    ],
)
def test_a_run_goes_on_as_if_it_had_never_stopped(agent, method, storage, tmp_path):
    experiment = short(agent, method, storage)
    whole, rows, diagnosed, kept = train(experiment, tmp_path, 370, diagnostics=True)
    ended, last_rows, last_diagnosed, _ = train(experiment, diagnostics=True, checkpoint=kept.checkpoint)
    assert ended.keys() == whole.keys()
    for name in whole:
        assert ended[name].tobytes() == whole[name].tobytes(), name
    assert last_rows == rows[kept.num_rows :]
    assert kept.num_rows > 1
    assert len(last_rows) > 1
    assert repr(last_diagnosed) == repr(diagnosed[kept.num_diagnosed :])


@pytest.mark.parametrize("num_environments", covering([1, 2], lambda number: number == 2))
def test_stacked_frames_go_on_as_if_they_had_never_stopped(num_environments, tmp_path, monkeypatch):
    """A ring of frames that has wrapped around, episodes that were cut off, and both frames that no row holds."""
    monkeypatch.setattr(environments, "make", lambda name, num_envs, backend: Noise(num_envs))
    table = short("dqn", "rigl")
    agent = dataclasses.replace(table.agent, n_step=3, reward_limit=2.0, steps_per_update=2, replay_capacity_steps=100)
    experiment = dataclasses.replace(table, environment="Noise-v0", agent=agent, num_environments=num_environments)
    whole, rows, _, (checkpoint, num_rows, _) = train(experiment, tmp_path, 370)
    assert (
        checkpoint.arrays["state/agent/replay/num_cut_off"].min() > 100 // Noise.time_limit_steps + 2
    )  # wrapped around
    assert any("frame.zstd" in stored for stored in checkpoint.stored)
    ended, last_rows, _, _ = train(experiment, checkpoint=checkpoint)
    for name in whole:
        assert ended[name].tobytes() == whole[name].tobytes(), name
    assert last_rows == rows[num_rows:]
    state = restore(build(experiment), checkpoint, False).state.agent.replay
    for report in run(experiment, 3, 70):  # the checkpoint after which `train` stopped
        if report.environment_steps >= 370:
            break
    for one, other in zip(jax.tree.leaves(state), jax.tree.leaves(report.state.agent.replay), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("agent", covering(["dqn", "sac"], lambda agent: agent == "sac"))
def test_a_run_with_fake_features_goes_on_too(agent, tmp_path):
    """In a compiled environment and, with snapshots, in one of the host; evaluated by steps."""
    by_steps = EvaluationSettings(interval_steps=150, num_episodes=2, max_episode_steps=250, min_steps=100)
    experiment = short(agent, "static", fake_features=0.7, evaluation=by_steps)
    whole, rows, _, (checkpoint, num_rows, _) = train(experiment, tmp_path, 370)
    ended, last_rows, _, _ = train(experiment, checkpoint=checkpoint)
    assert all(ended[name].tobytes() == whole[name].tobytes() for name in whole)
    assert last_rows == rows[num_rows:]
    kernel = whole["q/params/q/hidden_1/kernel" if agent == "dqn" else "actor/params/actor/hidden_1/kernel"]
    assert kernel.shape[0] == {"dqn": 14, "sac": 10}[agent]  # 4 / 0.3 and 3 / 0.3
    assert all(row["num_episodes"] * row["mean_length_steps"] >= 100 for row in rows)


def test_a_checkpoint_of_another_experiment_is_refused(tmp_path):
    _, _, _, (checkpoint, _, _) = train(short("dqn", "static"), tmp_path, 210)
    wider = short("dqn", "static", network=dataclasses.replace(short("dqn", "static").network, hidden_units=(16, 20)))
    with pytest.raises(UserError, match=r"hidden_2/bias' is float32\[16\] there and float32\[20\] here"):
        restore(build(wider), checkpoint, False)
    with pytest.raises(UserError, match="differ in 'agent/"):
        restore(build(short("ppo", "static")), checkpoint, False)
    with pytest.raises(UserError, match="was made without diagnostics"):
        restore(build(short("dqn", "static")), checkpoint, True)


def test_obstacles_are_told_before_the_first_checkpoint():
    assert obstacle(build(short("dqn", "static"))) is None
    built = build(short("sac", "static"))
    built.environment.reset(__import__("jax").random.key(0))
    assert obstacle(built) is None


def test_divergence_is_told_apart_from_a_broken_environment():
    table = short("sac", "static")
    wild = dataclasses.replace(table.optimizer, learning_rate=1e30)
    with pytest.raises(Divergence, match="diverged"):
        train(short("sac", "static", optimizer=wild))
    table = short("dqn", "static")
    wild = dataclasses.replace(table.optimizer, learning_rate=1e30)
    with pytest.raises(Divergence, match=r"training diverged before step \d+"):
        train(short("dqn", "static", optimizer=wild))


def test_a_run_may_stop_anywhere(tmp_path):
    """Adaptive chunks, and checkpoints between them, change nothing."""
    experiment = short("dqn", "set", "masked", total_steps=500)
    ends = []
    for chunk_steps in (None, 37, 1000):
        for report in run(experiment, 1, chunk_steps):
            report.capture()
        ends.append(policy_arrays(report.state.agent))
    for end in ends[1:]:
        assert all(np.array_equal(end[name], ends[0][name]) for name in end)
