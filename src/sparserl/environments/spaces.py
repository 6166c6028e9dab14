"""Spaces of Gymnasium as agents know them: what fits, what is converted, and the wrapper that helps with the rest."""

import dataclasses
import functools
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from sparserl.environments.registry import in_one_line, spaces_of
from sparserl.environments.returned import LARGEST, Unfit, brief
from sparserl.types import Box, Discrete, EnvSpec, UserError, channels_axis

FARTHEST = float(
    np.float32(1e18)
)  # a bound of actions from here on is none: squares of what is beyond overflow in float32
_WRAPPERS = "gymnasium.wrappers."


def specification(identifier: str, environment: gymnasium.Env[Any, Any], time_limit_steps: int | None) -> EnvSpec:
    """What an agent may know of an environment. Raises `UserError` for spaces that no agent here can use."""
    observations, actions = spaces_of(identifier, environment)
    seen = Observations.of(identifier, observations)
    return EnvSpec(identifier, seen.shape, seen.dtype, _actions(identifier, actions), time_limit_steps)


@dataclasses.dataclass(frozen=True)
class Observations:
    """How the observations of a space become arrays for agents.

    They keep their shape, but that channels come last in images. Pixels, uint8 from 0 to more than 1, stay uint8; all
    else becomes float32. `exact`: arrays of the space's own type need no look at their values.
    """

    space: spaces.Box
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    exact: bool
    channels_first: bool

    @staticmethod
    def of(identifier: str, space: gymnasium.Space[Any]) -> "Observations":
        """Raises `UserError` for a space that is no `Box`, or an empty one."""
        if not isinstance(space, spaces.Box) or 0 in space.shape:
            line = f"its observations are {in_one_line(space)}, and only a Box that is not empty is allowed"
            raise UserError(f"{line}{_flattening(space)}", field="environment", value=identifier)
        pixels = space.dtype == np.uint8 and space.high.max() > 1
        first = len(space.shape) == 3 and channels_axis(space.shape) == 0
        shape = (*space.shape[1:], space.shape[0]) if first else space.shape
        exact = space.dtype.kind in "fb" or _is_whole_type(space)
        return Observations(space, shape, np.dtype(np.uint8 if pixels else np.float32), exact, first)

    def put(self, observation: np.ndarray, index: int, seen: Any) -> None:
        """Write what an environment showed into `observation[index]`. Raises `Unfit` where it is not of the space."""
        space = self.space
        if not (self.exact and type(seen) is np.ndarray and seen.dtype is space.dtype and seen.shape == space.shape):
            seen = self._checked(seen)
        if self.channels_first:
            seen = np.moveaxis(seen, 0, -1)
        if seen.dtype == observation.dtype:
            observation[index] = seen
        else:
            _convert(observation, index, seen)

    def _checked(self, seen: Any) -> np.ndarray:
        """The same as an array. Whole numbers are checked against the bounds; floats may leave them, as many do."""
        space, array = self.space, np.asarray(seen)
        if array.shape != space.shape:
            what = f"has shape {array.shape}" if array.shape else f"is {brief(seen)}"
            raise Unfit(f"the observation {what}, and its space has shape {space.shape}")
        if np.ma.is_masked(seen):
            raise Unfit("the observation is a masked array with values left out")
        kinds = "fiub" if space.dtype.kind == "f" else "iu" if self.dtype == np.uint8 else "iub"
        if array.dtype.kind not in kinds:
            example = brief(max(array.flat, key=_is_fraction))
            remedy = "; return that type, or declare a Box of floats" if array.dtype.kind == "f" else ""
            line = f"the observation is of type {array.dtype}, {example} for example, and its space is"
            raise Unfit(f"{line} {in_one_line(space)}{remedy}")
        if space.dtype.kind != "f" and (wrong := np.argwhere((array < space.low) | (array > space.high))).size:
            at = tuple(wrong[0].tolist())
            raise Unfit(f"the observation has {array[at]} at {list(at)}, and its space is {in_one_line(space)}")
        return array


