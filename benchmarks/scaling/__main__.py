"""What an update costs against density, width, batch, seeds on one core and processes, beside this machine's roofline.

    .venv/bin/python -m benchmarks.scaling --output reproduction/scaling
    .venv/bin/python -m benchmarks.scaling density width --works dqn_update

Whole updates of DQN and SAC as `sparserl bench updates` has them, dense and compressed (static, ERK), which take turns
in a process of one thread on a core of its own. One size changes at a time, and all others stay at the centre: density
0.1, two hidden layers of 512 units (DQN) or 256 (SAC), batch 128 or 256, one seed, one process.

density    live weights over all: 1 to 0.01
width      units of both hidden layers: 64 to 4,096
batch      transitions of an update: 32 to 1,024
seeds      in one program on one core, by vmap: 1 to 8; seconds are those of a seed
processes  at once, each on a core of its own: 1 to all

The roofline is measured first: the peak of one core by dense products, and bandwidth by a stream over growing working
sets. The least time of an update follows from live weights x batch (`model.py`). Writes scaling.json after each
measurement, so that the same command goes on where it was stopped, and README.md and figures in the end. Needs Linux.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.cells import Cell, Values, opened, read, work_through
from benchmarks.peers.measuring import ours
from benchmarks.peers.processes import TOP, side_by_side, start
from benchmarks.scaling.report import write_report

AXES: Mapping[str, tuple[float, ...]] = {
    "density": (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01),
    "width": (64, 128, 256, 512, 1024, 2048, 4096),
    "batch_size": (32, 64, 128, 256, 512, 1024),
    "seeds": (1, 2, 4, 8),
    "processes": (),  # 1, 2, 4 ... and all cores
}
NAMES = {"batch": "batch_size"}  # of axes on the command line
CENTRE: Mapping[str, Mapping[str, Any]] = {
    "dqn_update": {"density": 0.1, "width": 512, "batch_size": 128, "seeds": 1, "processes": 1},
    "sac_update": {"density": 0.1, "width": 256, "batch_size": 256, "seeds": 1, "processes": 1},
}
SMALLEST = {"density": (1.0, 0.1), "width": (16, 32), "batch_size": (8, 16), "seeds": (1, 2), "processes": (1,)}
WORKER = "benchmarks.scaling.worker"


def main() -> int:
    options = _options()
    if not hasattr(os, "sched_getaffinity"):
        sys.exit("cores cannot be chosen here: this benchmark needs Linux")
    file = options.output / "scaling.json"
    if options.report_only:
        write_report(options.output, read(file))
        return 0
    planned = [machine_cell(options), *cells(options)]
    if options.plan:
        print(f"{len(planned)} measurements, about {len(planned) * 50 / 60:.0f} minutes")
        return 0
    book = opened(file, ours())
    return work_through(book, planned, measure, lambda: write_report(options.output, book))


def machine_cell(options: argparse.Namespace) -> Cell:
    """The roofline, up to a working set of four times the last cache, and 256 MB at the least."""
    from benchmarks.scaling.machine import caches

    largest = max(4 * max(caches().values(), default=0), 2**28)
    settings = {"largest_bytes": 2**16 if options.smoke else largest, "window_seconds": 1e-3 if options.smoke else 0.3}
    return Cell({"work": "machine"}, settings)


def cells(options: argparse.Namespace) -> Iterator[Cell]:
    """Every size of the axes that are asked for, each once; the centre belongs to all of them."""
    num_cores = len(os.sched_getaffinity(0))
    of_cores = tuple(sorted({*(2**k for k in range(num_cores.bit_length()) if 2**k <= num_cores), num_cores}))
    axes = SMALLEST if options.smoke else {**AXES, "processes": of_cores}
    settings = {"replay_steps": 10_000, "repetitions": 5, "window_seconds": 0.5}
    if options.smoke:
        settings = {"replay_steps": 64, "repetitions": 1, "window_seconds": 1e-3, "smoke": True}
    seen: list[Mapping[str, Any]] = []
    for work in options.works:
        centre = {"work": work, **CENTRE[work]} | ({"width": 16, "batch_size": 8} if options.smoke else {})
        for axis in options.axes:
            for value in axes[axis]:
                if (key := {**centre, axis: value}) not in seen:
                    seen.append(key)
                    yield Cell(key, settings)


def measure(cell: Cell) -> Values | None:
    """In as many processes as the cell asks for, at once; None where one fails."""
    what = "machine" if cell.key["work"] == "machine" else "update"
    words = [what, json.dumps({**cell.key, **cell.settings})]
    cores = sorted(os.sched_getaffinity(0))[: cell.key.get("processes", 1)]
    told = side_by_side([start(sys.executable, words, core, worker=WORKER) for core in cores])
    if told is None or what == "machine":
        return told and told[0]
    together = lambda variant: [second for each in told for second in each[variant]["seconds"]]
    return {variant: {"seconds": together(variant), "work": told[0][variant]["work"]} for variant in told[0]}


def _options() -> argparse.Namespace:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__, formatter_class=layout)
    add = parser.add_argument
    shown = [name if name != "batch_size" else "batch" for name in AXES]
    add("axes", nargs="*", metavar="AXIS", default=[], help=f"{', '.join(shown)}; all by themselves")
    add("--works", nargs="+", choices=CENTRE, default=list(CENTRE))
    add("--output", type=Path, default=TOP / "reproduction" / "scaling")
    add("--smoke", action="store_true", help="each axis at its smallest, to see that it runs; its numbers mean nothing")
    add("--plan", action="store_true", help="say how much would be measured, and measure nothing")
    add("--report-only", action="store_true", help="write README.md and figures again from scaling.json")
    options = parser.parse_args()
    if unknown := set(options.axes) - set(shown):
        parser.error(f"argument AXIS: unknown {sorted(unknown)[0]!r}: there are {', '.join(shown)}")
    options.axes = [NAMES.get(name, name) for name in options.axes or shown]
    return options


if __name__ == "__main__":
    sys.exit(main())
