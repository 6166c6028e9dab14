"""MinAtar's games beside the package MinAtar, step for step: the same draws and actions lead to the same episodes."""

import subprocess
import sys

import gymnasium
import jax
import jax.numpy as jnp
import minatar.gym
import numpy as np
import pytest

from covering import covering
from minatar_twin import check, play
from sparserl.environments import environment_names, make
from sparserl.environments.minatar import (
    GAMES,
    MinAtarEnvironment,
    asterix,
    breakout,
    freeway,
    seaquest,
    space_invaders,
)
from sparserl.environments.minatar.environment import PREFIX, STICKY_PROBABILITY
from sparserl.types import UserError

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def registered():
    """The package's names in Gymnasium, for this file only."""
    before = set(gymnasium.registry)
    minatar.gym.register_envs()
    yield
    for name in set(gymnasium.registry) - before:
        del gymnasium.registry[name]


@pytest.mark.parametrize("identifier", covering(list(GAMES), lambda game: "Breakout" in game))
def test_every_step_agrees_with_the_package(identifier):
    check(identifier, play(identifier, num_envs=16, num_steps=300))


@pytest.mark.parametrize("identifier", covering(list(GAMES), lambda game: "Freeway" in game or "Seaquest" in game))
def test_every_step_of_a_player_that_gets_far_agrees(identifier):
    played = play(identifier, num_envs=4, num_steps=250, skilled=True)
    assert played.time_step.reward.sum() > 12, "nothing happened"
    check(identifier, played)


@pytest.mark.parametrize("identifier", GAMES)
def test_every_step_from_crowded_states_agrees(identifier):
    """States in which much comes together: full boards, short timers, highest difficulty, the last steps."""
    first = CROWDED[identifier](np.random.default_rng(0), 300)
    played = play(identifier, num_envs=300, num_steps=12, first=first)
    assert played.time_step.reward.sum() > 30
    assert played.time_step.terminated.sum() > 30
    check(identifier, played, first)


def crowded_asterix(random, n):
    whole, coin = (lambda low, high, *size: random.integers(low, high + 1, (n, *size), np.int32)), coins(random, n)
    ramps = whole(0, 9)
    spawn, move = 10 - ramps, 5 - ramps // 2
    timers = (spawn, whole(0, 10) % (spawn + 1), move, whole(0, 5) % (move + 1), whole(-1, 4), ramps)
    things = (coin(0.8, 8), whole(0, 9, 8), coin(0.5, 8), coin(0.5, 8))
    return asterix.State(whole(0, 9), whole(1, 8), *things, *timers)


def crowded_breakout(random, n):
    whole, coin = (lambda low, high, *size: random.integers(low, high + 1, (n, *size), np.int32)), coins(random, n)
    sign = lambda: np.where(coin(0.5), 1, -1).astype(np.int32)
    bricks = np.zeros((n, 10, 10), bool)
    bricks[:, 1:4] = coin(0.5, 3, 10) & coin(0.5)[:, None, None]  # half of them are clear
    ball = (whole(0, 9), whole(0, 8))
    return breakout.State(whole(0, 9), *ball, sign(), sign(), *ball, bricks, coin(0.5))


def crowded_freeway(random, n):
    whole, coin = (lambda low, high, *size: random.integers(low, high + 1, (n, *size), np.int32)), coins(random, n)
    speed = whole(1, 5, 8)
    timer = whole(0, 5, 8) % (speed + 1)
    speed = np.where(coin(0.5, 8), speed, -speed)
    return freeway.State(whole(1, 3), whole(0, 3), whole(0, 9, 8), timer, speed, whole(2485, 2500))


def crowded_space_invaders(random, n):
    whole, coin = (lambda low, high, *size: random.integers(low, high + 1, (n, *size), np.int32)), coins(random, n)
    aliens = coin(0.5, 10, 10) & coin(0.3, 10, 1) & coin(0.4, 1, 10) & ~coin(0.3)[:, None, None]
    aliens[:, 3, 4] |= ~aliens.any((1, 2))  # of some waves one is left
    boards = (aliens, coin(0.1, 10, 10), coin(0.05, 10, 10))
    timers = (whole(6, 12), whole(0, 3), whole(0, 10))
    return space_invaders.State(whole(0, 9), whole(0, 5), *boards, coin(0.5), *timers)


