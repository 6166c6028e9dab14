"""Telling: what a worker says of its runs to the process that started it, as JSON lines."""

import json
import time
from collections.abc import Mapping

from sparserl.experiment import Report
from sparserl.persistence import seed_folder
from sparserl.worker.channel import Channel

TELL_SECONDS = 0.5  # between two lines of progress; evaluations are always told


class ProgressTeller:
    """Tells progress on a channel, seldom enough for whoever reads it."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self._told = channel, 0.0
        self.announce = channel.announce

    def tell(self, reports: Mapping[int, Report], rates: Mapping[int, float | None]) -> None:
        """A line for each seed, now or not at all. Raises BrokenPipeError where nobody listens any more."""
        evaluated = any(report.evaluation is not None for report in reports.values())
        if not evaluated and time.monotonic() - self._told < TELL_SECONDS:
            return
        self._told = time.monotonic()
        lines = [_progress_line(seed, report, rates[seed]) for seed, report in reports.items()]
        self._channel.say(*lines)


def _progress_line(seed: int, report: Report, rate: float | None) -> str:
    row, last = report.evaluation, report.last_return
    line = {
        "run": seed_folder(seed),
        "environment_steps": report.environment_steps,
        "environment_steps_per_second": rate,
        "last_return": last if last == last else None,
        "live_density": report.live_density,
        "evaluation_return": None if row is None else row["mean_return"],
    }
    return json.dumps(line)
