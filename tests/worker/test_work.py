"""Work: whatever an environment raises is a failure of its run, and only what was asked for is an interruption."""

import errno
from types import SimpleNamespace

import pytest

from sparserl.processes.outcomes import DIVERGED, FAILED, INTERRUPTED, WRONG
from sparserl.types import Divergence, UserError
from sparserl.worker.work import Work


class Foreign(BaseException):
    pass


def ended(error, asked=False):
    """Exit status, and what is recorded, of a training that raises this."""
    recorded = []
    record = lambda status, message: recorded.append((status, message))
    hold = SimpleNamespace(record=record, release=lambda: None)
    options = SimpleNamespace(memory_limit_bytes=None, observation_noise=())
    told = []
    teller = SimpleNamespace(announce=told.append)
    work = Work(options, hold, teller, SimpleNamespace(asked=asked))

    def train():
        raise error

    work._train = train
    status = work.attempt()
    assert told == [status]
    return status, recorded


@pytest.mark.parametrize(
    "error",
    [SystemExit(0), SystemExit(3), SystemExit(130), SystemExit("bye"), KeyboardInterrupt(), GeneratorExit(), Foreign()],
    ids=repr,
)
def test_what_would_end_the_process_is_a_failure(error):
    status, [(recorded, message)] = ended(error)
    assert (status, recorded) == (FAILED, "failed")
    assert message.startswith(f"the environment ended the process: {type(error).__name__}")


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError("deep"), StopIteration(3), ValueError("odd")], ids=repr
)
def test_other_exceptions_are_failures_as_well(error):
    status, [(recorded, _)] = ended(error)
    assert (status, recorded) == (FAILED, "failed")


def test_files_that_an_environment_has_closed():
    _, [(_, message)] = ended(OSError(errno.EBADF, "Bad file descriptor"))
    assert message.startswith("the environment closed files that are not its own: OSError: ")


def test_what_is_ours_keeps_its_meaning():
    assert ended(KeyboardInterrupt(), asked=True) == (INTERRUPTED, [("interrupted", "stopped by the user")])
    assert ended(Divergence("the loss is nan")) == (DIVERGED, [("diverged", "the loss is nan")])
    assert ended(UserError("no such game")) == (WRONG, [("failed", "no such game")])
