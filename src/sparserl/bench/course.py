"""The course of a run that is measured: where the clock is read, and which of its steps count."""

import bisect
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from sparserl.experiment.building import Built
from sparserl.training.loop import MOST_STEPS

NUM_PARTS = 20  # of a run: pruning makes its steps cheaper as it goes
_FIRST_STEPS, _SETTLING_STEPS = 20, 5  # steps with updates that do not count: they compile, and find cold caches
_AROUND_STEPS = 25  # of a new layout of the networks, on either side: they are compiled again

Marks = Sequence[tuple[int, float]]  # steps done, and when, in seconds


class Course(NamedTuple):
    """A run of `total_steps`, the first `warmup_steps` without an update.

    It is measured from `begin` on, but for what lies in `left_out`, pairs of steps.
    """

    warmup_steps: int
    total_steps: int
    begin: int
    left_out: tuple[tuple[int, int], ...]

    def stops(self) -> list[int]:
        """Where the clock is read after `begin`, ascending; the first of them ends what settles."""
        ends = {*itertools.chain(*self.left_out), *(self._end(part) for part in range(1, NUM_PARTS)), self.total_steps}
        settled = self.begin + _SETTLING_STEPS
        ends |= {settled + _SETTLING_STEPS * 2**power for power in range(16)}  # so that what is slow can end soon
        return [settled, *sorted(step for step in ends if settled < step <= self.total_steps)]

    def seconds(self, marks: Marks) -> tuple[list[float], float]:
        """Seconds of a step in each part of the run, and those that new layouts took beyond their steps.

        A part without a step that counts is as the next one that has some, or else the one before.
        """
        chunks = [(begin, end, after - before) for (begin, before), (end, after) in itertools.pairwise(marks)]
        counted = [[0.0, 0.0] for _ in range(NUM_PARTS)]
        for begin, end, seconds in chunks:
            if not self._is_left_out(begin, end):
                part = counted[self._part(begin, end)]
                part[0], part[1] = part[0] + seconds, part[1] + end - begin
        known = [part for part, (_, steps) in enumerate(counted) if steps]
        of_part = lambda part: next((other for other in known if other >= part), known[-1])
        paces = [counted[of_part(part)][0] / counted[of_part(part)][1] for part in range(NUM_PARTS)]
        beyond = (
            seconds - (end - begin) * paces[self._part(begin, end)]
            for begin, end, seconds in chunks
            if self._is_left_out(begin, end)
        )
        return paces, sum(beyond)

    def _end(self, part: int) -> int:
        return self.warmup_steps + (self.total_steps - self.warmup_steps) * part // NUM_PARTS

    def _part(self, begin: int, end: int) -> int:
        share = ((begin + end) / 2 - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return min(max(int(share * NUM_PARTS), 0), NUM_PARTS - 1)

    def _is_left_out(self, begin: int, end: int) -> bool:
        return any(low <= (begin + end) / 2 <= high for low, high in self.left_out)


def course_of(built: Built) -> Course:
    """The course of a run as it is built."""
    experiment = built.plan.experiment
    warmup_steps = getattr(experiment.agent, "warmup_steps", 0)
    every = experiment.agent.steps_per_update
    begin = -(-(warmup_steps + _FIRST_STEPS) // every) * every
    return Course(warmup_steps, experiment.total_steps, begin, _around(relayout_steps(built), experiment.total_steps))


def relayout_steps(built: Built) -> list[int]:
    """The steps after which networks may be laid out anew, as the training loop finds them."""
    updates = {update for each in built.optimizers.values() for update in each.relayout_updates()}
    first = (bisect.bisect_left(range(MOST_STEPS), update, key=built.agent.num_updates) for update in updates)
    return sorted(first)


def _around(steps: Sequence[int], total_steps: int) -> tuple[tuple[int, int], ...]:
    """The surroundings of steps, those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for step in steps:
        low, high = max(step - _AROUND_STEPS, 0), min(step + _AROUND_STEPS, total_steps)
        if joined and low <= joined[-1][1]:
            low = joined.pop()[0]
        joined.append((low, high))
    return tuple(joined)
