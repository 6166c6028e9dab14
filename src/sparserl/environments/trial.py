"""Trial: what is promised of environments, tried before it is relied on.

Whether a snapshot of one goes on in another to the same bits: what a capture cannot see, such as variables of C
libraries, closures and the clock, shows itself here if it decides what the next steps return. And whether a seed
decides all that happens.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from sparserl.environments.snapshots import Snapshot
from sparserl.types import Array, Discrete, EnvSpec, Key, TimeStep

BEFORE_STEPS, AFTER_STEPS = 3, 16  # on both sides of the snapshot; some more follow after a reset
FIRST_STEPS = 3  # of two episodes with the same seed, which are compared
_KEY = 0
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
    def begin(self, key: Key) -> np.ndarray: ...
    def begin_anew(self) -> np.ndarray: ...
    def close(self) -> None: ...


class Unlike(NamedTuple):
    """Where two environments first returned something else: the step, the name, and a number of each."""

    number: int
    name: str
    here: Any
    there: Any


def difference(one: Tried, other: Tried) -> str | None:
    """Why `other`, as it is built, does not go on as `one` does, in one line; None where it does.

    Both have been used afterwards, with all that they share. Raises what the environments raise.
    """
    one.reset(jax.random.key(_KEY))
    actions = _actions(one, BEFORE_STEPS + 2 * AFTER_STEPS)
    _played(one, actions[:BEFORE_STEPS])
    snapshot = one.snapshot()
    expected = _played(one, actions[BEFORE_STEPS:])
    other.restore(snapshot)
    if (unlike := _unlike(expected, _played(other, actions[BEFORE_STEPS:]))) is None:
        return None
    return f"{unlike.number} steps after a snapshot was restored its {unlike.name} differed from what followed before"


def unseeded(one: Tried, another: Callable[[], Tried]) -> str | None:
    """What no seed decides in the first steps of an episode, in one line; None where nothing is seen of the kind.

    What differs in steps may be carried over from the episode before, and repeats itself: another environment, made
    for that and closed, does as this one did, and decides. Raises what the environments raise.
    """
    key, actions = jax.random.key(_KEY), _actions(one, FIRST_STEPS)
    first, again = (one.begin(key) for _ in range(2))
    if (wrong := np.argwhere(first != again)).size:
        at = tuple(wrong[0].tolist())
        return f"after one reset its observation had {first[at]:g} at {list(at[1:])}, after the next {again[at]:g}"
    expected = _stepped(one, actions)
    one.begin(key)
    if (unlike := _unlike(expected, _stepped(one, actions))) is None:
        return None
    with contextlib.closing(another()) as other:
        for _ in range(2):
            other.begin(key)
        if _unlike(expected, _stepped(other, actions)) is None:
            return None
    here, there = (f"{value:g}" if isinstance(value, float) else str(value) for value in (unlike.here, unlike.there))
    return f"in step {unlike.number} after one reset its {unlike.name} had {here}, after the next {there}"


def _unlike(some: Sequence[TimeStep], others: Sequence[TimeStep]) -> Unlike | None:
    """The first difference in bits, if there is one."""
    for number, (here, there) in enumerate(zip(some, others, strict=True), 1):
        for name, x, y in zip(TimeStep._fields, here, there, strict=True):
            if x.tobytes() != y.tobytes():
                at = next(iter(np.argwhere(x != y)), np.zeros(x.ndim, int))  # -0 equals 0
                return Unlike(number, name.replace("next_", ""), x[tuple(at)].item(), y[tuple(at)].item())
    return None


def _stepped(environment: Tried, actions: np.ndarray) -> list[TimeStep]:
    return [environment.step(None, None, action)[1] for action in actions]


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
