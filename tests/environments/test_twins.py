"""Classic control beside Gymnasium's: the same state and action lead to the same step, time limits included."""

import itertools
import math
from typing import Any, NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from covering import covering
from sparserl.environments import TASKS, ClassicEnvironment
from sparserl.types import Box, Discrete

pytestmark = pytest.mark.slow

NUM_ENVS, NUM_STEPS = 4, 800

# How far one step in float32 may be from one in float64: a few roundings of numbers as large as the state's.
# Pendulum's angle counts its turns, so that its last digits are those of a number near 100.
TOLERANCE = {"CartPole-v1": 1e-6, "Acrobot-v1": 2e-6, "MountainCar-v0": 1e-6, "Pendulum-v1": 1e-5}


class Twin(NamedTuple):
    """How the states of the two implementations translate, and policies that end episodes in each way."""

    fields: tuple[str, ...]  # our names of what Gymnasium keeps in `state`
    first: tuple[tuple[float, float], ...]  # the limits between which an episode's first values are
    skilled: Any  # observation [env, features] -> action [env, ...]


def pump_acrobot(observation):
    return jnp.where(observation[:, 5] > 0, 2, 0)  # torque along the turn of the joint on which it acts: adds energy


TWINS = {
    "CartPole-v1": Twin(
        ("x", "x_dot", "theta", "theta_dot"),
        ((-0.05, 0.05),) * 4,
        lambda o: (0.1 * o[:, 0] + 0.2 * o[:, 1] + o[:, 2] + 0.5 * o[:, 3] > 0).astype(jnp.int32),
    ),
    "Acrobot-v1": Twin(("joint_angle1", "joint_angle2", "velocity_1", "velocity_2"), ((-0.1, 0.1),) * 4, pump_acrobot),
    "MountainCar-v0": Twin(
        ("position", "velocity"), ((-0.6, -0.4), (0.0, 0.0)), lambda o: jnp.where(o[:, 1] >= 0, 2, 0)
    ),
    "Pendulum-v1": Twin(
        ("theta", "theta_dot"),
        ((-math.pi, math.pi), (-1.0, 1.0)),
        lambda o: jnp.where(o[:, 2:] >= 0, 2.0, -2.0),  # turns faster and faster: the top speed, and many turns
    ),
}


def roll(identifier, skilled, seed):
    """`NUM_STEPS` steps: states before them, observations before them, actions, and what the steps returned."""
    environment = ClassicEnvironment(identifier, NUM_ENVS)

    def random_action(key):
        match environment.spec.action:
            case Discrete(num_actions):
                return jax.random.randint(key, (NUM_ENVS,), 0, num_actions)
            case Box(shape, low, high):  # a third of them beyond the bounds
                return jax.random.uniform(key, (NUM_ENVS, *shape), jnp.float32, 1.5 * low, 1.5 * high)

    @jax.jit
    def run(key):
        def step(carry, key):
            state, observation = carry
            step_key, action_key, coin_key = jax.random.split(key, 3)
            random = random_action(action_key)
            wild = jax.random.bernoulli(coin_key, 0.05 if skilled else 1.0, (NUM_ENVS,) + (1,) * (random.ndim - 1))
            action = jnp.where(wild, random, TWINS[identifier].skilled(observation))
            state_after, time_step = environment.step(step_key, state, action)
            return (state_after, time_step.observation), (state, observation, action, time_step)

        reset_key, steps_key = jax.random.split(key)
        return jax.lax.scan(step, environment.reset(reset_key), jax.random.split(steps_key, NUM_STEPS))[1]

    return jax.tree.map(np.asarray, run(jax.random.key(seed)))


def gymnasium_states(identifier, state):
    """Our states as Gymnasium keeps them: float64 `[..., field]`."""
    return np.stack([getattr(state, field) for field in TWINS[identifier].fields], -1).astype(np.float64)


def far(ours, theirs):
    """The largest distance, in units of the number where that is larger than 1."""
    return (np.abs(ours - theirs) / np.maximum(1, np.abs(theirs))).max()


