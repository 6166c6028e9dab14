"""One process of the peers' benchmark: trains one agent, and prints what was seen of it as one JSON document.

Started by `processes.py` with the interpreter of whichever project it trains, and imports only that one. All
seconds are of the machine's monotonic clock, and of `--began`, when the process was started.

`training`: prints "settled" when it is, trains on until a line comes on standard input and `--seconds` longer:
`{"marks": [[seconds, environment_steps], ...], "startup_seconds": ..., "peak_memory_bytes": ...}`.
`returns`: trains until `--steps` and `--seconds` are both over, and is evaluated as often within each:
`{"evaluations": [{"by": "steps" | "seconds", "at": ..., "steps": ..., "seconds": ..., "return": ...}], ...}`, whose
seconds are those since the process began, without those of evaluations.
"""

import argparse
import json
import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peers.ours import train_ours
from benchmarks.peers.tasks import TASKS
from benchmarks.peers.theirs import train_sbx, train_stable_baselines3

Evaluate = Callable[[int], float]  # number of episodes -> their mean return
PROJECTS = {"stable-baselines3": train_stable_baselines3, "sbx": train_sbx, "sparserl": train_ours}


class Rate:
    """Reads the clock at every mark, says when training has settled, and ends some time after it is let go."""

    def __init__(self, options: argparse.Namespace, tell: Callable[[str], None]) -> None:
        self.options, self.tell = options, tell
        self.marks: list[tuple[float, int]] = []
        self.settled: list[float] = []  # when, and then when all others were, too

    def seen(self, steps: int, evaluate: Evaluate) -> bool:
        if steps % TASKS[self.options.task].mark_steps == 0:
            self.marks.append((time.monotonic(), steps))
            self._look(steps)
        return len(self.settled) < 2 or self.marks[-1][0] - self.settled[1] < self.options.seconds

    def _look(self, steps: int) -> None:
        now = self.marks[-1][0]
        if not self.settled and steps >= self.options.settle_steps:
            self.settled.append(now)
            self.tell("settled")
        if len(self.settled) == 1 and select.select([sys.stdin], [], [], 0)[0]:
            self.settled.append(now)

    def document(self) -> dict[str, Any]:
        return {"marks": self.marks}


class Returns:
    """Evaluates after equal parts of the steps and of the seconds, and ends when both are over."""

    def __init__(self, options: argparse.Namespace, clock: Callable[[], float] = time.monotonic) -> None:
        parts = range(1, options.evaluations + 1)
        self.due = {
            name: [getattr(options, name) * part / options.evaluations for part in parts]
            for name in ("steps", "seconds")
        }
        self.num_episodes, self.clock, self.began = options.episodes, clock, options.began
        self.apart_seconds = 0.0  # that evaluations took
        self.rows: list[dict[str, Any]] = []

    def seen(self, steps: int, evaluate: Evaluate) -> bool:
        now = {"steps": steps, "seconds": self.clock() - self.began - self.apart_seconds}
        over = [(name, at) for name, all_due in self.due.items() for at in all_due if now[name] >= at]
        if over:
            before = self.clock()
            value = evaluate(self.num_episodes)
            self.apart_seconds += self.clock() - before
            self.rows += [{"by": name, "at": at, **now, "return": value} for name, at in over]
            self.due = {name: [at for at in all_due if now[name] < at] for name, all_due in self.due.items()}
        return any(self.due.values())

    def document(self) -> dict[str, Any]:
        return {"evaluations": self.rows}


def peak_memory_bytes(status: Path = Path("/proc/self/status")) -> int:
    """The most memory that this process has had resident."""
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def main() -> None:
    options = _options()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints
    tell = lambda line: print(line, file=channel, flush=True)
    watch = Returns(options) if options.part == "returns" else Rate(options, tell)
    first: list[float] = []  # seconds until the first update was done
    first_update_steps = TASKS[options.task].first_update_steps

    def seen(steps: int, evaluate: Evaluate) -> bool:
        if not first and steps >= first_update_steps:
            first.append(time.monotonic() - options.began)
        return watch.seen(steps, evaluate)

    PROJECTS[options.project](options.task, options.environment, options.seed, options.sparsity, seen)
    about = {"startup_seconds": first[0] if first else None, "peak_memory_bytes": peak_memory_bytes()}
    json.dump(watch.document() | about, channel)
    channel.flush()


def _options() -> argparse.Namespace:
    layout, program = argparse.RawDescriptionHelpFormatter, "python -m benchmarks.peers.worker"
    parser = argparse.ArgumentParser(prog=program, description=__doc__, formatter_class=layout)
    parser.add_argument("part", choices=("training", "returns"))
    parser.add_argument("project", choices=PROJECTS)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("environment")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--sparsity", type=float, default=0.0)
    parser.add_argument(
        "--seconds", type=float, required=True, help="how long to go on once all have settled, or in all"
    )
    parser.add_argument("--settle-steps", type=int, default=0, help="environment steps before the clock counts")
    parser.add_argument("--steps", type=int, default=0, help="of returns: environment steps")
    parser.add_argument(
        "--evaluations", type=int, default=1, help="of returns: within the steps, and within the seconds"
    )
    parser.add_argument("--episodes", type=int, default=5, help="of returns: in an evaluation")
    parser.add_argument("--began", type=float, default=time.monotonic(), help="when the process was started")
    parser.add_argument("--core", type=int, help="stay on this processor")
    return parser.parse_args()


if __name__ == "__main__":
    main()
