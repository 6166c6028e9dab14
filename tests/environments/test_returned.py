"""What environments return: every form that is taken, and the one line on every other."""

import decimal
import re

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium import spaces

from sparserl.environments import HostEnvironment, outside
from sparserl.types import UserError

NOTHING = np.zeros(2)
PIXELS = spaces.Box(0, 255, (2, 2, 1), np.uint8)
TEN = spaces.Box(0, 10, (2,), np.int64)
STEP = "(observation, reward, terminated, truncated, info) is expected"
RESET = "(observation, info) is expected"
NO_SEED = "its reset takes no seed and options, and reset(*, seed=None, options=None) is expected"
OF_PIXELS, OF_TEN = f"its space is {PIXELS}", f"its space is {TEN}"
OF_FLOATS = "its space is Box(-inf, inf, (2,), float64)"
REMEDY = "; return that type, or declare a Box of floats"
OLD = "; that is how environments of gym before 0.26 answer"


class Returning(gymnasium.Env):
    """Returns what it is told to."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = spaces.Discrete(2)
    seen, reward, terminated, truncated = NOTHING, 0.0, False, False

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.seen, {}

    def step(self, action):
        return self.seen, self.reward, self.terminated, self.truncated, {}


def made(limit=None, **changes):
    gymnasium.register("Returning-v0", entry_point=type("Told", (Returning,), changes), max_episode_steps=limit)
    try:
        return HostEnvironment("Returning-v0", 1)
    finally:
        del gymnasium.registry["Returning-v0"]


def first_step(**changes):
    environment = made(**changes)
    environment.reset(jax.random.key(0))
    return environment.step(None, None, np.zeros(1, np.int32))[1]


def refused(line, play=first_step, **changes):
    with pytest.raises(UserError) as caught:
        play(**changes)
    assert re.match(
        r"environment 'Returning-v0' \(1 of 1\) failed (at step 1|in its reset after step 0): ", str(caught.value)
    )
    assert str(caught.value).endswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "reward",
    [2, True, np.float32(0.1), np.float16(2.5), np.int64(3), np.array(2.5), np.True_, decimal.Decimal("1.5"), 3e38],
)
def test_rewards_of_any_single_number(reward):
    assert first_step(reward=reward).reward.tolist() == [np.float32(reward)]


@pytest.mark.parametrize(
    ("reward", "line"),
    [
        (np.array([1.0]), "the reward is array([1.]) of shape (1,), and a single number is expected"),
        ([1.0], "the reward is [1.0], and a single number is expected"),
        (None, "the reward is None, and a single number is expected"),
        ("1.0", "the reward is '1.0', and a single number is expected"),
        (1j, "the reward is 1j, and a single number is expected"),
        (np.ma.masked, "the reward is masked, and a single number is expected"),
        (1e39, "the reward is 1e+39, and float32, in which agents learn, ends at 3.4e+38"),
        (np.float64("-inf"), "the reward is not finite: it is -inf"),
        (10**400, "the reward is not finite: it is inf"),
    ],
)
def test_rewards_that_are_none(reward, line):
    refused(line, reward=reward)


@pytest.mark.parametrize("which", ["terminated", "truncated"])
def test_flags(which):
    for value in (True, np.True_, 1, np.int8(1), np.array(True), 1.0):
        assert getattr(first_step(**{which: value}), which).tolist() == [True]
    for value in (np.array([True]), None, "False", 2, [False], np.nan):
        refused("and True or False is expected", **{which: value})


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ((NOTHING, 0.0, False, {}), f"its step returned 4 values (ndarray, float, bool, dict), and {STEP}{OLD}"),
        (
            (NOTHING, 0.0, False, False, {}, 1),
            f"its step returned 6 values (ndarray, float, bool, bool, dict, int), and {STEP}",
        ),
        (
            (NOTHING, 0.0, False, False, None),
            f"its step returned 5 values (ndarray, float, bool, bool, NoneType), and {STEP}",
        ),
        (None, f"its step returned None, and {STEP}"),
    ],
)
def test_steps_of_another_form(answer, line):
    refused(line, step=lambda self, action: answer)
    changed = lambda: first_step(limit=9, step=lambda self, action: answer)  # Gymnasium's wrapper takes it apart
    with pytest.raises(UserError, match=r"its step returned (something else than|5 values) \("):
        changed()


@pytest.mark.parametrize(
    ("reset", "line"),
    [
        (lambda self, **given: NOTHING, f"its reset returned array([0., 0.]) of shape (2,), and {RESET}{OLD}"),
        (lambda self, **given: [0.0, 1.0], f"its reset returned [0.0, 1.0], and {RESET}{OLD}"),
        (lambda self, **given: None, f"its reset returned None, and {RESET}"),
        (lambda self, **given: (NOTHING, None), f"its reset returned 2 values (ndarray, NoneType), and {RESET}"),
        (lambda self: (NOTHING, {}), NO_SEED),
        (lambda self, seed=None: (NOTHING, {}), NO_SEED),
        (lambda self, seed=None, options=None: len(seed), "TypeError: object of type 'int' has no len()"),
    ],
)  # fmt: skip
def test_resets_of_another_form(reset, line):
    refused(line, reset=reset)


@pytest.mark.parametrize(
    "seen",
    [
        [3, 4],
        (3.0, 4.0),
        np.array([3, 4], np.float16),
        np.array([3, 4], np.longdouble),
        np.array([3, 4]),
        np.ma.array([3.0, 4.0]),
        np.array([9.0, 3.0, 9.0, 4.0])[1::2],
        jax.numpy.array([3.0, 4.0]),
    ],
)
def test_observations_in_forms_that_do_no_harm(seen):
    assert first_step(seen=seen).observation.tolist() == [[3.0, 4.0]]


@pytest.mark.parametrize(
    ("space", "seen", "line"),
    [
        (PIXELS, np.full((2, 2, 1), 0.5), f"is of type float64, 0.5 for example, and {OF_PIXELS}{REMEDY}"),
        (PIXELS, np.full((2, 2, 1), 300.7), f"300.7 for example, and {OF_PIXELS}{REMEDY}"),
        (PIXELS, np.full((2, 2, 1), 300), f"the observation has 300 at [0, 0, 0], and {OF_PIXELS}"),
        (PIXELS, np.full((2, 2, 1), -1, np.int8), f"the observation has -1 at [0, 0, 0], and {OF_PIXELS}"),
        (PIXELS, np.ones((2, 2, 1), bool), f"the observation is of type bool, True for example, and {OF_PIXELS}"),
        (TEN, np.array([3, 300]), f"the observation has 300 at [1], and {OF_TEN}"),
        (TEN, np.array([3.0, 2.5]), f"2.5 for example, and {OF_TEN}{REMEDY}"),
        (None, np.array([1e39, 0.0]), "the observation is not finite in float32, which ends at 3.4e+38: 1e+39 at [0]"),
        (None, np.array([0.0, np.nan]), "the observation is not finite: nan at [1]"),
        (None, np.zeros(2, complex), f"the observation is of type complex128, 0j for example, and {OF_FLOATS}"),
        (None, np.array(["1", "2"]), f"the observation is of type <U1, '1' for example, and {OF_FLOATS}"),
        (None, np.array([1.0, 2.0], object), f"the observation is of type object, 1.0 for example, and {OF_FLOATS}"),
        (None, np.ma.masked_invalid([np.nan, 1.0]), "the observation is a masked array with values left out"),
        (None, 3.0, "the observation is 3.0, and its space has shape (2,)"),
        (None, None, "the observation is None, and its space has shape (2,)"),
        (None, np.zeros((2, 1)), "the observation has shape (2, 1), and its space has shape (2,)"),
    ],
)  # fmt: skip
def test_observations_that_are_not_of_their_space(space, seen, line):
    changes = {"observation_space": space} if space else {}
    refused(line, seen=seen, **changes)
    fine = np.zeros((space or Returning.observation_space).shape, (space or Returning.observation_space).dtype)
    begins_well = lambda self, seed=None, options=None: (fine, {})
    refused(line, seen=seen, reset=begins_well, **changes)


def test_whole_numbers_in_other_types_of_integers_are_pixels():
    step = first_step(observation_space=PIXELS, seen=np.arange(252, 256).reshape(2, 2, 1))
    assert step.observation.dtype == np.uint8
    assert step.observation.ravel().tolist() == [252, 253, 254, 255]


def test_an_environment_may_write_into_the_array_that_it_returned():
    seen = np.zeros(2)

    def step(self, action):
        seen[:] += 1
        return seen, 0.0, False, False, {}

    environment = made(seen=seen, step=step)
    first = environment.reset(jax.random.key(0))[1]
    second, third = (environment.step(None, None, np.zeros(1, np.int32))[1].observation for _ in range(2))
    assert [array[0].tolist() for array in (first, second, third)] == [[0, 0], [1, 1], [2, 2]]


@pytest.mark.parametrize(
    ("space", "seen", "line"),
    [
        (spaces.Box(0, 1, (2,), np.float32), [0, 300.7], "has 300.7 at [1], outside of its space Box(0.0, 1.0, (2,)"),
        (spaces.Box(0, np.inf, (2,), np.float64), [-2, 9], "has -2 at [0], outside of its space Box(0.0, inf, (2,)"),
        (spaces.Box(0, 1, (3, 8, 8), np.float32), np.full((3, 8, 8), 7), "has 7 at [0, 0, 0], outside of its space"),
        (spaces.Box(-0.1, 0.1, (2,), np.float64), [0.1, -0.1], None),
        (spaces.Box(-np.inf, np.inf, (2,), np.float16), [7, -7], None),
    ],
)
def test_floats_out_of_bounds_are_taken_and_told_of_once(space, seen, line, caplog, monkeypatch):
    monkeypatch.setattr(outside, "_told", set())
    step = first_step(observation_space=space, seen=np.array(seen, space.dtype))
    assert step.observation.max() == np.float32(np.max(seen))
    told = [record.getMessage() for record in caplog.records]
    if line is None:
        assert told == []
    else:
        (only,) = told
        assert line in only
        assert only.endswith("; floats are taken as they are")
