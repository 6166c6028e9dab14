"""Environments that draw from the generators of the process: a seed decides them, and nobody disturbs them."""

import json
import random
import sys
import types

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium import spaces

from sparserl.environments import MOST_AT_ONCE, HostEnvironment, InTurns, Snapshot, seed_shared_generators
from sparserl.types import UserError

DRAWS = {"numpy": np.random.random, "normal": np.random.standard_normal, "python": random.random}


class Drawing(gymnasium.Env):
    """Shows numbers that it draws from a generator of the process, when it is reset and in every step."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = spaces.Discrete(2)

    def __init__(self, source):
        self.source, self.made_with = source, DRAWS[source]()

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.array([DRAWS[self.source](), self.made_with]), {}

    def step(self, action):
        return np.array([DRAWS[self.source](), self.made_with]), DRAWS[self.source](), random.random() < 0.1, False, {}


@pytest.fixture(autouse=True)
def registered():
    gymnasium.register("Drawing-v0", entry_point=Drawing)
    yield
    del gymnasium.registry["Drawing-v0"]


@pytest.fixture
def make(monkeypatch):
    """Makes an environment that draws from one source, in a process of that seed."""

    def made(source, seed=0):
        monkeypatch.setattr(gymnasium.registry["Drawing-v0"], "kwargs", {"source": source})
        seed_shared_generators(seed)
        return HostEnvironment("Drawing-v0", 2)

    return made


def steps(environment, num_steps=20):
    return [environment.step(None, None, np.zeros(2, np.int32))[1].observation.tolist() for _ in range(num_steps)]


def played(environment, key=3):
    return [environment.reset(jax.random.key(key))[1].tolist(), *steps(environment)]


@pytest.mark.parametrize("source", DRAWS)
def test_a_seed_decides_what_is_drawn(make, source):
    expected = played(make(source))
    assert played(make(source)) == expected
    again = make(source)
    random.random(), np.random.random()  # drawn by anyone
    played(again, key=4)
    assert played(again) == expected, "a reset seeds them, so an evaluation repeats"
    assert played(again, key=4) != expected
    made_with = played(make(source, seed=1))[0][0][1]
    assert made_with != expected[0][0][1], "the seed of the process decides what is drawn in the making"


@pytest.mark.parametrize("source", DRAWS)
def test_environments_do_not_draw_each_others_numbers(make, source):
    expected = played(make(source))
    training, evaluating = make(source), make(source)
    found = [training.reset(jax.random.key(3))[1].tolist()]
    made_with = {row[1] for row in expected[0]} | {row[1] for row in found[0]}
    found += steps(training, 7)
    played(evaluating, key=9)
    found += steps(training, 13)
    drawn = lambda all_shown: [[row[0] for row in shown] for shown in all_shown]
    assert drawn(found) == drawn(expected)
    assert len(made_with) == 2, "made alike, as the process was seeded alike"


@pytest.mark.parametrize("source", DRAWS)
def test_a_snapshot_goes_on_with_the_same_numbers(make, source):
    environment = make(source)
    played(environment)
    document, arrays = environment.snapshot()
    snapshot = Snapshot(json.loads(json.dumps(document, allow_nan=False)), arrays)
    assert all(array.ndim == 1 and array.flags.c_contiguous for array in arrays.values())
    expected = steps(environment)
    other = make(source, seed=5)
    other.restore(snapshot)
    played(make(source, seed=6))  # another environment acts in between
    assert steps(other) == expected


def test_turns_draw_numbers_of_their_own(make):
    make("numpy")  # its arguments are registered now
    environment, key = InTurns("Drawing-v0", 2 * MOST_AT_ONCE), jax.random.key(0)
    first = [environment.reset(key)[1][places, 0].tolist() for places in environment.turns()]
    assert len({number for turn in first for number in turn}) == 2 * MOST_AT_ONCE
    assert first == [environment.reset(key)[1][places, 0].tolist() for places in environment.turns()]


def test_a_snapshot_of_an_earlier_version_and_a_forged_one(make):
    environment = make("numpy")
    played(environment)
    document, arrays = environment.snapshot()
    environment.restore(Snapshot({name: node for name, node in document.items() if name != "shared_random"}, arrays))
    steps(environment, 1)
    forged = json.loads(json.dumps(document))
    items = forged["shared_random"]["items"][0][1]["items"]
    assert 0 <= items[2] <= 624
    items[2] = 625
    with pytest.raises(UserError, match=r"does not fit the generators that a process shares: .* not in 0 to 624"):
        environment.restore(Snapshot(forged, arrays))


def test_well_behaved_environments_are_left_alone(make):
    first = HostEnvironment("CartPole-v1", 1).reset(jax.random.key(1))[1]
    make("numpy").reset(jax.random.key(2))
    np.testing.assert_array_equal(HostEnvironment("CartPole-v1", 1).reset(jax.random.key(1))[1], first)


def test_pytorch_is_seeded_and_kept_where_it_is_imported(make, monkeypatch):
    """With a stand-in, since it is not among the packages that tests need."""
    generator = np.random.Generator(np.random.PCG64(0))
    state = lambda: np.frombuffer(json.dumps(generator.bit_generator.state).encode(), np.uint8)

    def set_state(array):
        generator.bit_generator.state = json.loads(bytes(array))

    torch = types.ModuleType("torch")
    torch.manual_seed = lambda number: set_state(json.dumps(np.random.PCG64(number).state).encode())
    torch.get_rng_state = lambda: types.SimpleNamespace(numpy=state)
    torch.from_numpy, torch.set_rng_state = np.asarray, set_state
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(DRAWS, "torch", generator.random)
    environment = make("torch")
    expected = played(environment)
    snapshot = environment.snapshot()
    later = steps(environment)
    assert played(make("torch")) == expected
    environment.restore(snapshot)
    assert steps(environment) == later
