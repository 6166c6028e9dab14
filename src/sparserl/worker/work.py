"""Work: what one worker's process does with the runs that it holds, and how it records their ends."""

import argparse
import errno
import faulthandler
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress

from sparserl import persistence
from sparserl.calls import ended_by
from sparserl.experiment import (
    Plan,
    Report,
    RunFailure,
    Told,
    build,
    experiment_in,
    num_made,
    plan_of,
    run,
    run_seeds,
    seed_shared_generators,
)
from sparserl.persistence import DiskFull, Superseded
from sparserl.processes import binding
from sparserl.processes.log import tell
from sparserl.processes.outcomes import DIVERGED, FAILED, FINISHED, INTERRUPTED, NO_ROOM, WRONG
from sparserl.types import Divergence, UserError
from sparserl.worker import noise
from sparserl.worker.beginning import beginnings, behind
from sparserl.worker.compilation import use_compilation_cache
from sparserl.worker.ended import record
from sparserl.worker.holding import Hold
from sparserl.worker.keeping import Keeper
from sparserl.worker.refusals import refuse_another_device, refuse_side_by_side
from sparserl.worker.rhythm import Rhythm
from sparserl.worker.telling import ProgressTeller
from sparserl.worker.vigil import Interrupt

CLOSE_SECONDS = 20.0  # for all environments; each kind has a limit of ten, which code in C may not heed
LEAVE_SECONDS = 2.0  # beside vigil.STOP_SECONDS, within the patience of engines
OUT_OF_MEMORY = ("bad_alloc", "RESOURCE_EXHAUSTED", "Out of memory", "Cannot allocate memory")  # as libraries say it


