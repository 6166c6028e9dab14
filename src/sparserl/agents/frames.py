"""Replay of stacked frames: each frame is stored once, and observations are stacked again when they are drawn."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.agents import replay
from sparserl.agents.replay import Batch
from sparserl.types import Array, EnvSpec, Key, Transition


class FrameRows(NamedTuple):
    """Steps `[row, env, ...]`; of each observation only the newest frame, `[row, env, pixel]`.

    `num_cut_off` counts the episodes that were cut off in that environment before the step.
    """

    frame: Array
    action: Array
    reward: Array
    terminated: Array
    truncated: Array
    num_cut_off: Array


class FrameReplay(NamedTuple):
    """The last steps of every environment, and the frames after steps that no row follows.

    A row's next frame is that of the next row, except where an episode was cut off and for the newest step: theirs
    are in `frame_after` `[slot, env, pixel]`: of the i-th episode at i modulo slots. `storage` is a ring as in
    `replay.Replay`; `num_added` counts the steps ever added, and `num_cut_off` `[env]` the episodes ever cut off.
    """

    storage: FrameRows
    num_added: Array
    num_cut_off: Array
    frame_after: Array


@dataclasses.dataclass(frozen=True)
class FrameMemory:
    """A replay of observations whose last axis is frames, oldest first, zero before an episode's first.

    It draws what `replay.sample` would draw, bit for bit, except the newest frame after steps that terminated: that is
    zero, and is multiplied by zero. So that the oldest step can be stacked, too, it stores one row fewer than an
    observation has frames beyond its capacity (Deviation 44). If an environment cuts episodes off sooner than after
    `time_limit_steps` (None: never), a frame that is needed may be gone: the discount is then NaN, and so is the loss.
    """

    observation_shape: tuple[int, ...]
    time_limit_steps: int | None

    @property
    def stacked_frames(self) -> int:
        return self.observation_shape[-1]

    def empty(self, example: Transition, capacity_steps: int) -> FrameReplay:
        """An empty ring for steps shaped like `example`, which has the leading axis `[env]`."""
        num_envs, num_pixels = len(example.reward), math.prod(self.observation_shape[:-1])
        frame = jnp.zeros((num_envs, num_pixels), example.observation.dtype)
        counts = jnp.zeros(num_envs, jnp.int32)
        step = FrameRows(frame, example.action, example.reward, example.terminated, example.truncated, counts)
        num_rows = capacity_steps + self.stacked_frames - 1
        storage = jax.tree.map(lambda x: jnp.zeros((num_rows, *x.shape), x.dtype), step)
        num_slots = 2 + (capacity_steps // self.time_limit_steps if self.time_limit_steps else 0)
        return FrameReplay(storage, jnp.int32(0), counts, jnp.zeros((num_slots, *frame.shape), frame.dtype))

    def num_bytes(self, spec: EnvSpec, capacity_steps: int) -> int:
        """As `replay.num_bytes`: of each step the newest frame, and the count of episodes that were cut off before."""
        example, num_rows = replay.one_step(spec, 1), capacity_steps + self.stacked_frames - 1
        rest = sum(field.nbytes for field in example[1:5]) + np.dtype(np.int32).itemsize
        return num_rows * (example.observation.nbytes // self.stacked_frames + rest)

    def add(self, ring: FrameReplay, rollout: Transition) -> FrameReplay:
        """Append a rollout `[step, env, ...]`; the oldest steps make room."""
        num_steps, num_envs = rollout.reward.shape
        num_rows, num_slots = len(ring.storage.reward), len(ring.frame_after)
        newest = lambda observation: observation[..., -1].reshape(num_steps, num_envs, -1)
        cut_off = rollout.truncated & ~rollout.terminated
        num_cut_off = jnp.expand_dims(ring.num_cut_off, 0) + jnp.cumsum(cut_off, axis=0, dtype=jnp.int32)
        before, now = num_cut_off - cut_off, num_cut_off[-1:]
        steps = FrameRows(newest(rollout.observation), *rollout[1:5], before)
        at = (ring.num_added + jnp.arange(num_steps)) % num_rows
        storage = jax.tree.map(lambda rows, new: rows.at[at].set(new), ring.storage, steps)
        # A slot is written once: by the step that was cut off, or by the last one of the rollout.
        unfollowed = cut_off | jnp.expand_dims(jnp.arange(num_steps) == num_steps - 1, 1)
        slot = jnp.where(unfollowed & (now - before < num_slots), before % num_slots, num_slots)
        next_frame, envs = newest(rollout.next_observation), jnp.expand_dims(jnp.arange(num_envs), 0)
        frame_after = jnp.asarray(ring.frame_after).at[slot, envs].set(next_frame, mode="drop")
        return FrameReplay(storage, ring.num_added + num_steps, now[0], frame_after)

    def cut_off(self, ring: FrameReplay) -> FrameReplay:
        """As `replay.cut_off`, with one slot more: no time limit tells how often a run is broken off."""
        newest = (ring.num_added - 1) % len(ring.storage.reward)
        cut = (ring.num_added > 0) & ~(ring.storage.terminated[newest] | ring.storage.truncated[newest])
        num_slots = len(ring.frame_after)
        back = jnp.expand_dims(jnp.arange(num_slots + 1), 1)
        of_episode = jnp.expand_dims(ring.num_cut_off, 0) - back  # below 0: in a slot that nothing asks for yet
        envs = jnp.expand_dims(jnp.arange(len(ring.num_cut_off)), 0)
        grown = jnp.zeros((num_slots + 1, *ring.frame_after.shape[1:]), ring.frame_after.dtype)
        frame_after = grown.at[of_episode % (num_slots + 1), envs].set(ring.frame_after[of_episode % num_slots, envs])
        storage = replay.truncated(ring.storage, ring.num_added)
        return FrameReplay(storage, ring.num_added, ring.num_cut_off + cut, frame_after)

    def sample(self, key: Key, ring: FrameReplay, batch_size: int, discount: float, num_steps: int = 1) -> Batch:
        """As `replay.sample`: among the same starts, uniformly."""
        num_rows, num_envs = ring.storage.reward.shape
        capacity_steps = num_rows - (self.stacked_frames - 1)
        start, env = replay.starts(key, ring.num_added, capacity_steps, num_envs, batch_size, num_steps)
        reward, factor, last = replay.returns(ring.storage, start, env, discount, num_steps)
        at_last = jax.tree.map(lambda rows: rows[last % num_rows, env], ring.storage)
        cut_off = at_last.truncated & ~at_last.terminated
        lost = cut_off & (ring.num_cut_off[env] - at_last.num_cut_off >= len(ring.frame_after))
        frames = self._frames(ring, start, env)
        later = [*self._frames(ring, last, env)[1:], self._frame_after(ring, last, env, at_last)]
        return Batch(
            _stacked(frames).reshape(-1, *self.observation_shape),
            ring.storage.action[start % num_rows, env],
            reward,
            jnp.where(lost, jnp.nan, factor),
            _stacked(later).reshape(-1, *self.observation_shape),
        )

    def _frames(self, ring: FrameReplay, at: Array, env: Array) -> list[Array]:
        """The frames `[batch, pixel]` of what was observed at steps `at`, oldest first.

        The rows before step 0 were never written and are all zero; a full ring no longer reaches back so far.
        """
        num_rows = len(ring.storage.reward)
        frames, same_episode = [ring.storage.frame[at % num_rows, env]], jnp.ones(at.shape, bool)
        for back in range(1, self.stacked_frames):
            row = (at - back) % num_rows
            same_episode &= ~(ring.storage.terminated[row, env] | ring.storage.truncated[row, env])
            frames.append(_where(same_episode, ring.storage.frame[row, env]))
        return frames[::-1]

    def _frame_after(self, ring: FrameReplay, last: Array, env: Array, at_last: FrameRows) -> Array:
        """The frame `[batch, pixel]` that steps `last` led to, zero where they terminated."""
        num_rows, num_slots = len(ring.storage.reward), len(ring.frame_after)
        next_row = ring.storage.frame[(last + 1) % num_rows, env]
        unfollowed = at_last.truncated | (last == ring.num_added - 1)
        kept = ring.frame_after[at_last.num_cut_off % num_slots, env]
        return _where(~at_last.terminated, jnp.where(jnp.expand_dims(unfollowed, 1), kept, next_row))


def _where(condition: Array, frame: Array) -> Array:
    return jnp.where(jnp.expand_dims(condition, 1), frame, jnp.zeros((), frame.dtype))


def _stacked(frames: list[Array]) -> Array:
    """Frames `[batch, pixel]` as `[batch, pixel, frame]`; four bytes go as one word, in half the time."""
    if len(frames) != 4 or frames[0].dtype != jnp.uint8:
        return jnp.stack(frames, -1)
    words = [frame.astype(jnp.uint32) << (8 * place) for place, frame in enumerate(frames)]
    return jax.lax.bitcast_convert_type(words[0] | words[1] | words[2] | words[3], jnp.uint8)
