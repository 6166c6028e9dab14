"""Trial: whether a snapshot of one environment goes on in another to the same bits, tried before it is relied on.

What a capture cannot see, such as variables of C libraries, closures and the clock, shows itself here if it decides
what the next steps return.
"""

from typing import Any, Protocol

import jax
import numpy as np

from sparserl.environments.snapshots import Snapshot
from sparserl.types import Array, Discrete, EnvSpec, Key, TimeStep

BEFORE_STEPS, AFTER_STEPS = 3, 16  # on both sides of the snapshot; some more follow after a reset
_LARGEST = 1.0  # action where there are no bounds


class Tried(Protocol):
    """An environment of the host that can be captured, and reset without a seed."""

    @property
    def spec(self) -> EnvSpec: ...
    @property
    def num_envs(self) -> int: ...
    def reset(self, key: Key) -> tuple[None, np.ndarray]: ...
    def step(self, key: Key | None, state: None, action: Array) -> tuple[None, TimeStep]: ...
    def snapshot(self) -> Snapshot: ...
    def restore(self, snapshot: Snapshot) -> None: ...
    def begin_anew(self) -> np.ndarray: ...


def difference(one: Tried, other: Tried) -> str | None:
    """Why `other`, as it is built, does not go on as `one` does, in one line; None where it does.

    Both have been used afterwards, with all that they share. Raises what the environments raise.
    """
    one.reset(jax.random.key(0))
    actions = _actions(one, BEFORE_STEPS + 2 * AFTER_STEPS)
    _played(one, actions[:BEFORE_STEPS])
    snapshot = one.snapshot()
    expected = _played(one, actions[BEFORE_STEPS:])
    other.restore(snapshot)
    for number, (here, there) in enumerate(zip(expected, _played(other, actions[BEFORE_STEPS:]), strict=True)):
        for name, x, y in zip(TimeStep._fields, here, there, strict=True):
            if x.tobytes() != y.tobytes():
                what = name.replace("next_", "")
                return f"{number + 1} steps after a snapshot was restored its {what} differed from what followed before"
    return None


def _played(environment: Tried, actions: np.ndarray) -> list[TimeStep]:
    """Steps, with a fresh episode in the middle."""
    half, steps = len(actions) // 2, []
    for number, action in enumerate(actions):
        step = environment.step(None, None, action)[1]
        if number == half:
            step = step._replace(observation=environment.begin_anew())
        steps.append(step)
    return steps


def _actions(environment: Tried, num_steps: int) -> Any:
    spec, generator = environment.spec.action, np.random.default_rng(0)
    if isinstance(spec, Discrete):
        return generator.integers(0, spec.num_actions, (num_steps, environment.num_envs)).astype(np.int32)
    low = np.where(np.isfinite(spec.low), spec.low, -_LARGEST)
    high = np.where(np.isfinite(spec.high), spec.high, np.maximum(low, _LARGEST))
    return generator.uniform(np.minimum(low, high), high, (num_steps, environment.num_envs, *spec.shape)).astype(
        np.float32
    )
