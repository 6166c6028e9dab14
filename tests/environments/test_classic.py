"""Classic control as pure functions: types that stay, and keys that decide."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparserl.environments import TASKS, ClassicEnvironment
from sparserl.types import Box, Discrete, UserError

pytestmark = pytest.mark.slow

NUM_ENVS = 4  # the same in every test, so that they share what is compiled


def make_environment(identifier):
    return ClassicEnvironment(identifier, NUM_ENVS)


def types_of(tree):
    return [(x.shape, x.dtype, x.weak_type) for x in jax.tree.leaves(tree)]


def actions_of(environment):
    """An action for each environment, the first of which does what 0 does."""
    match environment.spec.action:
        case Discrete(num_actions):
            return jnp.arange(NUM_ENVS, dtype=jnp.int32) % num_actions
        case Box(shape, _, high):
            return jnp.linspace(jnp.zeros(shape), high, NUM_ENVS)


def play(environment, key, num_steps=5):
    """The states, observations and steps of a few steps."""
    state, observation = environment.reset(key)
    trace = [(state, observation)]
    for i in range(num_steps):
        trace.append(environment.step(jax.random.fold_in(key, i), trace[-1][0], actions_of(environment)))
    return trace


@pytest.mark.parametrize("identifier", TASKS)
def test_types_are_fixed_and_strong(identifier):
    environment = make_environment(identifier)
    (state, observation), (after, step) = play(environment, jax.random.key(0), 1)
    assert types_of(state) == types_of(after)
    assert {dtype for _, dtype, _ in types_of(state)} == {np.dtype(np.float32), np.dtype(np.int32)}
    assert not any(weak for *_, weak in types_of((state, observation, after, step)))
    assert all(shape[0] == NUM_ENVS for shape, *_ in types_of((state, observation, after, step)))
    assert types_of(observation) == types_of(step.observation) == types_of(step.next_observation)


@pytest.mark.parametrize("identifier", TASKS)
def test_a_state_may_be_donated_and_stepping_compiles_once(identifier):
    environment = make_environment(identifier)
    action = actions_of(environment)
    step = jax.jit(lambda state, key: environment.step(key, state, action), donate_argnums=0)
    state, _ = environment.reset(jax.random.key(0))
    for seed in range(3):
        before = state
        state, _ = step(state, jax.random.key(seed))
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before))
    assert step._cache_size() == 1


@pytest.mark.parametrize("identifier", TASKS)
def test_the_key_decides_everything(identifier):
    environment = make_environment(identifier)
    first, again, other = (play(environment, jax.random.key(seed)) for seed in (0, 0, 1))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert (first[0][1] != other[0][1]).any(-1).all()


def test_seeds_may_be_mapped():
    environment, keys = make_environment("CartPole-v1"), jax.random.split(jax.random.key(7), 3)
    action = jnp.ones(NUM_ENVS, jnp.int32)
    step = lambda key: environment.step(key, environment.reset(key)[0], action)
    together = jax.jit(jax.vmap(step))(keys)
    for index, key in enumerate(keys):
        same = lambda a, b: np.testing.assert_allclose(a[index], b, rtol=1e-6, atol=1e-7)  # noqa: B023
        jax.tree.map(same, together, step(key))


@pytest.mark.parametrize("identifier", TASKS)
def test_what_ends_starts_anew_with_its_own_numbers(identifier):
    environment, limit = make_environment(identifier), TASKS[identifier].time_limit_steps
    state, first = environment.reset(jax.random.key(0))
    state = state._replace(time=jnp.int32([0, limit - 1, limit - 1, limit - 1]))
    action = actions_of(environment)
    after, step = environment.step(jax.random.key(1), state, action)
    other_after, other = environment.step(jax.random.key(2), state, action)
    assert step.truncated.tolist() == [False, True, True, True]
    assert not step.terminated.any()
    assert after.time.tolist() == [1, 0, 0, 0]
    np.testing.assert_array_equal(step.observation[0], step.next_observation[0])
    np.testing.assert_array_equal(step.next_observation, other.next_observation)  # the dynamics are deterministic
    fresh = np.asarray(step.observation[1:])
    assert len(np.unique(fresh[:, 0])) == 3, "environments share their reset key"
    assert not np.isin(fresh[:, 0], np.asarray(first)[:, 0]).any(), "a reset repeats the first one"
    assert not np.isin(fresh[:, 0], np.asarray(other.observation)[:, 0]).any(), "a reset ignores its key"
    np.testing.assert_array_equal(step.observation[0], other.observation[0])
    assert jax.tree.leaves(other_after)[0].shape == (4,)


def test_mistakes_are_told_in_one_line():
    with pytest.raises(UserError, match=r"^environment is 'Cartpole-v1': .*'host'.*; did you mean 'CartPole-v1'\?$"):
        ClassicEnvironment("Cartpole-v1", 1)
    with pytest.raises(UserError, match=r"^num_envs is 0: at least 1"):
        ClassicEnvironment("CartPole-v1", 0)