@np.errstate(over="ignore")  # what is beyond float32 becomes infinite, which is refused
def _convert(observation: np.ndarray, index: int, seen: np.ndarray) -> None:
    observation[index] = seen


def not_finite(seen: Any) -> Unfit:
    """Why an observation is not finite as float32."""
    array = np.asarray(seen, np.float64)
    wrong = np.argwhere(~(np.abs(array) <= LARGEST))
    at = tuple(wrong[0].tolist()) if len(wrong) else ()
    beyond = f" in float32, which ends at {LARGEST:.2g}" if len(wrong) and np.isfinite(array[at]) else ""
    return Unfit(f"the observation is not finite{beyond}: {array[at]:g} at {list(at)}")


def _is_fraction(value: Any) -> bool:
    return isinstance(value, float | np.floating) and not value.is_integer()


def _is_whole_type(space: spaces.Box) -> bool:
    """Whether a space of whole numbers allows all that its type has."""
    if space.dtype.kind not in "iu":
        return False
    limits = np.iinfo(space.dtype)
    return bool((space.low == limits.min).all() and (space.high == limits.max).all())


def _flattening(space: gymnasium.Space[Any]) -> str:
    """The wrapper that makes a `Box` of a space."""
    if isinstance(space, spaces.Box):
        return ""
    if _is_flattened(space):
        return f"; {_WRAPPERS}FlattenObservation makes one of it"
    parts = space.spaces.items() if isinstance(space, spaces.Dict) else ()
    if kept := [name for name, part in parts if _is_flattened(part)]:
        return f"; {_WRAPPERS}FilterObservation to {kept}, and then FlattenObservation, make one of it"
    return f"; {_WRAPPERS}TransformObservation with a function of yours makes one of it"


def _is_flattened(space: gymnasium.Space[Any]) -> bool:
    try:
        return space.is_np_flattenable and isinstance(spaces.flatten_space(space), spaces.Box)
    except Exception:  # a space of somebody's own, or an empty one
        return False


def _actions(identifier: str, space: gymnasium.Space[Any]) -> Discrete | Box:
    if isinstance(space, spaces.Discrete):
        return Discrete(int(space.n))
    if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating) or 0 in space.shape:
        line = (
            f"its actions are {in_one_line(space)}, and only Discrete and a Box of floats that is not empty are "
            f"allowed; {_WRAPPERS}TransformAction with a function of yours takes one of these"
        )
        raise UserError(line, field="environment", value=identifier)
    if (_wide(space.low) >= FARTHEST).any() or (_wide(space.high) <= -FARTHEST).any():
        line = f"its actions are {in_one_line(space)}, and none as large as {FARTHEST:g} is taken"
        raise UserError(line, field="environment", value=identifier)
    return Box(space.shape, *(_shared(bound.tobytes(), bound.shape) for bound in _inner_bounds(space)))


@functools.cache
def _shared(content: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """One float32 array for all that are equal, as JAX tells the constants of programs apart by identity.

    So the programs of environments that are alike are the same, and are found in the compilation cache.
    """
    return np.frombuffer(content, np.float32).reshape(shape)


def _inner_bounds(space: spaces.Box) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest float32 actions that lie within the bounds; infinite where these are as good as none.

    Where no float32 number lies between two bounds, both are the nearest: `HostEnvironment` cuts it off.
    """
    with np.errstate(over="ignore"):
        nearest = [bound.astype(np.float32) for bound in (space.low, space.high)]
    low = np.where(nearest[0] < space.low, np.nextafter(nearest[0], np.float32(np.inf)), nearest[0])
    high = np.where(nearest[1] > space.high, np.nextafter(nearest[1], np.float32(-np.inf)), nearest[1])
    low, high = (np.where(low > high, near, bound) for near, bound in zip(nearest, (low, high), strict=True))
    without = (_wide(space.low) <= -FARTHEST, _wide(space.high) >= FARTHEST)
    return np.where(without[0], np.float32(-np.inf), low), np.where(without[1], np.float32(np.inf), high)


def _wide(bound: np.ndarray) -> np.ndarray:
    """Bounds in a type that FARTHEST fits, which is not float16."""
    return bound.astype(np.float64)
