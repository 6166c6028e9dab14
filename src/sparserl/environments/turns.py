"""Turns: many episodes at once in few environments, some of which wait for their turn."""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sparserl.environments.host import HostEnvironment
from sparserl.types import Array, EnvSpec, Key, TimeStep

_OF_OTHERS = (0, np.nan, True, False, 0)  # the time step of a place whose turn it is not
MOST_AT_ONCE = 10  # environments of Gymnasium for evaluation: each may be a process with a simulator of its own


def num_at_once(num_envs: int) -> int:
    """How many environments play that many places, in as few turns as possible, all but equally large."""
    num_turns = math.ceil(num_envs / MOST_AT_ONCE)
    return math.ceil(num_envs / num_turns)


class InTurns:
    """`num_envs` places for episodes that no more than MOST_AT_ONCE environments play, one group of places at a time.

    A place has the seeds that it would have with an environment of its own, and so the same episodes, as far as a reset
    with a seed forgets all that was before. The other places end an episode in every step, with a reward that is no
    number: nobody shall wait for them or count them. See `types.TakesTurns`.
    """

    compiled = False

    def __init__(self, identifier: str, num_envs: int, render_mode: str | None = None) -> None:
        self.num_envs = num_envs
        self._environment = HostEnvironment(identifier, num_at_once(num_envs), render_mode)
        self._environment.num_places = num_envs

    @property
    def spec(self) -> EnvSpec:
        return self._environment.spec

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self._environment.metadata

    def picture(self) -> np.ndarray:
        """Of the place that is the first of its turn."""
        return self._environment.picture()

    def turns(self) -> Iterator[slice]:
        """The places whose turn it is, from the next reset on; where too few are left, the last is played twice."""
        size = self._environment.num_envs
        for first in range(0, self.num_envs, size):
            self._environment.places = [min(place, self.num_envs - 1) for place in range(first, first + size)]
            yield slice(first, min(first + size, self.num_envs))

    def reset(self, key: Key) -> tuple[None, np.ndarray]:
        """Fresh episodes in the places whose turn it is; observations `[place, ...]`."""
        return None, self._among_all(self._environment.reset(key)[1], 0)

    def step(self, key: Key | None, state: None, action: Array) -> tuple[None, TimeStep]:
        """One step of every place whose turn it is."""
        _, step = self._environment.step(key, None, np.asarray(action)[list(self._environment.places)])
        return None, TimeStep(*map(self._among_all, step, _OF_OTHERS))

    def inexact(self) -> str | None:
        """As of those environments that play all places."""
        return self._environment.inexact()

    def distrust(self, why: str) -> None:
        self._environment.distrust(why)

    def close(self) -> None:
        self._environment.close()

    def _among_all(self, values: Any, other: Any) -> np.ndarray:
        """`values` `[environment, ...]` at their places, and the same `other` value at all others."""
        array = np.asarray(values)
        everywhere = np.full((self.num_envs, *array.shape[1:]), other, array.dtype)
        everywhere[list(self._environment.places)] = array
        return everywhere


class Recording:
    """An environment that takes turns, and all that it returned in them; `again` plays them side by side."""

    compiled = False

    def __init__(self, environment: InTurns) -> None:
        self.environment = environment
        self._turns: list[tuple[slice, list[TimeStep]]] = []

    @property
    def spec(self) -> EnvSpec:
        return self.environment.spec

    @property
    def num_envs(self) -> int:
        return self.environment.num_envs

    def turns(self) -> Iterator[slice]:
        for places in self.environment.turns():
            self._turns.append((places, []))
            yield places

    def reset(self, key: Key) -> tuple[None, np.ndarray]:
        _, observation = self.environment.reset(key)
        flags = np.zeros(self.num_envs, np.bool_)
        self._keep(TimeStep(observation, np.zeros(self.num_envs, np.float32), flags, flags, observation))
        return None, observation

    def step(self, key: Key | None, state: None, action: Array) -> tuple[None, TimeStep]:
        _, step = self.environment.step(key, None, action)
        self._keep(step)
        return None, step

    def again(self) -> "Again":
        """All places at once, as they were, whatever the actions are."""
        return Again(self.spec, self.num_envs, self._turns)

    def _keep(self, step: TimeStep) -> None:
        places, steps = self._turns[-1]
        steps.append(TimeStep(*(np.asarray(part)[places] for part in step)))


class Again:
    """What places returned in their turns, all at the same time; a turn that was shorter than others is over."""

    compiled = False

    def __init__(self, spec: EnvSpec, num_envs: int, turns: list[tuple[slice, list[TimeStep]]]) -> None:
        self.spec, self.num_envs, self._turns = spec, num_envs, turns

    def reset(self, key: Key) -> tuple[None, np.ndarray]:
        self._steps = itertools.zip_longest(*(steps for _, steps in self._turns))
        return None, np.asarray(self.step(None, None, None)[1].observation)

    def step(self, key: Key | None, state: None, action: Array | None) -> tuple[None, TimeStep]:
        firsts = [steps[0] for _, steps in self._turns]
        now = [
            step or TimeStep(*map(np.zeros_like, first)) for step, first in zip(next(self._steps), firsts, strict=True)
        ]
        return None, TimeStep(*(np.concatenate(parts) for parts in zip(*now, strict=True)))
