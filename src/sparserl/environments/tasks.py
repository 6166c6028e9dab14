"""Tasks that are compiled: what one is, and the names of all."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sparserl.types import Box, Discrete, Key


class Task(NamedTuple):
    """One task as pure functions of one environment, in float32.

    A state is a NamedTuple of scalars, one of which, `time`, counts the steps of its episode. `step` returns the next
    state, the reward and whether the task is over; it knows nothing of the time limit.
    """

    num_features: int
    action: Discrete | Box
    time_limit_steps: int
    begin: Callable[[Key], Any]  # -> state
    step: Callable[[Any, Any], tuple[Any, Any, Any]]  # state, action -> state, reward, terminated; arrays
    observe: Callable[[Any], Any]  # state -> float32 `[features]`


TASKS: dict[str, Task] = {}  # by name: those of classic control, and what modules of people's own put there
