"""The worker: `python -m sparserl.worker RUN_FOLDER` trains one seed of one experiment in this process.

It reads `experiment.json` beside the run's folder and, where there is one, `request.json` in it, writes only inside
that folder, and tells its progress as JSON lines on standard output. A run that is over is left as it is; any other
goes on from its newest whole checkpoint. The exit statuses are those of `study.outcomes`.

Several folders are seeds of one experiment, which it trains side by side in one program. All of them must be named
whenever the worker is started again, those that are over, too. It then ends as the worst of them.
"""

import os

os.environ["NPROC"] = "1"  # one XLA thread, so that bits do not depend on the machine's cores; before jax is imported
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import argparse
import json
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from sparserl import persistence
from sparserl.experiment import Experiment, Report, RunFailure, Told, obstacle_to_side_by_side, run, run_seeds
from sparserl.persistence import LEASE_SECONDS, Busy, DiskFull, Superseded
from sparserl.processes import binding
from sparserl.processes.log import tell
from sparserl.processes.outcomes import BUSY, DIVERGED, FAILED, FINISHED, INTERRUPTED, LOST, NO_ROOM, WRONG
from sparserl.types import Divergence, UserError
from sparserl.worker.beginning import beginnings, behind
from sparserl.worker.compilation import use_compilation_cache
from sparserl.worker.holding import Hold, seed_of
from sparserl.worker.keeping import Keeper, record, result_of
from sparserl.worker.rhythm import Rhythm
from sparserl.worker.vigil import Interrupt

OUT_OF_MEMORY = ("bad_alloc", "RESOURCE_EXHAUSTED", "Out of memory", "Cannot allocate memory")  # as libraries say it
TELL_SECONDS = 0.5  # between two lines of progress


def main() -> int:
    options, channel = _options(), binding.own_output()
    try:
        _refuse_mixtures(options.run_folders)
        results = {folder: result_of(folder) for folder in options.run_folders}
        for folder, result in results.items():
            if result is not None and result.status == "finished":
                _tidy_up(folder, options.lease_seconds)
        waiting = [folder for folder, result in results.items() if result is None]
        if not waiting:
            return FINISHED if any(result and result.status == "finished" for result in results.values()) else DIVERGED
        hold = Hold(waiting, options.lease_seconds)
    except Busy as error:
        return _say(str(error), BUSY)
    except DiskFull as error:
        return _say(str(error), NO_ROOM)
    except UserError as error:
        return _say(str(error), WRONG)
    interrupt = Interrupt(lambda: hold.give_back("interrupted", "stopped before its next checkpoint"))
    try:
        return _Work(options, hold, channel, interrupt).attempt()
    except Superseded as error:
        return _say(str(error), LOST)
    finally:
        hold.release()


def _tidy_up(run_folder: Path, lease_seconds: float) -> None:
    """Remove the checkpoints of a finished run that was killed before it could; a diverged one's are looked into."""
    if not persistence.is_tidy(run_folder):
        attempt = persistence.claim(run_folder, lease_seconds)
        persistence.drop_generations(attempt)
        attempt.release()


