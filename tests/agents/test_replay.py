"""Replay against a plain list of everything that ever happened."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparserl.agents import replay
from sparserl.types import Transition

pytestmark = pytest.mark.slow

GAMMA = 0.9


def history(num_steps, num_envs, seed=0):
    random = np.random.default_rng(seed)
    observation = np.arange(num_steps * num_envs, dtype=np.float32).reshape(num_steps, num_envs, 1)
    terminated = random.random((num_steps, num_envs)) < 0.15
    truncated = random.random((num_steps, num_envs)) < 0.1
    reward = random.normal(size=(num_steps, num_envs)).astype(np.float32)
    action = random.integers(0, 5, (num_steps, num_envs)).astype(np.int32)
    return Transition(observation, action, reward, terminated, truncated, observation + 0.5)


def filled(steps, capacity, rollout_length):
    ring = replay.empty(jax.tree.map(lambda x: jnp.asarray(x[0]), steps), capacity)
    for start in range(0, len(steps.reward), rollout_length):
        ring = replay.add(
            ring, jax.tree.map(lambda x, start=start: jnp.asarray(x[start : start + rollout_length]), steps)
        )
    return ring


@pytest.mark.parametrize("num_steps", [1, 3])
@pytest.mark.parametrize(("total", "capacity", "rollout_length"), [(20, 32, 1), (60, 32, 4), (64, 32, 8)])
def test_batches_are_what_a_plain_history_gives(num_steps, total, capacity, rollout_length):
    steps = history(total, num_envs=2)
    ring = filled(steps, capacity, rollout_length)
    batch = jax.tree.map(np.asarray, replay.sample(jax.random.key(1), ring, 4096, GAMMA, num_steps))
    oldest = max(total - capacity, 0)
    seen = set()
    for i, identity in enumerate(batch.observation[:, 0].astype(int)):
        t, env = divmod(identity, 2)
        seen.add((t, env))
        assert oldest <= t <= total - num_steps
        reward, discount = 0.0, 1.0
        for k in range(num_steps):
            reward += discount * steps.reward[t + k, env]
            discount *= GAMMA
            if steps.terminated[t + k, env] or steps.truncated[t + k, env]:
                break
        assert batch.action[i] == steps.action[t, env]
        np.testing.assert_allclose(batch.reward[i], reward, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(batch.discount[i], 0.0 if steps.terminated[t + k, env] else discount, rtol=1e-6)
        assert batch.next_observation[i, 0] == steps.next_observation[t + k, env, 0]
    assert len(seen) == 2 * (total - num_steps + 1 - oldest), "every stored start must be drawn sooner or later"


def test_drawing_is_uniform():
    ring = filled(history(50, 2), 64, 1)
    drawn = np.asarray(replay.sample(jax.random.key(2), ring, 100_000, GAMMA).observation[:, 0]).astype(int)
    counts = np.bincount(drawn, minlength=100)
    chi_squared = ((counts - 1000.0) ** 2 / 1000.0).sum()
    assert chi_squared < 150  # 99 degrees of freedom: 148 is the 99.9 % point


@pytest.mark.parametrize("num_steps", [1, 3])
def test_what_is_drawn_does_not_depend_on_room_that_was_never_used(num_steps):
    steps = history(50, 2)
    tight, roomy = (
        replay.sample(jax.random.key(4), filled(steps, capacity, 5), 64, GAMMA, num_steps) for capacity in (50, 777)
    )
    for one, other in zip(tight, roomy, strict=True):
        np.testing.assert_array_equal(one, other)


def test_bytes_keep_their_type():
    step = Transition(
        jnp.zeros((1, 4, 4), jnp.uint8),
        jnp.zeros(1, jnp.int32),
        jnp.zeros(1),
        jnp.zeros(1, bool),
        jnp.zeros(1, bool),
        jnp.zeros((1, 4, 4), jnp.uint8),
    )
    ring = replay.add(replay.empty(step, 8), jax.tree.map(lambda x: x[None], step))
    assert replay.sample(jax.random.key(0), ring, 3, GAMMA).next_observation.dtype == jnp.uint8


def test_no_return_reaches_over_a_break():
    """Rewards 0, 1, 2 ... in one environment, broken off after the fifth step: its successors are not added to it."""
    step = lambda number: Transition(
        jnp.full((1, 1, 1), number, jnp.float32),
        jnp.zeros((1, 1), jnp.int32),
        jnp.full((1, 1), number, jnp.float32),
        *(jnp.zeros((1, 1), bool) for _ in range(2)),
        jnp.full((1, 1, 1), number + 0.5, jnp.float32),
    )
    ring = replay.empty(jax.tree.map(lambda x: x[0], step(0.0)), 16)
    for number in range(5):
        ring = replay.add(ring, step(float(number)))
    ring = replay.cut_off(ring)
    for number in range(5, 9):
        ring = replay.add(ring, step(float(number)))
    start, env = jnp.array([3, 4, 5]), jnp.zeros(3, jnp.int32)
    reward, factor, last = replay.returns(ring.storage, start, env, 0.5, 3)
    np.testing.assert_allclose(reward, [3 + 4 / 2, 4, 5 + 6 / 2 + 7 / 4])
    np.testing.assert_allclose(factor, [1 / 4, 1 / 2, 1 / 8])  # it bootstraps from what its own step led to
    assert last.tolist() == [4, 4, 7]
