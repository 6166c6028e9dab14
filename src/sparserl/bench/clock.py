"""Clock: from a measured pace to the seconds that a run has trained for at each of its steps, and back."""

import dataclasses
import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Clock:
    """Seconds of a step with an update in each of equal parts of a run, whatever its length.

    Random steps before the first update are not on the clock: no network learns in them.
    """

    step_seconds: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.step_seconds or not all(0 < seconds < np.inf for seconds in self.step_seconds):
            raise ValueError(f"the seconds of a step must be above 0 and finite: {self.step_seconds}")

    @staticmethod
    def of(row: Mapping[str, Any]) -> "Clock":
        """The clock of a row of `rates.measured`."""
        return Clock(tuple(row["step_seconds"]))

    @property
    def steps_per_second(self) -> float:
        """Of a whole run."""
        return 1 / statistics.fmean(self.step_seconds)

    def total_steps(self, seconds: float, warmup_steps: int = 0) -> int:
        """How long a run is that trains for so many seconds, random steps included."""
        return warmup_steps + int(seconds * self.steps_per_second)

    def seconds_at(self, num_steps: Any, total_steps: int, warmup_steps: int = 0) -> np.ndarray:
        """The seconds of training behind a run of `total_steps` once it has done `num_steps`, a number or an array."""
        ends = np.linspace(0.0, 1.0, len(self.step_seconds) + 1)
        passed = np.concatenate([[0.0], np.cumsum(self.step_seconds)]) / len(self.step_seconds)
        updates = total_steps - warmup_steps
        share = np.clip((np.asarray(num_steps, np.float64) - warmup_steps) / updates, 0.0, 1.0)
        return updates * np.interp(share, ends, passed)
