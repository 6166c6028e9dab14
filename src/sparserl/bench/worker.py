"""The worker: `python -m sparserl.bench.worker NAME OPTIONS` measures in this process, on one core, with one thread.

OPTIONS are the fields of a bench's dataclass as JSON. Results are JSON lines on standard output. Before each case the
worker says that it is waiting, and goes on when a line comes on standard input. Exit status 0: done; 1: something
broke; 2: the request was wrong.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from sparserl.bench import break_even, inference, kernels, updates
from sparserl.bench.alone import measuring
from sparserl.bench.choices import BENCHES, BenchOptions, BreakEven, Inference, KernelProducts, Updates
from sparserl.bench.measuring import Case, measure
from sparserl.processes import binding


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sparserl.bench.worker", description=__doc__)
    parser.add_argument("name", choices=BENCHES)
    parser.add_argument("options", type=json.loads)
    parser.add_argument("--index", type=int, default=0, help="which of the processes this is")
    parser.add_argument("--of", type=int, default=1, help="how many processes there are")
    binding.add_options(parser)
    given = parser.parse_args()
    return measuring(given, lambda: measure_all(options_from(given.name, given.options), given.index, given.of))


def options_from(name: str, fields: dict[str, Any]) -> BenchOptions:
    """The options of a bench from their fields, in which JSON has made tuples lists."""
    kind: Any = BENCHES[name]
    options: BenchOptions = kind(
        **{key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    )
    return options


def measure_all(options: BenchOptions, index: int, num_processes: int) -> None:
    """Measure every case; of the break-even, whose cells do not depend on each other, this process's share."""
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


def _cases(options: Updates | KernelProducts | Inference) -> Iterator[Case]:
    match options:
        case Updates():
            return updates.cases(options)
        case KernelProducts():
            return kernels.cases(options)
        case Inference():
            return inference.cases(options)


def _notes(options: Updates | KernelProducts | Inference) -> list[str]:
    match options:
        case Updates():
            return updates.notes(options)
        case KernelProducts():
            return kernels.notes()
        case Inference():
            return inference.notes(options)


def _words(case: Case) -> str:
    sizes = ", ".join(f"{name} {value}" for name, value in case.sizes.items())
    return f"{case.work}, sparsity {case.sparsity:g}{', ' if sizes else ''}{sizes}"


def _tell(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    exit_status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_status)