class Work:
    """What one process does: it goes on with the runs that it holds, and records how that ended."""

    def __init__(self, options: argparse.Namespace, hold: Hold, teller: ProgressTeller, interrupt: Interrupt) -> None:
        self.options, self.hold, self.teller, self.interrupt = options, hold, teller, interrupt
        self.keepers: dict[int, Keeper] = {}
        self.endings: set[int] = set()  # of runs that are over, as exit statuses
        self._environments = ExitStack()
        os.umask(file_mode := os.umask(0o077))
        self.file_mode = file_mode  # which an environment may change

    def attempt(self) -> int:
        """Do it; environments are closed last of all, when everything is stored, given back and told."""
        try:
            exit_status = self._attempt()
            self.hold.release()
            self.teller.announce(exit_status)
            return exit_status
        finally:
            self.hold.release()
            with _limited(CLOSE_SECONDS):
                self._environments.close()

    def _attempt(self) -> int:
        try:
            if self.options.memory_limit_bytes is not None:
                binding.limit_memory(self.options.memory_limit_bytes)
            return self._evaluate() if self.options.observation_noise else self._train()
        except Divergence as error:
            return self._stop("diverged", str(error), DIVERGED)
        except DiskFull as error:
            return self._stop("failed", str(error), NO_ROOM)
        except UserError as error:  # a run that had begun may have met an environment that broke
            begun = any(keeper.begun for keeper in self.keepers.values())
            return self._stop("failed", str(error), FAILED if begun else WRONG)
        except RunFailure as error:
            return self._stop("failed", str(error), FAILED)
        except KeyboardInterrupt as error:
            if not self.interrupt.asked:  # an environment may raise it, too
                return self._stop("failed", ended_by(error), FAILED)
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
            if isinstance(error, OSError) and error.errno == errno.EBADF:
                cause = "the environment closed files that are not its own: "
            return self._stop("failed", f"{cause}{type(error).__name__}: {error}".splitlines()[0], exit_status)
        except BaseException as error:  # SystemExit and its like
            return self._stop("failed", ended_by(error), FAILED)

    def _evaluate(self) -> int:
        """Evaluate finished runs under noise; what is recorded of how runs ended stays as it is."""
        refuse_another_device()
        use_compilation_cache()
        for seed, attempt in list(self.hold.attempts.items()):
            persistence.sweep_partial(attempt.run_folder)
            noise.evaluate(attempt, self.options.observation_noise, lambda: self.interrupt.asked)
            self.hold.let_go(seed)
        return FINISHED

    def _train(self) -> int:
        """Train to the end, or until asked to stop, with a checkpoint then."""
        rhythm, reports = Rhythm(self.options.checkpoint_seconds), dict[int, Report]()
        for told in self._begin():
            self.interrupt.insist()
            os.umask(self.file_mode)
            reports = self._keepable(told)
            rates = {seed: self.keepers[seed].keep(report) for seed, report in reports.items()}
            try:
                self.teller.tell(reports, rates)
            except BrokenPipeError:  # nobody listens any more
                self.interrupt.asked = True
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
        folders = self.options.run_folders
        seeds = sorted(persistence.RunId.of(folder).seed for folder in folders)
        for attempt in self.hold.attempts.values():
            persistence.sweep_partial(attempt.run_folder)
        experiment = experiment_in(folders[0].parent)
        refuse_another_device()
        use_compilation_cache()
        if len(seeds) > 1:
            refuse_side_by_side(plan := plan_of(experiment), folders)
            self._go_on(plan, seeds)
            checkpoints = {seed: keeper.checkpoint for seed, keeper in self.keepers.items() if keeper.checkpoint}
            return run_seeds(plan, seeds, None, checkpoints or None, self.options.resume)
        [seed] = seeds
        seed_shared_generators(seed)  # environments may draw from them when they are made
        built = build(experiment)
        self._environments.callback(built.close)
        self.hold.leave = lambda: _aside(built.close)
        if any(made := num_made(experiment).values()):
            tell("environments made: {} for training, {} for evaluation".format(*made))
        self._go_on(built.plan, seeds)
        keeper = self.keepers[seed]
        reports = run(built, seed, None, keeper.diagnostics, keeper.checkpoint, self.options.resume)
        return ({seed: report} for report in reports)

    def _go_on(self, plan: Plan, seeds: Sequence[int]) -> None:
        """Take up every run that goes on together with the others, and say from where."""
        attempts, layout = self.hold.attempts, persistence.layout_of(seeds)
        for seed in behind(attempts):
            tell(f"seed {seed} is behind those beside it: it goes on when they are over")
            self.hold.let_go(seed)
            self.endings.add(FAILED)
        begins = beginnings(list(attempts.values()), plan, layout, self.options.force)
        for (seed, attempt), begin in zip(attempts.items(), begins, strict=True):
            self.keepers[seed] = Keeper(attempt, plan, layout, begin)
            if begin.checkpoint:
                steps = begin.checkpoint.document["environment_steps"]
                which = "" if len(seeds) == 1 else f"seed {seed}: "
                tell(f"{which}attempt {attempt.number} goes on from step {steps:,}")

    def _keepable(self, told: Mapping[int, Told]) -> dict[int, Report]:
        """The reports of runs that go on; those that end early are let go."""
        reports: dict[int, Report] = {}
        for seed, news in told.items():
            if seed not in self.hold.attempts:  # it was over before, and computes along
                continue
            if isinstance(news, Report):
                reports[seed] = news
                continue
            status, ending = ("diverged", DIVERGED) if isinstance(news, Divergence) else ("failed", FAILED)
            record(self.hold.attempts[seed], status, str(news))
            tell(f"seed {seed}: {news}")
            self.hold.let_go(seed)
            self.endings.add(ending)
        return reports

    def _stop(self, status: str, message: str, exit_status: int) -> int:
        """Record how the attempts ended that are still held; what was evaluated before stays."""
        try:
            self.hold.record(status, message)
        except UserError as error:  # a full disk, say: the first message matters more
            tell(str(error))
        tell(message)
        return exit_status


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """End the process where this takes longer: no signal reaches all code in C. The log then says where."""
    with suppress(OSError, ValueError, AttributeError):  # standard error is closed
        faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _aside(close: Callable[[], None]) -> None:
    """Close environments while the main thread is deep in compiled code, if that is soon done: the process ends now."""
    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    closing.join(LEAVE_SECONDS)