def crowded_seaquest(random, n):
    """No more things than there are places for; those that are there stand in rows 1 and 2, most in the middle."""
    whole, coin = (lambda low, high, *size: random.integers(low, high + 1, (n, *size), np.int32)), coins(random, n)
    ramps = whole(0, 19)
    spawn, move = np.maximum(20 - ramps, 1), np.maximum(5 - ramps // 2, 2)
    y = whole(0, 3)
    player = (
        whole(1, 8),
        y,
        coin(0.5),
        (y == 0) & coin(0.5),
        whole(0, 200) * ~coin(0.1),
        np.where(coin(0.5), 5, whole(-1, 6)),
    )
    rightward = coin(0.5, 2)
    bullet_x = np.where(rightward, whole(6, 8, 2), whole(1, 3, 2))
    first = coin(0.9)
    bullets = seaquest.Movers(
        np.stack([first, first & coin(0.8)], 1), bullet_x, whole(1, 2, 2), rightward, 0 * whole(0, 0, 2)
    )
    meet = coin(0.3)  # both divers at the player, and both bullets on their way into one cell
    divers = seaquest.Movers(bullets.present, whole(2, 7, 2), whole(1, 2, 2), coin(0.5, 2), whole(0, 1, 2))
    divers.x[meet], divers.y[meet] = player[0][meet, None], player[1][meet, None]
    bullets.x[meet], bullets.y[meet], bullets.rightward[meet] = (4, 6), 1, (True, False)
    following = whole(0, 31)
    age_order = (np.arange(32) - following[:, None]) % 32
    enemies = seaquest.Movers(
        coin(0.9, 32) & (age_order >= 12),
        whole(1, 8, 32),
        whole(1, 2, 32),
        coin(0.5, 32),
        whole(0, 5, 32) % (move[:, None] + 1) * coin(0.5, 32),
    )
    shooting = (coin(0.5, 32), whole(0, 3, 32), following, coin(0.02, 10, 10), coin(0.02, 10, 10))
    timers = (spawn, whole(0, 20) % (spawn + 1), 20 + whole(0, 10), move, 10 + 0 * ramps, ramps)
    return seaquest.State(*player, bullets, divers, enemies, *shooting, *timers)


def coins(random, n):
    return lambda probability, *size: random.random((n, *size)) < probability


CROWDED = {
    "MinAtar/Asterix-v1": crowded_asterix,
    "MinAtar/Breakout-v1": crowded_breakout,
    "MinAtar/Freeway-v1": crowded_freeway,
    "MinAtar/SpaceInvaders-v1": crowded_space_invaders,
    "MinAtar/Seaquest-v1": crowded_seaquest,
}


@pytest.mark.parametrize("identifier", GAMES)
def test_what_an_agent_may_know_is_what_the_package_says(identifier):
    game, environment = GAMES[identifier], MinAtarEnvironment(identifier, 3)
    registration, twin = gymnasium.spec(identifier), gymnasium.make(identifier, disable_env_checker=True).unwrapped
    assert environment.spec.identifier == identifier
    assert environment.spec.observation_shape == twin.observation_space.shape
    assert environment.spec.observation_dtype == twin.observation_space.dtype == np.bool_
    assert environment.spec.action == (twin.action_space.n,)
    assert environment.spec.time_limit_steps is registration.max_episode_steps is None
    assert list(game.actions) == twin.action_set
    assert {name: place for place, name in enumerate(game.channels)} == twin.game.env.channels
    assert twin.game.sticky_action_prob == STICKY_PROBABILITY
    assert getattr(twin.game.env, "ramping", True)  # difficulty rises, as it does here


def test_these_are_all_of_the_package():
    assert set(GAMES) == {name for name in gymnasium.registry if name.startswith(PREFIX) and name.endswith("-v1")}
    assert [name for name in environment_names() if name.startswith(PREFIX)] == list(GAMES)


def types_of(tree):
    return [(x.shape, x.dtype, x.weak_type) for x in jax.tree.leaves(tree)]


@pytest.mark.parametrize("identifier", GAMES)
def test_types_are_fixed_and_strong_and_a_state_may_be_donated(identifier):
    environment, action = MinAtarEnvironment(identifier, 3), jnp.zeros(3, jnp.int32)
    step = jax.jit(lambda state, key: environment.step(key, state, action), donate_argnums=0)
    state, observation = environment.reset(jax.random.key(0))
    for seed in range(3):
        before = state
        state, time_step = step(state, jax.random.key(seed))
        assert types_of(state) == types_of(before)
        read = {name: leaf for name, leaf in before.game._asdict().items() if name not in ("last_x", "last_y")}
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves((read, before.last_action)))
    assert step._cache_size() == 1
    assert not any(weak for *_, weak in types_of((state, observation, time_step)))
    assert {dtype.name for _, dtype, _ in types_of(state)} <= {"bool", "int32"}
    assert types_of(observation) == types_of(time_step.observation) == types_of(time_step.next_observation)
    assert (time_step.reward.dtype, time_step.terminated.dtype, time_step.truncated.dtype) == ("f4", "?", "?")


