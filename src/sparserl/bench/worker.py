"""The worker: `python -m sparserl.bench.worker NAME OPTIONS` measures in this process, on one core, with one thread.

OPTIONS are the fields of a bench's dataclass as JSON. It tells what it finds as JSON lines on standard output. Before
each case it tells that it waits, and goes on when a line comes on standard input. Exit status 0: done; 1: something
broke; 2: the request was wrong.
"""

import os

os.environ["NPROC"] = "1"  # one XLA thread; before jax is imported
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import argparse
import ctypes
import json
import signal
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from sparserl.bench import break_even, inference, kernels, updates
from sparserl.bench.choices import BENCHES, BreakEven, Inference, Kernels, Options, Updates
from sparserl.bench.measuring import Case, measure
from sparserl.types import UserError
from sparserl.worker.compilation import use_compilation_cache

DIE_WITH_PARENT = 1  # Linux: PR_SET_PDEATHSIG
DONE, FAILED, WRONG = 0, 1, 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sparserl.bench.worker", description=__doc__)
    parser.add_argument("name", choices=BENCHES)
    parser.add_argument("options", type=json.loads)
    parser.add_argument("--index", type=int, default=0, help="which of the processes this is")
    parser.add_argument("--of", type=int, default=1, help="how many processes there are")
    parser.add_argument("--core", type=int, help="run on this processor only")
    parser.add_argument("--parent", type=int, help="end when the process of this number ends (Linux)")
    given = parser.parse_args()
    try:
        _bind(given.core, given.parent)
        use_compilation_cache()
        measure_all(options_from(given.name, given.options), given.index, given.of)
        return DONE
    except UserError as error:
        return _say(str(error), WRONG)
    except Exception as error:
        traceback.print_exc()
        return _say(f"{type(error).__name__}: {error}".splitlines()[0], FAILED)


def options_from(name: str, fields: dict[str, Any]) -> Options:
    """The options that `dataclasses.asdict` took apart."""
    kind: Any = BENCHES[name]
    options: Options = kind(
        **{key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    )
    return options


def measure_all(options: Options, index: int, num_processes: int) -> None:
    """Measure every case, or for the break-even, whose cells stand alone, this process's share of them."""
    if isinstance(options, BreakEven):
        for row in break_even.rows(options, index, num_processes):
            _tell({"doing": break_even.words(row)})
            _tell({"row": row})
        return
    for note in _notes(options):
        _tell({"note": note})
    for case in _cases(options):
        _tell({"waiting": _words(case)})
        sys.stdin.readline()
        for sample in measure(case, options.repetitions, options.window_seconds):
            _tell({"sample": sample._asdict()})


def _cases(options: Updates | Kernels | Inference) -> Iterator[Case]:
    match options:
        case Updates():
            return updates.cases(options)
        case Kernels():
            return kernels.cases(options)
        case Inference():
            return inference.cases(options)


def _notes(options: Updates | Kernels | Inference) -> list[str]:
    match options:
        case Updates():
            return updates.notes(options)
        case Kernels():
            return kernels.notes()
        case Inference():
            return inference.notes()


def _words(case: Case) -> str:
    sizes = ", ".join(f"{name} {value}" for name, value in case.sizes.items())
    return f"{case.work}, sparsity {case.sparsity:g}{', ' if sizes else ''}{sizes}"


def _tell(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def _say(message: str, exit_status: int) -> int:
    print(f"sparserl: {message}", file=sys.stderr)
    return exit_status


def _bind(core: int | None, parent: int | None) -> None:
    """Stay on one processor, and die with the process that started this one (Linux)."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
        assert os.sched_getaffinity(0) == {core}
    if sys.platform == "linux" and parent is not None:
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before we could ask
            raise UserError("the process that started this one has ended")


if __name__ == "__main__":
    exit_status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_status)