class _Work:
    """What one process does: it goes on with the runs that it holds, and records how that ended."""

    def __init__(self, options: argparse.Namespace, hold: Hold, channel: IO[str], interrupt: Interrupt) -> None:
        self.options, self.hold, self.channel, self.interrupt = options, hold, channel, interrupt
        self.keepers: dict[int, Keeper] = {}
        self.endings: set[int] = set()  # of runs that are over, as exit statuses
        self.told = 0.0

    def attempt(self) -> int:
        try:
            if self.options.memory_limit_bytes is not None:
                binding.limit_memory(self.options.memory_limit_bytes)
            binding.bind(self.options.core, self.options.parent, signal.SIGTERM)
            if self.interrupt.asked:  # the parent had ended already
                raise KeyboardInterrupt
            return self._train()
        except Divergence as error:
            return self._stop("diverged", str(error), DIVERGED)
        except DiskFull as error:
            return self._stop("failed", str(error), NO_ROOM)
        except UserError as error:  # a run that had begun may have met an environment that broke
            begun = any(keeper.begun for keeper in self.keepers.values())
            return self._stop("failed", str(error), FAILED if begun else WRONG)
        except RunFailure as error:
            return self._stop("failed", str(error), FAILED)
        except KeyboardInterrupt:
            return self._stop("interrupted", "stopped by the user", INTERRUPTED)
        except Superseded:
            raise
        except MemoryError:
            return self._stop("failed", "out of memory", FAILED)
        except Exception as error:
            with suppress(OSError):  # a full disk has no room for it
                traceback.print_exc()
            exit_status = NO_ROOM if persistence.is_disk_full(error) else FAILED
            cause = "out of memory: " if any(sign in str(error) for sign in OUT_OF_MEMORY) else ""
            return self._stop("failed", f"{cause}{type(error).__name__}: {error}".splitlines()[0], exit_status)

    def _train(self) -> int:
        """Train to the end, or until asked to stop, with a checkpoint then."""
        rhythm, reports = Rhythm(self.options.checkpoint_seconds), dict[int, Report]()
        for told in self._begin():
            reports = self._keepable(told)
            rates = {seed: self.keepers[seed].keep(report) for seed, report in reports.items()}
            self._tell(reports, rates)
            if rhythm.is_due() or self.interrupt.asked:
                began = time.monotonic()
                stored = [self.keepers[seed].store_checkpoint(report) for seed, report in reports.items()]
                rhythm.stored(began, all(stored))
            if self.interrupt.asked:
                raise KeyboardInterrupt
        for seed, report in reports.items():
            self.keepers[seed].finish(report)
            self.hold.let_go(seed)
            self.endings.add(FINISHED)
        return next(status for status in (FAILED, FINISHED, DIVERGED) if status in self.endings)

    def _begin(self) -> Iterator[Mapping[int, Told]]:
        """The runs from where they were stored: what they tell, by seed."""
        attempts, seeds = self.hold.attempts, sorted(map(seed_of, self.options.run_folders))
        for attempt in attempts.values():
            persistence.sweep_partial(attempt.run_folder)
        experiment_folder = self.options.run_folders[0].parent
        experiment = Experiment.from_choices(persistence.read_experiment(experiment_folder)["choices"])
        _refuse_another_device()
        use_compilation_cache()
        layout = persistence.layout_of(seeds)
        if len(seeds) > 1:
            _refuse_side_by_side(experiment, self.options.run_folders)
        for seed in behind(attempts):
            tell(f"seed {seed} is behind those beside it: it goes on when they are over")
            self.hold.let_go(seed)
            self.endings.add(FAILED)
        begins = beginnings(list(attempts.values()), experiment, layout, self.options.force)
        for (seed, attempt), begin in zip(attempts.items(), begins, strict=True):
            self.keepers[seed] = Keeper(attempt, experiment, layout, begin)
            if begin.checkpoint:
                steps = begin.checkpoint.document["environment_steps"]
                which = "" if len(seeds) == 1 else f"seed {seed}: "
                tell(f"{which}attempt {attempt.number} goes on from step {steps:,}")
        found = {seed: keeper.checkpoint for seed, keeper in self.keepers.items() if keeper.checkpoint}
        if len(seeds) > 1:
            return run_seeds(experiment, seeds, None, found or None)
        keeper = self.keepers[seeds[0]]
        reports = run(experiment, seeds[0], None, keeper.diagnostics, keeper.checkpoint)
        return ({seeds[0]: report} for report in reports)

    def _keepable(self, told: Mapping[int, Told]) -> dict[int, Report]:
        """The reports of runs that go on; those that end early are let go."""
        reports: dict[int, Report] = {}
        for seed, one in told.items():
            if seed not in self.hold.attempts:  # it was over before, and computes along
                continue
            if isinstance(one, Report):
                reports[seed] = one
                continue
            status, ending = ("diverged", DIVERGED) if isinstance(one, Divergence) else ("failed", FAILED)
            record(self.hold.attempts[seed], status, str(one))
            tell(f"seed {seed}: {one}")
            self.hold.let_go(seed)
            self.endings.add(ending)
        return reports

    def _tell(self, reports: Mapping[int, Report], rates: Mapping[int, float | None]) -> None:
        evaluated = any(report.evaluation is not None for report in reports.values())
        if not evaluated and time.monotonic() - self.told < TELL_SECONDS:
            return
        self.told = time.monotonic()
        lines = [_progress_line(seed, report, rates[seed]) for seed, report in reports.items()]
        try:
            print("\n".join(lines), file=self.channel, flush=True)
        except BrokenPipeError:  # nobody listens any more
            self.interrupt.asked = True

    def _stop(self, status: str, message: str, exit_status: int) -> int:
        """Record how the attempts ended that are still held; what was evaluated before stays."""
        try:
            self.hold.record(status, message)
        except UserError as error:  # a full disk, say: the first message matters more
            tell(str(error))
        return _say(message, exit_status)


