"""Replay of stacked frames against a plain list of whole stacks."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from covering import covering
from sparserl.agents import replay
from sparserl.agents.frames import FrameMemory
from sparserl.types import Transition

pytestmark = pytest.mark.slow

GAMMA = 0.9
HEIGHT, WIDTH, STACKED, LIMIT = 3, 2, 4, 7
MEMORY = FrameMemory((HEIGHT, WIDTH, STACKED), LIMIT)


def played(num_steps, num_envs, seed=0, limit=LIMIT, stacked=STACKED):
    """Steps `[step, env, ...]` as an environment gives them: whole stacks, zeros before an episode's first frame."""
    random = np.random.default_rng(seed)
    frame = lambda: random.integers(1, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    begin = lambda: np.stack([*[np.zeros((HEIGHT, WIDTH), np.uint8)] * (stacked - 1), frame()], -1)
    steps, seen, ages = [], [begin() for _ in range(num_envs)], [0] * num_envs
    for _ in range(num_steps):
        row = []
        for env in range(num_envs):
            ages[env] += 1
            after = np.concatenate([seen[env][..., 1:], frame()[..., None]], -1)
            truncated, terminated = ages[env] >= limit, random.random() < 0.12
            row.append((seen[env], random.integers(5), random.normal(), terminated, truncated, after))
            if truncated or terminated:
                after, ages[env] = begin(), 0
            seen[env] = after
        steps.append([np.stack(field) for field in zip(*row, strict=True)])
    fields = [np.stack(field) for field in zip(*steps, strict=True)]
    fields[1], fields[2] = fields[1].astype(np.int32), fields[2].astype(np.float32)
    return Transition(*fields)


def filled(memory, steps, capacity, rollout_length):
    ring = memory.empty(jax.tree.map(lambda x: jnp.asarray(x[0]), steps), capacity)
    add = jax.jit(memory.add)
    for start in range(0, len(steps.reward), rollout_length):
        part = slice(start, start + rollout_length)
        ring = add(ring, jax.tree.map(lambda x, part=part: jnp.asarray(x[part]), steps))
    return ring


def expected(steps, t, env, num_steps):
    """What a start gives, from whole stacks: reward, discount, last step."""
    reward, discount = np.float32(0), 1.0
    for k in range(num_steps):
        last = t + k
        reward, discount = reward + np.float32(discount) * steps.reward[last, env], discount * GAMMA
        if steps.terminated[last, env] or steps.truncated[last, env]:
            break
    return reward, 0.0 if steps.terminated[last, env] else discount, last


@pytest.mark.parametrize(
    ("num_envs", "num_steps", "total", "capacity", "rollout_length"),
    covering(
        [
            (num_envs, num_steps, *case)
            for num_envs, num_steps in itertools.product((1, 3), (1, 3))
            for case in ((9, 32, 1), (33, 32, 1), (260, 32, 4), (264, 32, 8), (64, 32, 16))
        ],
        lambda case: case[:2] == (3, 3) or (case[:2] != (3, 1) and case[2] == 260),
    ),
)
def test_every_start_gives_what_whole_stacks_give(num_envs, num_steps, total, capacity, rollout_length):
    steps = played(total, num_envs, seed=total)
    ring = filled(MEMORY, steps, capacity, rollout_length)
    batch = jax.tree.map(
        np.asarray, jax.jit(MEMORY.sample, static_argnums=(2, 3, 4))(jax.random.key(1), ring, 4096, GAMMA, num_steps)
    )
    by_content = {steps.observation[t, env].tobytes(): (t, env) for t in range(total) for env in range(num_envs)}
    assert len(by_content) == total * num_envs
    seen = set()
    for i, observation in enumerate(batch.observation):
        t, env = by_content[observation.tobytes()]
        seen.add((t, env))
        reward, discount, last = expected(steps, t, env, num_steps)
        assert batch.action[i] == steps.action[t, env]
        np.testing.assert_allclose(batch.reward[i], reward, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(batch.discount[i], discount, rtol=1e-6)
        after = steps.next_observation[last, env].copy()
        if steps.terminated[last, env]:
            after[..., -1] = 0
        np.testing.assert_array_equal(batch.next_observation[i], after)
    oldest = max(total - capacity, 0)
    assert seen == {(t, env) for t in range(oldest, total - num_steps + 1) for env in range(num_envs)}


@pytest.mark.parametrize("num_steps", [1, 3])
@pytest.mark.parametrize("stacked", [2, 4])
def test_it_draws_the_bits_of_a_replay_of_whole_stacks(num_steps, stacked):
    steps = played(100, 3, seed=5, stacked=stacked)
    memory = FrameMemory((HEIGHT, WIDTH, stacked), LIMIT)
    drawn = memory.sample(jax.random.key(3), filled(memory, steps, 32, 4), 512, GAMMA, num_steps)
    whole = replay.sample(jax.random.key(3), filled(replay, steps, 32, 4), 512, GAMMA, num_steps)
    bootstrapped = np.asarray(whole.discount) > 0
    for name in ("observation", "action", "reward", "discount"):
        np.testing.assert_array_equal(getattr(drawn, name), getattr(whole, name))
    np.testing.assert_array_equal(drawn.next_observation[bootstrapped], whole.next_observation[bootstrapped])


def test_seeds_side_by_side_draw_what_each_draws_alone():
    rings = [filled(MEMORY, played(60, 2, seed=seed), 32, 4) for seed in range(3)]
    keys = jax.random.split(jax.random.key(0), 3)
    draw = lambda key, ring: MEMORY.sample(key, ring, 16, GAMMA, 3)
    together = jax.vmap(draw)(keys, jax.tree.map(lambda *x: jnp.stack(x), *rings))
    for seed, ring in enumerate(rings):
        for one, other in zip(draw(keys[seed], ring), together, strict=True):
            np.testing.assert_array_equal(one, other[seed])


def test_a_frame_that_is_gone_is_told():
    steps = played(60, 1, limit=2)
    ring = filled(MEMORY, steps, 32, 4)
    batch = jax.tree.map(np.asarray, MEMORY.sample(jax.random.key(1), ring, 2048, GAMMA))
    assert np.isnan(batch.discount).any()
    by_content = {steps.observation[t, 0].tobytes(): t for t in range(60)}
    for i in np.flatnonzero(~np.isnan(batch.discount) & (batch.discount > 0)):
        t = by_content[batch.observation[i].tobytes()]
        np.testing.assert_array_equal(batch.next_observation[i], steps.next_observation[t, 0])


def test_each_frame_is_stored_once():
    ring = MEMORY.empty(jax.tree.map(lambda x: jnp.asarray(x[0]), played(1, 2)), 100)
    assert ring.storage.frame.shape == (100 + STACKED - 1, 2, HEIGHT * WIDTH)
    assert ring.storage.frame.dtype == jnp.uint8
    assert ring.frame_after.shape == (100 // LIMIT + 2, 2, HEIGHT * WIDTH)


@pytest.mark.parametrize("limit", [7, None])
def test_a_run_that_is_broken_off_draws_the_bits_of_a_replay_of_whole_stacks(limit):
    """Three times in the reach of the ring: before the first step, after one that was cut off, and twice in a row."""
    memory = FrameMemory((HEIGHT, WIDTH, STACKED), limit)
    parts = [played(4 * (7 if part == 0 else 3), 3, seed=part, limit=limit or 10**6) for part in range(4)]
    rings = [each.empty(jax.tree.map(lambda x: jnp.asarray(x[0]), parts[0]), 32) for each in (memory, replay)]
    for part in parts:
        rings = [each.cut_off(ring) for each, ring in zip((memory, replay), rings, strict=True)]
        for start in range(0, len(part.reward), 4):
            rollout = jax.tree.map(lambda x, start=start: jnp.asarray(x[start : start + 4]), part)
            rings = [each.add(ring, rollout) for each, ring in zip((memory, replay), rings, strict=True)]
        drawn, whole = (
            each.sample(jax.random.key(3), ring, 512, GAMMA, 3)
            for each, ring in zip((memory, replay), rings, strict=True)
        )
        bootstrapped = np.asarray(whole.discount) > 0
        for name in ("observation", "action", "reward", "discount"):
            np.testing.assert_array_equal(getattr(drawn, name), getattr(whole, name))
        np.testing.assert_array_equal(drawn.next_observation[bootstrapped], whole.next_observation[bootstrapped])
