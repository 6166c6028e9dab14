"""Observation noise: as strong as asked, once for every frame, and what a policy decides by."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from cameras import Camera, HostCamera
from sparserl import training
from sparserl.environments import NoisyObservations, deviation_of, no_spread, with_observations
from sparserl.experiment import under_noise
from sparserl.training import EvaluationSettings
from sparserl.types import Discrete, EnvSpec, TimeStep, UserError

pytestmark = pytest.mark.slow

STEPS = 9


def seen_frames(environment, seed=0):
    """What a policy sees, `[time, env, ...]`, and where an episode began."""
    key = jax.random.key(seed)
    state, observation = environment.reset(training.step_keys(key, training.START).environment)
    observations, begun = [np.asarray(observation)], [np.ones(environment.num_envs, bool)]
    action = jnp.zeros(environment.num_envs, jnp.int32)
    step = jax.jit(environment.step)
    for time in range(STEPS):
        state, time_step = step(training.step_keys(key, jnp.int32(time)).environment, state, action)
        observations.append(np.asarray(time_step.observation))
        begun.append(np.asarray(time_step.terminated))
    return np.stack(observations), np.stack(begun)


def noise_of(camera, deviation, arithmetic="clip", seed=0):
    """Seen less true values, int32, of each newest frame."""
    noisy, begun = seen_frames(NoisyObservations(camera, deviation, arithmetic), seed)
    plain, _ = seen_frames(camera, seed)
    assert noisy.dtype == plain.dtype == np.uint8
    return (noisy.astype(np.int32) - plain)[..., -1], begun


def test_noise_has_the_deviation_that_was_asked_for_and_whole_numbers():
    noise, _ = noise_of(Camera(num_envs=20, size=40), 7.0)  # 100 +- 14 deviations: nothing is cut off
    count = noise.size
    assert count > 300_000
    assert abs(noise.mean()) < 5 * 7 / np.sqrt(count)
    np.testing.assert_allclose(noise.var(), 7.0**2 + 1 / 12, rtol=5 * np.sqrt(2 / count))  # 1/12: of rounding
    counts = np.array([(np.abs(noise) == value).mean() for value in (0, 7, 14)])
    density = np.array([1, 2, 2]) * np.exp([0, -0.5, -2]) / (7 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(counts, density, rtol=0.05)


def test_noise_is_independent_over_pixels_frames_environments_and_seeds():
    camera = Camera(num_envs=4, size=60)
    noise, _ = noise_of(camera, 10.0)
    other, _ = noise_of(camera, 10.0, seed=1)
    again, _ = noise_of(camera, 10.0)
    assert again.tobytes() == noise.tobytes()
    pairs = {
        "frames": (noise[1:], noise[:-1]),
        "environments": (noise[:, 1:], noise[:, :-1]),
        "rows": (noise[:, :, 1:], noise[:, :, :-1]),
        "columns": (noise[..., 1:], noise[..., :-1]),
        "seeds": (noise, other),
    }
    for name, (one, two) in pairs.items():
        correlation = np.corrcoef(one.ravel(), two.ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(one.size), name


def test_every_frame_keeps_its_noise_in_the_stack_and_zeros_stay_zero():
    camera = Camera()
    noisy, begun = seen_frames(NoisyObservations(camera, 20.0))
    assert begun.sum() == camera.num_envs * 3
    for time in range(1, STEPS + 1):
        if begun[time].all():
            assert (noisy[time][..., :-1] == 0).all()
        else:
            np.testing.assert_array_equal(noisy[time][..., :-1], noisy[time - 1][..., 1:])
    assert (noisy[0][..., :-1] == 0).all()
    assert (noisy[0][..., -1] != camera.first).mean() > 0.9, "the first frame has noise, too"


def test_sums_are_cut_off_at_black_and_white():
    for first, bound in ((1, 0), (250, 255)):
        noisy, _ = seen_frames(NoisyObservations(Camera(first=first, size=30), 30.0))
        at_bound = (noisy[0][..., -1] == bound).mean()
        assert 0.3 < at_bound < 0.6


def test_modulo_is_what_the_published_code_did():
    """There: `frame + np.random.normal(...).astype(frame.dtype)`, with uint8 frames, after each step only."""
    camera = Camera(num_envs=8, size=30, first=4)
    noise, begun = noise_of(camera, 9.0, "modulo")
    assert begun.sum() == 8 * 3
    assert (noise[begun] == 0).all()
    stepped = noise[~begun]
    wrapped = stepped.astype(np.uint8).astype(np.int8)  # differences modulo 256, as signed
    drawn = np.random.default_rng(0).normal(0, 9.0, 2_000_000)
    published = np.trunc(drawn).astype(np.int64).astype(np.uint8).astype(np.int8)
    assert (stepped > 200).any(), "some sums go below zero and come back at 255"
    for value in (-20, -9, -1, 0, 1, 9, 20):
        np.testing.assert_allclose((wrapped == value).mean(), (published == value).mean(), rtol=0.12)
    assert (wrapped == 0).mean() > 1.7 * (wrapped == 1).mean(), "truncated, 0 is twice as wide as 1"


def test_modulo_arithmetic_against_uint8():
    """The same noise, added by NumPy in uint8."""
    camera = Camera(num_envs=2, first=250, length=100)
    environment, key = NoisyObservations(camera, 40.0, "modulo"), jax.random.key(3)
    state, _ = environment.reset(key)
    _, time_step = environment.step(key, state, jnp.zeros(2, jnp.int32))
    noise = np.asarray(environment._noise(key, jnp.float32(40.0)))
    frame = np.asarray(camera.step(key, camera.reset(key)[0], jnp.zeros(2, jnp.int32))[1].observation)[..., -1:]
    np.testing.assert_array_equal(
        time_step.observation[..., -1:], frame + np.trunc(noise).astype(np.int64).astype(np.uint8)
    )


def test_planes_are_seen_as_black_and_white_and_come_as_fractions():
    camera = Camera(dtype=np.bool_, size=40, num_envs=5)
    environment = NoisyObservations(camera, 51.0)
    assert environment.spec.observation_dtype == np.float32
    noisy, _ = seen_frames(environment)
    plain, _ = seen_frames(camera)
    assert noisy.dtype == np.float32
    levels = noisy.astype(np.float64) * 255
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)
    assert noisy.min() == 0
    assert noisy.max() == 1
    for value in (False, True):
        away = np.abs(noisy[plain == value] - value)
        np.testing.assert_allclose((away == 0).mean(), 0.504, atol=0.01)  # cut off, or rounded to nothing
        np.testing.assert_allclose(np.sqrt((away**2).mean() * 2), 0.2, rtol=0.02)  # half the draws, 51 / 255
    quiet, _ = seen_frames(dataclasses.replace(environment, deviation=0.0))
    np.testing.assert_array_equal(quiet, plain.astype(np.float32))


class Drift(NamedTuple):
    time: jax.Array


@dataclasses.dataclass(frozen=True)
class Sensors:
    """Three floats: one that is always 0.1, one of 0 to 3 in turn, one a hundred times as far; reward: the action."""

    num_envs: int = 4
    compiled: bool = True
    spec = EnvSpec("sensors", (3,), np.dtype(np.float32), Discrete(2), 4)

    def reset(self, key):
        return Drift(jnp.zeros(self.num_envs, jnp.int32)), self.seen(jnp.zeros(self.num_envs, jnp.int32))

    def seen(self, time):
        x = time.astype(jnp.float32)
        return jnp.stack([jnp.full_like(x, 0.1), x, 100 * x + 7], 1)

    def step(self, key, state, action):
        reached = state.time + 1
        ended = reached >= 4
        now = jnp.where(ended, 0, reached)
        no = jnp.zeros_like(ended)
        return Drift(now), TimeStep(self.seen(now), action.astype(jnp.float32), ended, no, self.seen(reached))


def test_running_statistics_are_those_of_numpy():
    values = np.random.default_rng(0).normal(5.0, [1e-3, 3.0], (40, 6, 2)).astype(np.float32)
    counted = np.random.default_rng(1).random((40, 6)) < 0.4
    counted[3] = False
    spread = no_spread(EnvSpec("two", (2,), np.dtype(np.float32), Discrete(2), None))
    for row, used in zip(values, counted, strict=True):
        spread = with_observations(spread, row, jnp.asarray(used))
    assert spread.number == counted.sum()
    np.testing.assert_allclose(deviation_of(spread), values[counted].astype(np.float64).std(0), rtol=1e-4)


@dataclasses.dataclass(frozen=True)
class Reader:
    """A policy that acts by what it sees: 1 where `reads(observation)` is true."""

    reads: object

    def exploit(self, key, state, observation):
        return self.reads(observation).astype(jnp.int32)


def test_vectors_get_noise_in_units_of_their_deviations():
    """In four steps a feature takes four values with a deviation of sqrt(5 / 4) steps; above 1.5 the policy acts."""
    acts = {
        0: Reader(lambda seen: seen[:, 0] != jnp.float32(0.1)),
        1: Reader(lambda seen: seen[:, 1] > 1.5),
        2: Reader(lambda seen: seen[:, 2] > 157),
        3: Reader(lambda seen: (seen[:, 1] > 1.5) != (seen[:, 2] > 157)),
    }
    environment, settings = Sensors(num_envs=500), EvaluationSettings(num_episodes=500, min_steps=500 * 8)
    found = {}
    for feature, agent in acts.items():
        (result,) = under_noise(agent, None, environment, settings, jax.random.key(0), (0.5,))
        assert len(result.returns) == 1000
        found[feature] = result.returns.mean()
    rights = norm.sf((1.5 - np.arange(4)) / (0.5 * np.sqrt(1.25)))
    assert found[0] == 0, "what never varies gets no noise"
    assert rights.sum() == pytest.approx(2)
    # Symmetric, so that the mean says little; how often two features disagree says how strong the noise is.
    np.testing.assert_allclose(found[1], 2, atol=4 * 0.6 / np.sqrt(1000))
    np.testing.assert_allclose(found[2], 2, atol=4 * 0.6 / np.sqrt(1000))
    np.testing.assert_allclose(found[3], (2 * rights * (1 - rights)).sum(), atol=4 * 0.7 / np.sqrt(1000))


@pytest.mark.parametrize("form", [lambda camera: camera, HostCamera], ids=["compiled", "host"])
def test_decisions_are_made_by_the_noisy_stack(form):
    """A policy that acts on whether an older frame is bright; the reward counts its actions."""
    camera = Camera(num_envs=200, stack=3, length=3, size=2)
    bright = Reader(lambda stack: stack[:, 0, 0, -2].astype(jnp.int32) > camera.first + 20)
    settings, key = EvaluationSettings(num_episodes=200), jax.random.key(4)
    quiet, loud, louder = under_noise(bright, None, form(camera), settings, key, (0, 20.0, 60.0))
    assert (quiet.returns == 0).all()
    # Of three decisions the first sees zeros there, the others frames of value first and first + 1.
    for result, deviation in ((loud, 20.0), (louder, 60.0)):
        expected = norm.sf(20.5 / deviation) + norm.sf(19.5 / deviation)
        np.testing.assert_allclose(result.returns.mean(), expected, atol=4 * 0.7 / np.sqrt(200))
    assert (quiet.lengths == 3).all()


def test_both_forms_of_an_environment_see_the_same():
    by_pixel = Reader(lambda stack: stack.astype(jnp.int32).sum((1, 2, 3)) % 2 == 0)
    camera, settings = Camera(num_envs=16), EvaluationSettings(num_episodes=16, min_steps=100)
    results = [
        list(under_noise(by_pixel, None, form, settings, jax.random.key(1), (3.0, 30.0), arithmetic))
        for form in (camera, HostCamera(camera))
        for arithmetic in ("clip", "modulo")
    ]
    for compiled, host in ((results[0], results[2]), (results[1], results[3])):
        for one, two in zip(compiled, host, strict=True):
            np.testing.assert_array_equal(one.returns, two.returns)
    assert not np.array_equal(results[0][0].returns, results[1][0].returns)


def test_noise_without_deviation_changes_nothing():
    by_pixel = Reader(lambda stack: stack.astype(jnp.int32).sum((1, 2, 3)) % 2 == 0)
    camera, settings, key = Camera(num_envs=4), EvaluationSettings(num_episodes=4), jax.random.key(1)
    (plain,) = under_noise(by_pixel, None, camera, settings, key, (0,))
    (tiny,) = under_noise(by_pixel, None, camera, settings, key, (1e-6,))
    np.testing.assert_array_equal(plain.returns, tiny.returns)


def test_modulo_needs_pixels():
    with pytest.raises(UserError, match="noise_arithmetic is 'modulo': observations of sensors are no pixels"):
        under_noise(None, None, Sensors(), EvaluationSettings(), jax.random.key(0), (1,), "modulo")