def test_the_key_decides_everything_and_seeds_may_be_mapped():
    environment, keys = MinAtarEnvironment("MinAtar/Freeway-v1", 4), jax.random.split(jax.random.key(7), 3)
    step = lambda key: environment.step(key, environment.reset(key)[0], jnp.ones(4, jnp.int32))
    together = jax.jit(jax.vmap(step))(keys)
    for index, key in enumerate(keys):
        jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[index], b), together, step(key))  # noqa: B023
    cars = np.asarray(together[0].game.car_speed).reshape(12, 8)
    assert len(np.unique(cars, axis=0)) == 12, "environments or seeds share their draws"


@pytest.mark.parametrize("identifier", GAMES)
def test_draws_are_spread_as_the_packages(identifier):
    """Each draw has each of its values equally often (gold and submarines: 1 in 3), and none tells of another."""
    game, n = GAMES[identifier], 60_000
    words = jax.random.bits(jax.random.key(0), (n, game.num_words), jnp.uint32)
    draws = jax.tree.map(np.asarray, jax.vmap(game.draw)(words))
    columns = [column for value in jax.tree.leaves(draws) for column in value.reshape(n, -1).T]
    thirds = {"MinAtar/Asterix-v1": (1,), "MinAtar/Seaquest-v1": (1,)}.get(identifier, ())
    expected = {"MinAtar/Asterix-v1": (2, 2, 840), "MinAtar/Breakout-v1": (2,), "MinAtar/Freeway-v1": (10,) * 8}
    sizes = {**expected, "MinAtar/Seaquest-v1": (2, 2, 8, 2, 8), "MinAtar/SpaceInvaders-v1": ()}[identifier]
    assert len(columns) == len(sizes)
    for place, (column, size) in enumerate(zip(columns, sizes, strict=True)):
        counts = np.unique(column, return_counts=True)[1]
        shares = np.array([2, 1]) / 3 if place in thirds else np.full(size, 1 / size)
        assert len(counts) == size
        deviation = (counts - n * shares) / np.sqrt(n * shares * (1 - shares))
        assert np.abs(deviation).max() < 4.5
    if len(columns) > 1:
        correlation = np.corrcoef(np.stack(columns).astype(float)) - np.eye(len(columns))
        assert np.abs(correlation).max() < 4.5 / np.sqrt(n)


def test_a_tenth_of_the_actions_stick_across_episodes_too():
    environment = MinAtarEnvironment("MinAtar/Asterix-v1", 20_000)
    state, _ = environment.reset(jax.random.key(0))
    state = state._replace(last_action=jnp.full(20_000, 3, jnp.int32))
    state = state._replace(game=state.game._replace(present=jnp.ones_like(state.game.present), x=0 * state.game.x + 6))
    after, step = environment.step(jax.random.key(1), state, jnp.ones(20_000, jnp.int32))
    stuck = np.asarray(after.last_action) == 3
    assert set(np.unique(after.last_action)) == {1, 3}
    assert abs(stuck.mean() - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 20_000)
    np.testing.assert_array_equal(step.terminated, stuck)  # to the right there is an enemy
    np.testing.assert_array_equal(after.game.player_x, np.where(stuck, 5, 4))  # those begin anew in the middle


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "MinAtar/Brekout-v1",
            r"is 'MinAtar/Brekout-v1': MinAtar has no such game; choose .*; did you mean 'MinAtar/Breakout-v1'\?$",
        ),
        ("MinAtar/Breakout-v0", r"MinAtar has no such game; choose .*; did you mean 'MinAtar/Breakout-v1'\?$"),
        ("MinAtar/space_invaders", r"MinAtar has no such game; choose .*; did you mean 'MinAtar/SpaceInvaders-v1'\?$"),
        ("Asterix-v1", r"'Asterix-v1': it is asked for as atari:Asterix or MinAtar/Asterix-v1$"),
        (
            "minatar/freeway-v1",
            r"'minatar/freeway-v1': it is not registered in Gymnasium; .* did you mean 'MinAtar/Freeway-v1'",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(name, line, monkeypatch):
    for registered_name in [known for known in gymnasium.registry if known.startswith(PREFIX)]:
        monkeypatch.delitem(gymnasium.registry, registered_name)  # as where nobody has asked for the package
    with pytest.raises(UserError, match=line) as caught:
        make(name, 1)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"^num_envs is 0: at least 1"):
        make("MinAtar/Breakout-v1", 0)


FRESH_PROCESS = """
import sys
import jax, jax.numpy as jnp
from sparserl.environments import GAMES, make

@jax.jit
def inside_a_trace(key):
    environment = make("MinAtar/Seaquest-v1", 2)
    state, _ = environment.reset(key)
    return environment.step(key, state, jnp.zeros(2, jnp.int32))[1].reward

assert inside_a_trace(jax.random.key(0)).tolist() == [0.0, 0.0]
for name in GAMES:
    assert make(name, 1).spec.observation_shape[:2] == (10, 10)
assert "minatar" not in sys.modules
"""


def test_the_package_is_not_needed():
    run = [sys.executable, "-W", "error", "-c", FRESH_PROCESS]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
