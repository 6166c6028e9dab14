"""Snapshots that would lead native code astray are refused in one line, before it follows them."""

import copy

import gymnasium
import jax
import numpy as np
import pytest

from sparserl.environments import HostEnvironment, Snapshot, make
from sparserl.types import UserError


class Holding(gymnasium.Env):
    """An environment that has one thing."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, thing):
        self.thing = thing

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}


@pytest.fixture
def holding(monkeypatch):
    """A function that makes an environment around a thing, and takes its snapshot."""

    def taken(thing):
        monkeypatch.setitem(
            gymnasium.registry,
            "Holding-v0",
            gymnasium.envs.registration.EnvSpec("Holding-v0", entry_point=lambda: Holding(thing)),
        )
        environment = HostEnvironment("Holding-v0", 1)
        environment.reset(jax.random.key(0))
        return environment, environment.snapshot()

    return taken


def changed(document, key, old, new):
    """The document with `new` for each `old` under `key`, found once; dictionaries are lists of items."""
    document, count = copy.deepcopy(document), 0

    def visit(node):
        nonlocal count
        if isinstance(node, dict):
            if node.get(key) == old and key in node:
                node[key], count = new, count + 1
            for value in node.values():
                visit(value)
        elif isinstance(node, list):
            if len(node) == 2 and node[0] == key and node[1] == old:
                node[1], count = new, count + 1
            for value in node:
                visit(value)

    visit(document)
    assert count == 1, f"{key} is {old} at {count} places"
    return document


def at(kind, position):
    """A bit generator that stands at a number of its own."""
    generator = getattr(np.random, kind)(5)
    state = generator.state
    (state if kind == "Philox" else state["state"])["buffer_pos" if kind == "Philox" else "pos"] = position
    generator.state = state
    return generator


@pytest.mark.parametrize("position", [-1, -(10**8), 625, 2**31 - 1, 2.5, True])
@pytest.mark.parametrize(
    ("thing", "key", "old"),
    [
        (np.random.Generator(at("MT19937", 123)), "pos", 123),
        (np.random.RandomState(at("MT19937", 123)), "pos", 123),
        (np.random.Generator(at("Philox", 3)), "buffer_pos", 3),
    ],
)
def test_a_generator_beside_its_numbers_is_refused(thing, key, old, position, holding):
    environment, (document, arrays) = holding(thing)
    environment.restore(Snapshot(document, arrays))
    with pytest.raises(UserError, match=rf"a random generator \w+ is at {position}: not in 0 to (624|4)$") as error:
        environment.restore(Snapshot(changed(document, key, old, position), arrays))
    assert "\n" not in str(error.value)


def test_a_state_that_is_no_dictionary_of_numpys_is_refused(holding):
    """NumPy takes the tuples of older versions, too, which would go unchecked."""
    environment, (document, arrays) = holding(np.random.RandomState(at("MT19937", 123)))
    with pytest.raises(UserError, match="a state that is none of NumPy's"):
        environment.restore(Snapshot(changed(document, "bit_generator", "MT19937", "MT"), arrays))


@pytest.mark.parametrize("kind", ["O", "V8", "S8", "|O"])
def test_bytes_are_never_taken_for_addresses(kind, holding):
    environment, (document, arrays) = holding(np.arange(3, dtype=np.int64))
    with pytest.raises(UserError, match=rf"of type '{kind.replace('|', '.')}': it must be one of numbers"):
        environment.restore(Snapshot(changed(document, "dtype", "<i8", kind), arrays))


def test_a_console_beside_its_random_numbers_is_refused():
    environment = make("atari:Pong", 1)
    environment.reset(jax.random.key(0))
    document, arrays = environment.snapshot()
    forged = {**document["environments"][0], "random_position": 10**8}
    with pytest.raises(UserError, match="a random generator MT19937 is at 100000000: not in 0 to 624"):
        environment.restore(Snapshot({**document, "environments": [forged]}, arrays))
