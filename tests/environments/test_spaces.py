"""Spaces: bounds, layouts of images, and the wrapper that is named for what does not fit."""

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium import spaces

from sparserl.environments import HostEnvironment
from sparserl.environments.spaces import Observations, specification
from sparserl.types import Box, UserError, channels_axis


class Kept(gymnasium.Env):
    """Keeps the action that it was given last."""

    def __init__(self, observation_space=None, action_space=None):
        self.observation_space = spaces.Box(0, 1, (1,)) if observation_space is None else observation_space
        self.action_space = spaces.Discrete(2) if action_space is None else action_space

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.given = action
        return np.zeros(1, np.float32), 0.0, False, False, {}


def spec_of(**spaces_of):
    return specification("Kept-v0", Kept(**spaces_of), None)


def test_environments_that_are_alike_share_their_bounds():
    """JAX takes equal arrays for different constants, and would compile the same program anew."""
    of = lambda high: spec_of(action_space=spaces.Box(-1, high, (2,))).action
    assert of(1.0).low is of(1.0).low
    assert of(1.0).high is not of(2.0).high
    np.testing.assert_array_equal(of(2.0).high, np.float32([2, 2]))


def given(space, actions):
    """What arrives of each of these actions, in an environment of that action space."""
    gymnasium.register("Kept-v0", entry_point=lambda: Kept(action_space=space))
    try:
        environment = HostEnvironment("Kept-v0", 1)
    finally:
        del gymnasium.registry["Kept-v0"]
    environment.reset(jax.random.key(0))
    arrived = []
    for action in actions:
        environment.step(None, None, np.asarray(action)[None])
        arrived.append(environment._environments[0].unwrapped.given)
    return arrived


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize(
    ("low", "high"), [(-0.1, 0.3), (0.1, 0.7), (-1e-30, 1e-3), (0.1, 0.1), (-1e30, 2.0), (-3e38, 3e38), (0, np.inf)]
)
def test_actions_arrive_within_the_bounds_in_the_type_of_the_space(low, high, dtype):
    with np.errstate(over="ignore"):
        low, high = np.array([low, high]).astype(dtype)
    space = spaces.Box(low, high, (2,), dtype)
    box = spec_of(action_space=space).action
    assert box.low.dtype == box.high.dtype == np.float32
    assert (box.low <= box.high).all()
    most = np.finfo(np.float32).max
    bounds = [np.clip(bound, -most, most) for bound in (box.low, box.high)]
    for arrived in given(space, [*bounds, (bounds[0] / 2 + bounds[1] / 2)]):
        assert arrived.dtype == dtype
        assert ((arrived >= space.low) & (arrived <= space.high)).all()


def test_bounds_are_the_nearest_float32_numbers_within():
    box = spec_of(action_space=spaces.Box(np.array([-0.1, 0.5]), np.array([0.3, 0.7]), dtype=np.float64)).action
    for inner, bound, outwards in ((box.low, [-0.1, 0.5], -np.inf), (box.high, [0.3, 0.7], np.inf)):
        sign = np.sign(outwards)
        assert (sign * inner.astype(np.float64) <= sign * np.array(bound)).all()
        further = np.nextafter(inner, np.float32(outwards)).astype(np.float64)
        assert (sign * further > sign * np.array(bound)).all()


@pytest.mark.parametrize("far", [1e18, 1e30, 3e38, np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_bounds_are_none(far, dtype):
    box = spec_of(action_space=spaces.Box(dtype(-far), dtype(far), (1,), dtype)).action
    assert (box.low.tolist(), box.high.tolist()) == ([-np.inf], [np.inf])
    one_sided = spec_of(action_space=spaces.Box(dtype(0), dtype(far), (1,), dtype)).action
    assert (one_sided.low.tolist(), one_sided.high.tolist()) == ([0.0], [np.inf])


def test_an_action_without_axes_is_an_array_without_axes():
    assert spec_of(action_space=spaces.Box(-1, 1, ())).action == Box((), np.float32(-1), np.float32(1))
    (arrived,) = given(spaces.Box(-1, 1, ()), [np.float32(0.5)])
    assert isinstance(arrived, np.ndarray)
    assert arrived == 0.5


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((4, 96, 96), 0), ((3, 64, 64), 0), ((1, 84, 84), 0), ((12, 96, 96), 0), ((3, 210, 160), 0), ((3, 5, 5), 0),
        ((96, 96, 4), 2), ((210, 160, 3), 2), ((10, 10, 10), 2), ((10, 10, 4), 2), ((3, 3, 3), 2), ((8, 8, 111), 2),
        ((10, 20, 3), 2), ((96, 4, 4), 2), ((10, 20, 17), 2),
        ((96, 64, 64), None), ((96, 4, 96), None), ((96, 96, 96), None),
    ],
)  # fmt: skip
def test_which_axis_the_channels_are(shape, axis):
    assert channels_axis(shape) == axis


