"""Runs on pixels that are killed: the worker goes on with frames, emulators and networks of all layers, bit for bit."""

import signal

import pytest

from covering import covering
from sparserl import persistence
from sparserl.experiment import from_preset, planned
from sparserl.processes.outcomes import FINISHED
from worker.test_worker import end_of, work

pytestmark = pytest.mark.processes

TINY = {
    "network.channels": (4, 4, 4),
    "network.hidden_units": 32,
    "method.window.interval_updates": 10,
    "agent.batch_size": 8,
    "agent.warmup_steps": 60,
    "agent.replay_capacity_steps": 150,  # it wraps around
    "agent.target_interval_updates": 20,
    "evaluation.interval_steps": 60,
    "evaluation.num_episodes": 2,
    "evaluation.max_episode_steps": 20,
    "evaluation.min_steps": 0,
    "total_steps": 300,
}
MINATAR = {"network.channels": (4,), "total_steps": 240}


@pytest.mark.kernels
@pytest.mark.parametrize(
    ("environment", "choices"),
    covering([("atari:Breakout", {}), ("MinAtar/Asterix-v1", MINATAR)], lambda case: case[0] == "atari:Breakout"),
)
def test_a_killed_run_ends_as_one_that_is_not(environment, choices, tmp_path):
    experiment = planned(from_preset("dqn", "rigl", environment, **{**TINY, **choices}))
    assert experiment.compressed_layers
    runs = [tmp_path / name / experiment.identifier / "seed=0" for name in ("whole", "killed")]
    for run in runs:
        persistence.plan_experiment(run.parent.parent, experiment.identifier, {"choices": experiment.choices()})
    whole, killed = runs
    assert work(whole).returncode == FINISHED
    for point in ("evaluation:3", "checkpoint:3"):
        assert work(killed, SPARSERL_KILL_AT=point).returncode == -signal.SIGKILL
    done = work(killed)
    assert done.returncode == FINISHED, done.stderr
    assert "goes on from step " in done.stderr
    assert end_of(killed) == end_of(whole)