@pytest.mark.parametrize(
    ("identifier", "skilled"), covering(list(itertools.product(TASKS, (True, False))), lambda case: case[1])
)
def test_every_step_agrees_with_gymnasium(identifier, skilled):
    states, observations, actions, steps = roll(identifier, skilled, seed=skilled)
    assert steps.next_observation.dtype == steps.reward.dtype == np.float32
    assert steps.terminated.dtype == steps.truncated.dtype == np.bool_
    states, twin = gymnasium_states(identifier, states), gymnasium.make(identifier)
    theirs, rewards = np.empty_like(steps.next_observation), np.empty(steps.reward.shape)
    for env in range(NUM_ENVS):
        twin.reset(seed=0)  # from here on it counts its own steps
        for t in range(NUM_STEPS):
            twin.unwrapped.state = states[t, env]
            theirs[t, env], rewards[t, env], terminated, truncated, _ = twin.step(actions[t, env])
            assert (steps.terminated[t, env], steps.truncated[t, env]) == (terminated, truncated), (t, env)
            if terminated or truncated:
                twin.reset()
    assert far(steps.next_observation, theirs) < TOLERANCE[identifier]
    exact = isinstance(TASKS[identifier].action, Discrete)
    assert far(steps.reward, rewards) <= (0 if exact else TOLERANCE[identifier])

    ended = steps.terminated | steps.truncated
    np.testing.assert_array_equal(steps.observation[~ended], steps.next_observation[~ended])
    np.testing.assert_array_equal(steps.observation[:-1], observations[1:])
    assert (steps.observation[ended] != steps.next_observation[ended]).any(-1).all()
    ends = {"terminated": steps.terminated.sum(), "truncated": steps.truncated.sum()}
    expected = {  # the test is only as good as the ends that it saw
        ("CartPole-v1", True): "truncated",
        ("CartPole-v1", False): "terminated",
        ("Acrobot-v1", True): "terminated",
        ("Acrobot-v1", False): "truncated",
        ("MountainCar-v0", True): "terminated",
        ("MountainCar-v0", False): "truncated",
        ("Pendulum-v1", True): "truncated",
        ("Pendulum-v1", False): "truncated",
    }
    assert ends[expected[identifier, skilled]] >= NUM_ENVS, ends


LAST_STEPS = {  # a state one step before the task ends, and the action that ends it
    "CartPole-v1": ((2.39, 3.0, 0.0, 0.0), 1),
    "Acrobot-v1": ((2.6, 0.1, 1.0, 0.5), 2),
    "MountainCar-v0": ((0.48, 0.05), 2),
}


@pytest.mark.parametrize("steps_before_limit", [1, 2])
@pytest.mark.parametrize("identifier", LAST_STEPS)
def test_a_task_may_end_on_its_very_last_step(identifier, steps_before_limit):
    environment, limit = ClassicEnvironment(identifier, NUM_ENVS), TASKS[identifier].time_limit_steps
    values, action = LAST_STEPS[identifier]
    full = lambda value, dtype: jnp.full(NUM_ENVS, value, dtype)
    fields = {name: full(x, jnp.float32) for name, x in zip(TWINS[identifier].fields, values, strict=True)}
    state, _ = environment.reset(jax.random.key(0))
    state = state._replace(time=full(limit - steps_before_limit, jnp.int32), **fields)
    twin = gymnasium.make(identifier)
    twin.reset(seed=0)
    assert twin._elapsed_steps == 0  # its wrapper's own count
    twin._elapsed_steps = limit - steps_before_limit
    twin.unwrapped.state = gymnasium_states(identifier, state)[0]
    _, reward, terminated, truncated, _ = twin.step(action)

    _, step = environment.step(jax.random.key(1), state, full(action, jnp.int32))

    for ours, theirs in zip(
        (step.terminated, step.truncated, step.reward), (terminated, truncated, reward), strict=True
    ):
        assert ours.tolist() == [theirs] * NUM_ENVS
    assert (terminated, truncated) == (True, steps_before_limit == 1)


@pytest.mark.parametrize("identifier", TASKS)
def test_the_table_of_tasks_is_gymnasiums(identifier):
    twin, spec = gymnasium.make(identifier), ClassicEnvironment(identifier, 3).spec
    assert spec.identifier == identifier
    assert spec.observation_shape == twin.observation_space.shape
    assert spec.observation_dtype == twin.observation_space.dtype == np.float32
    match spec.action:
        case Discrete(num_actions):
            assert num_actions == twin.action_space.n
        case Box(shape, low, high):
            assert gymnasium.spaces.Box(low, high, shape, np.float32) == twin.action_space
    assert spec.time_limit_steps == twin.spec.max_episode_steps


@pytest.mark.parametrize("identifier", TASKS)
def test_first_states_are_spread_as_gymnasiums(identifier):
    state, observation = ClassicEnvironment(identifier, 4000).reset(jax.random.key(0))
    twin, fields = gymnasium.make(identifier).unwrapped, TWINS[identifier].fields
    theirs = np.array([(twin.reset(seed=seed), twin.state)[1] for seed in range(1000)])
    ours = np.stack([getattr(state, name) for name in fields], 1)
    for mine, other, limits in zip(ours.T, theirs.T, TWINS[identifier].first, strict=True):
        if other.std() == 0:  # the car starts at rest
            np.testing.assert_array_equal(mine, np.full_like(mine, other[0]))
            continue
        assert limits[0] <= mine.min() < limits[0] + 0.01 * (limits[1] - limits[0])
        assert limits[1] >= mine.max() > limits[1] - 0.01 * (limits[1] - limits[0])
        grid = np.linspace(*limits, 50)
        distribution = lambda x: (x[:, None] <= grid).mean(0)  # noqa: B023
        assert np.abs(distribution(mine) - distribution(other)).max() < 0.06  # two-sample KS, p about 0.005
    if (ours.std(0) > 0).all():
        correlation = np.corrcoef(ours.T) - np.eye(len(fields))
        assert np.abs(correlation).max() < 0.07  # 4 standard errors
    assert observation.shape == (4000, *ClassicEnvironment(identifier, 1).spec.observation_shape)