def test_channels_come_last():
    space = spaces.Box(0, 255, (4, 6, 5), np.uint8)
    taken = Observations.of("Kept-v0", space)
    assert spec_of(observation_space=space).observation_shape == taken.shape == (6, 5, 4)
    seen = np.arange(120, dtype=np.uint8).reshape(4, 6, 5)
    placed = np.zeros((1, 6, 5, 4), np.uint8)
    taken.put(placed, 0, seen)
    for channel in range(4):
        np.testing.assert_array_equal(placed[0, :, :, channel], seen[channel])


@pytest.mark.parametrize(
    ("space", "dtype"),
    [
        (spaces.Box(0, 255, (3, 3, 1), np.uint8), np.uint8),
        (spaces.Box(0, 15, (9,), np.uint8), np.uint8),
        (spaces.Box(0, 1, (9,), np.uint8), np.float32),  # divided by 255 there would be next to nothing to see
        (spaces.Box(0, 1, (9,), bool), np.float32),
        (spaces.Box(0, 1, (3, 3, 3), np.float64), np.float32),
        (spaces.Box(-5, 5, (9,), np.int16), np.float32),
    ],
)
def test_only_pixels_stay_uint8(space, dtype):
    assert spec_of(observation_space=space).observation_dtype == dtype


@pytest.mark.parametrize(
    ("space", "wrapper"),
    [
        (spaces.Dict(a=spaces.Discrete(2)), "FlattenObservation"),
        (spaces.Tuple((spaces.Discrete(2), spaces.Box(0, 1, (2,)))), "FlattenObservation"),
        (spaces.MultiBinary(3), "FlattenObservation"),
        (spaces.MultiDiscrete([2, 3]), "FlattenObservation"),
        (spaces.Discrete(16), "FlattenObservation"),
        (spaces.Text(4), "FlattenObservation"),
        (spaces.Sequence(spaces.Discrete(3)), "TransformObservation"),
        (spaces.Graph(spaces.Box(0, 1, (2,)), None), "TransformObservation"),
        (spaces.Dict(a=spaces.Sequence(spaces.Discrete(3))), "TransformObservation"),
        (spaces.Dict(), "TransformObservation"),
        (type("Mission", (gymnasium.Space,), {})((), str), "TransformObservation"),
    ],
)
def test_the_wrapper_for_other_observations_is_named_and_helps(space, wrapper):
    with pytest.raises(UserError, match=rf"only a Box .*; gymnasium\.wrappers\.{wrapper} [a-z ]+$"):
        spec_of(observation_space=space)
    assert hasattr(gymnasium.wrappers, wrapper)
    if wrapper == "FlattenObservation":
        wrapped = gymnasium.wrappers.FlattenObservation(Kept(observation_space=space))
        assert specification("Kept-v0", wrapped, None).observation_dtype == np.float32


def test_a_dict_with_parts_that_are_no_numbers_keeps_the_others():
    """As MiniGrid's."""
    space = spaces.Dict(image=spaces.Box(0, 255, (7, 7, 3), np.uint8), mission=spaces.Sequence(spaces.Discrete(3)))
    with pytest.raises(UserError, match=r"FilterObservation to \['image'\], and then FlattenObservation, make one"):
        spec_of(observation_space=space)
    filtered = gymnasium.wrappers.FilterObservation(Kept(observation_space=space), ["image"])
    flat = specification("Kept-v0", gymnasium.wrappers.FlattenObservation(filtered), None)
    assert (flat.observation_shape, flat.observation_dtype) == ((147,), np.uint8)


@pytest.mark.parametrize(
    "space",
    [
        spaces.MultiDiscrete([2, 2]),
        spaces.MultiBinary(2),
        spaces.Box(0, 3, (1,), np.int32),
        spaces.Dict(a=spaces.Discrete(2)),
    ],
)
def test_the_wrapper_for_other_actions_is_named_and_helps(space):
    with pytest.raises(UserError, match=r"only Discrete and a Box of floats .*; gymnasium\.wrappers\.TransformAction "):
        spec_of(action_space=space)
    wrapped = gymnasium.wrappers.TransformAction(Kept(action_space=space), lambda action: action, spaces.Discrete(2))
    assert specification("Kept-v0", wrapped, None).action.num_actions == 2