def _refuse_mixtures(run_folders: Sequence[Path]) -> None:
    """Several folders must be different seeds of one experiment."""
    if len({folder.parent.resolve() for folder in run_folders}) > 1:
        raise UserError(f"{run_folders[0]} and others are not of one experiment: side by side are seeds of one")
    if len({folder.name for folder in run_folders}) < len(run_folders):
        raise UserError(f"{run_folders[0].parent}: a seed is named twice")


def _refuse_another_device() -> None:
    """Where a GPU is asked for, JAX takes the processor without a word if it cannot use it."""
    if os.environ["JAX_PLATFORMS"].startswith("cuda"):
        import jax

        try:
            found = jax.default_backend()
        except RuntimeError:
            found = "cpu"
        if found == "cpu":
            raise UserError("a GPU is asked for, and JAX finds none: install jax with CUDA, or leave --device gpu away")


def _refuse_side_by_side(experiment: Experiment, run_folders: Sequence[Path]) -> None:
    if obstacle := obstacle_to_side_by_side(experiment):
        raise UserError(f"seeds cannot be trained side by side: {obstacle}")
    for folder in run_folders:
        if persistence.read_request(folder).diagnostics:
            raise UserError(f"{folder} is to record diagnostics, which seeds side by side cannot: train it alone")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sparserl.worker", description=__doc__)
    parser.add_argument("run_folders", type=Path, nargs="+", metavar="RUN_FOLDER")
    binding.add_options(parser)
    parser.add_argument("--lease-seconds", type=float, default=LEASE_SECONDS, help="how long others wait when silent")
    parser.add_argument("--checkpoint-seconds", type=float, help="between checkpoints, 60 or more by itself")
    parser.add_argument("--memory-limit-bytes", type=int, help="fail rather than hold more (Linux)")
    parser.add_argument("--force", action="store_true", help="go on from a checkpoint of another machine class")
    return parser.parse_args()


def _progress_line(seed: int, report: Report, rate: float | None) -> str:
    row, last = report.evaluation, report.last_return
    line = {
        "run": f"seed={seed}",
        "environment_steps": report.environment_steps,
        "environment_steps_per_second": rate,
        "last_return": last if last == last else None,
        "live_density": report.live_density,
        "evaluation_return": None if row is None else row["mean_return"],
    }
    return json.dumps(line)


def _say(message: str, exit_status: int) -> int:
    tell(message)
    return exit_status


if __name__ == "__main__":
    exit_status = main()
    sys.stderr.flush()
    os._exit(exit_status)  # all is stored; an orderly end would first wait for what the compiled program still computes
