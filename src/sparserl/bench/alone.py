"""Alone: what a process that measures does around that: a core of its own, kept programs, and how it ends."""

import argparse
import signal
import traceback
from collections.abc import Callable

from sparserl.processes import binding
from sparserl.processes.log import tell
from sparserl.processes.outcomes import FAILED, FINISHED, WRONG
from sparserl.types import UserError
from sparserl.worker.compilation import use_compilation_cache


def measuring(given: argparse.Namespace, measure: Callable[[], None]) -> int:
    """The exit status of `measure()` on the core of `given`, which has the options of `binding.add_options`."""
    try:
        binding.bind(given.core, given.parent, signal.SIGKILL)
        use_compilation_cache()
        measure()
        return FINISHED
    except UserError as error:
        tell(str(error))
        return WRONG
    except Exception as error:
        traceback.print_exc()
        tell(f"{type(error).__name__}: {error}".splitlines()[0])
        return FAILED
