"""Fake features: how many, what they are like, and that nothing else changes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cameras import Camera
from probes import ENDLESS, HostTwin
from sparserl import environments, training
from sparserl.environments import FakeFeatures
from sparserl.environments.fake_features import num_features
from sparserl.training import hosted
from sparserl.types import UserError, innermost

pytestmark = pytest.mark.slow


def play(environment, num_steps=30, seed=0):
    """Observations `[time, env, feature]`, those before resets, and whether an episode ended."""
    key, traced = jax.random.key(seed), training.traceable(environment)
    state, first = traced.reset(key)

    def step(state, time):
        key_of_step = training.step_keys(key, time).environment
        state, time_step = traced.step(key_of_step, state, jnp.zeros(environment.num_envs, jnp.int32))
        return state, (time_step.observation, time_step.next_observation, time_step.terminated | time_step.truncated)

    rest = hosted.run(traced, jax.jit(lambda: jax.lax.scan(step, state, jnp.arange(num_steps))[1]))
    return np.asarray(first), *map(np.asarray, rest)


@pytest.mark.parametrize(
    ("num_real", "fraction", "total"),
    [(17, 0.9, 170), (17, 0.99, 1700), (11, 0.5, 22), (4, 0.7, 14), (376, 0.95, 7520), (3, 0.1, 4), (1, 0.01, 2)],
)
def test_the_fraction_is_of_all_features(num_real, fraction, total):
    """By hand: 4 / 0.3 = 13.3. Floats alone would make 17 / (1 - 0.9) 171."""
    assert num_features(num_real, fraction) == total


@pytest.mark.parametrize("form", [lambda probe: probe, HostTwin], ids=["compiled", "host"])
def test_real_features_come_first_and_noise_is_standard_normal_and_new(form):
    probe = dataclasses.replace(ENDLESS, num_envs=50)
    environment = FakeFeatures(form(probe), 0.95)
    assert environment.spec.observation_shape == (20,)
    first, seen, reached, ended = play(environment)
    plain_first, plain_seen, plain_reached, plain_ended = play(form(probe))
    np.testing.assert_array_equal(first[:, :1], plain_first)
    np.testing.assert_array_equal(seen[..., :1], plain_seen)
    np.testing.assert_array_equal(reached[..., :1], plain_reached)
    np.testing.assert_array_equal(ended, plain_ended)
    assert ended.any()
    np.testing.assert_array_equal(seen[~ended], reached[~ended])
    assert (seen[ended][:, 1:] != reached[ended][:, 1:]).all(), "a fresh episode has fresh noise"
    noise = np.concatenate([first[None, :, 1:], seen[..., 1:]])
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
    np.testing.assert_allclose(noise.var(), 1, atol=5 * np.sqrt(2 / noise.size))
    np.testing.assert_allclose((noise**4).mean(), 3, rtol=0.1)
    for one, two in ((noise[1:], noise[:-1]), (noise[:, 1:], noise[:, :-1]), (noise[..., 1:], noise[..., :-1])):
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 5 / np.sqrt(one.size)
    again = play(FakeFeatures(form(probe), 0.95))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(again, (first, seen, reached, ended), strict=True))
    assert (play(environment, seed=1)[0][:, 1:] != first[:, 1:]).all()


def test_the_task_itself_is_the_same():
    """CartPole's dynamics draw with the same keys as without."""
    plain, fake = environments.make("CartPole-v1", 4), FakeFeatures(environments.make("CartPole-v1", 4), 0.9)
    for one, two in zip(play(plain, 200), play(fake, 200), strict=True):
        np.testing.assert_allclose(one, two[..., :4] if two.ndim > 2 or two.shape[-1] > 4 else two, rtol=1e-5)


def test_what_surrounds_an_environment_can_be_taken_away():
    inner = HostTwin(ENDLESS)
    outer = FakeFeatures(FakeFeatures(inner, 0.5), 0.5)
    assert innermost(outer) is inner
    assert innermost(inner) is inner
    assert outer.spec.observation_shape == (4,)
    first, seen, _, _ = play(outer)
    assert first.shape == (1, 4)
    assert seen.shape == (30, 1, 4)


def test_pixels_are_refused():
    with pytest.raises(UserError, match=r"fake_features is 0.5: observations of camera are uint8 \[5, 6, 3\]"):
        FakeFeatures(Camera(), 0.5)
