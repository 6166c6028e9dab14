"""The memory of replays: counted, compared with what the machine has, and no more of it taken than a run fills."""

import dataclasses

import jax
import pytest

from sparserl import environments, persistence
from sparserl.errors import UserError
from sparserl.experiment import build, check, check_memory, from_preset, plan_of, run, run_seeds
from sparserl.experiment.memory import SPARE_BYTES, replay_bytes
from sparserl.persistence import memory_bytes
from stacked_frames import Noise


def with_capacity(agent="dqn", environment="CartPole-v1", capacity=700, **choices):
    return from_preset(
        agent,
        "static",
        environment,
        storage="masked",
        total_steps=20_000,
        **{"agent.replay_capacity_steps": capacity, **choices},
    )


@pytest.fixture
def noise(monkeypatch):
    """Stacked frames in the place of an environment that has the network's kind of observations."""
    for make in ("make", "make_for_evaluation"):
        monkeypatch.setattr(environments, make, lambda name, num_envs, backend: Noise(num_envs))
    return dataclasses.replace(with_capacity(), environment="Noise-v0")


@pytest.mark.parametrize("num_environments", [1, 3])
@pytest.mark.parametrize("case", [("dqn", "CartPole-v1"), ("sac", "Pendulum-v1"), "noise"])
def test_bytes_are_those_of_the_ring(case, num_environments, request):
    experiment = request.getfixturevalue("noise") if case == "noise" else with_capacity(*case)
    built = build(dataclasses.replace(experiment, num_environments=num_environments))
    ring = jax.eval_shape(built.agent.init, jax.random.key(0)).replay.storage
    expected = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(ring))
    assert replay_bytes(built.plan) == expected


def test_ppo_has_no_replay():
    experiment = from_preset("ppo", "static", "CartPole-v1", storage="masked")
    assert replay_bytes(plan_of(experiment)) == 0
    check_memory(experiment, 10**9)


def test_a_ring_is_made_for_no_more_steps_than_the_run_has():
    capacity = lambda **choices: build(with_capacity(**choices)).agent.settings.replay_capacity_steps
    assert capacity(capacity=700) == 700
    assert capacity(capacity=10**12) == 20_000
    assert capacity(capacity=10**12, **{"agent.steps_per_update": 7}) == 20_006  # the total rounds up to whole updates
    assert capacity(agent="sac", environment="Pendulum-v1", capacity=10**12) == 20_000


def test_a_replay_that_does_not_fit_is_refused_before_any_compute(monkeypatch):
    experiment = with_capacity(capacity=20_000)  # 42 bytes a step
    needed = 20_000 * 42
    memory = lambda num_bytes: monkeypatch.setattr(persistence, "memory_bytes", lambda: num_bytes)
    memory(SPARE_BYTES + needed)
    assert check(experiment) == experiment
    check_memory(experiment)
    memory(None)
    check_memory(experiment, 10**9)
    memory(SPARE_BYTES + needed - 1)
    words = r"^agent.replay_capacity_steps is 20000: 20000 steps take 0.0 GB.* 1.1 GB of memory; .* at most 19999 fit$"
    for refused in (check, check_memory, lambda it: next(run(it, 0)), lambda it: next(run_seeds(it, [0]))):
        with pytest.raises(UserError, match=words):
            refused(experiment)
    memory(SPARE_BYTES - 1)
    with pytest.raises(UserError, match="none fits beside the rest"):
        check_memory(experiment)
    memory(SPARE_BYTES + 2 * needed)
    check_memory(experiment, 2)
    with pytest.raises(UserError, match=r"of each of 3 runs at once .* at most 13333 fit"):
        next(run_seeds(experiment, [5, 6, 7]))


def test_frames_are_counted_once(noise, monkeypatch):
    step_bytes = 5 * 4 + 4 + 4 + 4 + 2  # frame, count, action, reward, flags
    monkeypatch.setattr(persistence, "memory_bytes", lambda: SPARE_BYTES + 703 * step_bytes)
    check_memory(noise)
    monkeypatch.setattr(persistence, "memory_bytes", lambda: SPARE_BYTES + 703 * step_bytes - 1)
    with pytest.raises(UserError, match="at most 699 fit"):
        check_memory(noise)


@pytest.mark.parametrize(
    ("groups", "limits", "expected"),
    [
        ("0::/\n", {"": 5000}, 5000),
        ("0::/user/session\n", {"user/session": "max", "user": 7000}, 7000),
        ("0::/user/session\n", {"user/session": 300, "user": 7000}, 300),
        ("4:cpu,cpuacct:/x\n9:memory:/docker/1\n", {"memory/docker/1": 4000, "memory": 2**63 - 4096}, 4000),
        ("3:cpu:/x\n", {"memory/x": 1}, None),
        (None, {"": 5}, None),
    ],
)
def test_limits_of_control_groups_count(groups, limits, expected, tmp_path):
    physical = memory_bytes(tmp_path / "elsewhere")
    assert physical > 2**28
    (tmp_path / "proc/self").mkdir(parents=True)
    if groups is not None:
        (tmp_path / "proc/self/cgroup").write_text(groups)
    for place, limit in limits.items():
        folder = tmp_path / "sys/fs/cgroup" / place
        folder.mkdir(parents=True, exist_ok=True)
        name = "memory.limit_in_bytes" if place.startswith("memory") else "memory.max"
        (folder / name).write_text(f"{limit}\n")
    assert memory_bytes(tmp_path) == (expected or physical)
