"""What is said of snapshots before they are relied on; and each reset with a key begins as if it were the first."""

import jax
import numpy as np
import pytest

import counted_environments
import stateful_environments
from sparserl.environments import HostEnvironment, seed_shared_generators

EXACT = ["Curriculum", "OfIterators", "OnClass", "OnModule", "Everywhere"]


def made(name, num_envs=2):
    return HostEnvironment(f"stateful_environments:{name}-v0", num_envs)


def rewards(environment, num_steps=25):
    action = np.zeros(environment.num_envs, np.int32)
    return np.stack([environment.step(None, None, action)[1].reward for _ in range(num_steps)]).tolist()


@pytest.mark.parametrize("num_envs", [1, 2])
@pytest.mark.parametrize("name", EXACT)
def test_the_trial_passes_and_leaves_nothing_behind(name, num_envs):
    shared = lambda: (stateful_environments.OnClass.num_episodes, list(stateful_environments.OnClass.scores))
    numbers = lambda: (*shared(), list(stateful_environments.EPISODES))
    environments = []
    for _ in range(2):
        seed_shared_generators(0)
        environments.append(made(name, num_envs))
    tried, untried = environments
    before = numbers()
    assert tried.inexact() is None
    assert numbers() == before
    if name in ("OnClass", "OnModule", "Everywhere"):
        return  # the two share what they count with
    tried.reset(jax.random.key(0))
    first = rewards(tried)
    untried.reset(jax.random.key(0))
    assert rewards(untried) == first


@pytest.mark.parametrize("name", EXACT)
def test_a_snapshot_holds_what_environments_share(name):
    environment = made(name)
    environment.reset(jax.random.key(0))
    rewards(environment)
    snapshot = environment.snapshot()
    expected = rewards(environment)
    environment.restore(snapshot)
    assert rewards(environment) == expected


OBSTACLES = {
    "Locked": "its attribute 'environments[0].env.lock' is of type _thread.lock",
    "LockedLater": "its attribute 'environments[0].env.lock' is of type _thread.lock",
    "Hidden": "does not go on exactly from a snapshot: 1 steps after a snapshot was restored its reward differed",
    "OfItsMaking": "does not go on exactly from a snapshot: 1 steps after a snapshot was restored its reward differed",
}


@pytest.mark.parametrize("num_envs", [1, 2])
@pytest.mark.parametrize("name", OBSTACLES)
def test_what_does_not_go_on_exactly_is_told_before(name, num_envs):
    line = made(name, num_envs).inexact()
    assert OBSTACLES[name] in line
    assert "\n" not in line


def test_the_trial_of_a_single_environment_is_in_another_that_is_closed(tmp_path, monkeypatch):
    lives = tmp_path / "lives.txt"  # what they note in their module is given back
    monkeypatch.setenv(counted_environments.LIVES, str(lives))
    environment = HostEnvironment("counted_environments:Counted-v0", 1)
    assert [environment.inexact() for _ in range(2)] == [None, None]
    assert [line.split()[0] for line in lives.read_text().splitlines()] == ["made", "made", "closed"]


@pytest.mark.parametrize("name", ["Curriculum", "Locked", "LockedLater"])
def test_equal_keys_give_equal_episodes_whatever_was_played_before(name):
    environment = made(name)
    played = []
    for _ in range(3):
        environment.reset(jax.random.key(4))
        played.append(rewards(environment))
    assert played[0] == played[1] == played[2]
    assert played[0][0] != played[0][-1]  # it does keep state over resets of its own


def test_environments_that_are_made_anew_were_closed_before():
    locked = stateful_environments.Locked
    made_before, closed_before = locked.made, locked.closed
    environment = made("Locked")
    for _ in range(3):
        environment.reset(jax.random.key(4))
    assert (locked.made - made_before, locked.closed - closed_before) == (6, 4)
    environment.close()


def test_a_trial_that_fails_is_an_obstacle(monkeypatch):
    def step(self, action):
        raise SystemExit(0)

    environment = made("Curriculum")
    monkeypatch.setattr(stateful_environments.Curriculum, "step", step)
    assert "it was tried, and failed: " in environment.inexact()
