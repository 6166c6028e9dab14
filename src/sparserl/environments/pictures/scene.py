"""Scenes: compiled environments that also keep what a picture of their first place needs."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.types import Array, Box, Environment, EnvSpec, EnvState, Key, TimeStep


class Seen(NamedTuple):
    """The environments' state, and of the first place alone: the last action, and the observation that it led to.

    Where an episode has just ended, `reached` is its last observation and `state` already that of the next episode.
    Before the first step the action is NaN or -1.
    """

    state: EnvState
    action: Array
    reached: Array
    ended: Array


Draw = Callable[[Seen], np.ndarray | None]  # uint8 `[y, x, 3]`; None: it cannot be drawn at this moment


@dataclasses.dataclass(frozen=True)
class Scene:
    """`compiled_form` with states of type `Seen`; episodes are those of that environment, key for key."""

    compiled_form: Environment
    compiled: bool = True

    @property
    def spec(self) -> EnvSpec:
        return self.compiled_form.spec

    @property
    def num_envs(self) -> int:
        return self.compiled_form.num_envs

    def reset(self, key: Key) -> tuple[Seen, Array]:
        """Fresh episodes, after no action."""
        state, observation = self.compiled_form.reset(key)
        kind = self.spec.action
        none = jnp.full(kind.shape, jnp.nan) if isinstance(kind, Box) else jnp.int32(-1)
        return Seen(state, none, observation[0], jnp.bool_(False)), observation

    def step(self, key: Key | None, state: Seen, action: Array) -> tuple[Seen, TimeStep]:
        """One step of every environment."""
        after, time_step = self.compiled_form.step(key, state.state, action)
        ended = time_step.terminated[0] | time_step.truncated[0]
        kept = jnp.asarray(action[0]).astype(state.action.dtype)
        return Seen(after, kept, time_step.next_observation[0], ended), time_step


def seen_in(state: Any) -> Seen:
    """The state of the scene in the state of whatever surrounds it."""
    is_seen = lambda node: isinstance(node, Seen)
    return next(node for node in jax.tree.leaves(state, is_leaf=is_seen) if is_seen(node))
