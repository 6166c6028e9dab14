"""Ours beside Stable-Baselines3 and SBX in one run: rates, start-up, memory, returns; and beside libraries' products.

    .venv/bin/python -m benchmarks.peers --output reproduction/peers          # all of it, hours
    .venv/bin/python -m benchmarks.peers training --tasks dqn --rounds 3      # some of it
    .venv/bin/python -m benchmarks.peers --instructions widest avx2           # with AVX-512, and without it

training   whole-machine environment steps a second while training, seconds from the start of a process to the end
           of its first update (compilation and warm-up steps are in them), peak memory of a process
returns    the return at equal steps and at equal seconds, one process per core, several seeds
updates    our update beside RigL on masked dense arrays, as sparse peers do it: `sparserl bench updates`
products   products of one layer in ours, PyTorch's CSR, SciPy's CSR and JAX's BCSR: `sparserl bench kernels`

Settings are equal (`tasks.py`). DQN: CartPole-v1, 2 x 512 ReLU, Adam 1e-3, batch 128, one update per step after
1,000 warm-up steps, replay 100,000, target copied every 100 updates, epsilon 0.1. SAC and PPO: HalfCheetah-v5 at the
defaults of Stable-Baselines3, which our preset `sb3` copies. Pixels: DQN on Atari's Pong with sticky actions, the
peers' CnnPolicy (no padding), one update of 32 transitions every 4 steps, Adam 2.5e-4, replay 10,000. Nothing is
evaluated while rates are measured. Each peer is run in two layouts: one process with all threads, and one process of
one thread on every core; ours in the second, as `sparserl train` does: dense, and with RigL at 90 % sparsity in
automatic storage. SBX is run with RigL on masked dense arrays, too. `avx2` holds XLA, our kernels, PyTorch and BLAS to
AVX2.

Candidates take turns, `--rounds` times; medians count. Writes peers.json after each measurement, so that the same
command goes on where it was stopped, and README.md in the end. Makes the peers' virtual environment. Needs Linux.
"""

import argparse
import os
import sys
from pathlib import Path

from benchmarks.cells import opened, read, work_through
from benchmarks.peers import measuring, plan
from benchmarks.peers.processes import INSTRUCTIONS, TOP, make_peers, there
from benchmarks.peers.report import write_report
from benchmarks.peers.tasks import TASKS
from benchmarks.turns import at_least_1

PEERS = TOP / "benchmarks" / ".venv"


def main() -> int:
    options = _options()
    if not hasattr(os, "sched_getaffinity"):
        sys.exit("cores cannot be chosen here: this benchmark needs Linux")
    file = options.output / "peers.json"
    if options.report_only:
        write_report(options.output, read(file))
        return 0
    python = there(options.peers) if options.as_they_are else make_peers(options.peers, options.torch)
    about = measuring.about(python)
    tasks, notes = plan.possible(options.tasks, about)
    instructions, more = plan.possible_instructions(options.instructions)
    for note in (*notes, *more):
        print(note, file=sys.stderr)
    cells = plan.cells(options, tasks, instructions)
    if options.plan:
        print("\n".join(plan.words(cells, options)))
        return 0
    book = opened(file, about)
    measured = lambda cell: measuring.measure(cell, python, options.smoke)
    return work_through(book, cells, measured, lambda: write_report(options.output, book))


def _options() -> argparse.Namespace:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__, formatter_class=layout)
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", default=[], help=f"{', '.join(plan.PARTS)}; all by themselves")
    add("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    add("--instructions", nargs="+", choices=INSTRUCTIONS, default=["widest"])
    add("--rounds", type=at_least_1, default=3, help="of training: how often candidates take turns")
    add("--seconds", type=_amount, default=15.0, help="of training: how long each trains when all have settled")
    add("--seeds", type=at_least_1, default=4, help="of returns")
    add("--returns-scale", type=_amount, default=1.0, help="of returns: times the steps and seconds in plan.py")
    add("--output", type=Path, default=TOP / "reproduction" / "peers")
    add("--peers", type=Path, default=PEERS, help="the peers' virtual environment, made where it is not there")
    add("--as-they-are", action="store_true", help="take that environment as it is, and install nothing")
    add("--torch", default="torch==2.13.*", help="what to install as PyTorch")
    add("--smoke", action="store_true", help="each part at its smallest, to see that it runs; its numbers mean nothing")
    add("--plan", action="store_true", help="say what would be measured and about how long it takes; measure nothing")
    add("--report-only", action="store_true", help="write README.md again from peers.json")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(plan.PARTS):
        parser.error(f"argument PART: unknown {sorted(unknown)[0]!r}: there are {', '.join(plan.PARTS)}")
    options.parts = options.parts or list(plan.PARTS)
    return options


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number greater than 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
