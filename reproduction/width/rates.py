"""Measure how many steps a second networks of every width train on one core, into rates_PART.json beside this file.

    .venv/bin/python reproduction/width/rates.py dqn        # and minatar, sac

Run it on an idle machine. Every network of the study is measured as it is trained, and networks with a static topology
once more with masked kernels, as others do sparse training: dense arrays with zeros, whose cost is that of the width.
Of these only `--most-seconds` are trained; no whole run of them is ever needed.
"""

import argparse
import sys

from widths import HERE, PARTS, cells, experiment

from sparserl import persistence
from sparserl.bench.pace import PaceOptions
from sparserl.bench.rates import RateOptions, measured
from sparserl.cli import scripts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--processes", type=int, help="how many measure at once; by default one on every core")
    parser.add_argument("--num-steps", type=int, default=6_000, help="of the short run that is measured")
    parser.add_argument("--replay-steps", type=int, default=20_000)
    parser.add_argument("--most-seconds", type=float, default=60.0, help="that a short run is measured for")
    parser.add_argument("--only", default="", help="measure those whose name has this in it, as ', 256 units'")
    given = parser.parse_args()
    pace = PaceOptions(given.num_steps, given.replay_steps, given.most_seconds)
    options, part = RateOptions(given.repeats, given.processes, pace), PARTS[given.part]
    experiments = {cell.name: experiment(part, cell) for cell in cells(part)}
    masked = {
        f"{cell.name}, masked": experiment(part, cell, storage="masked")
        for cell in cells(part)
        if cell.method == "static" and cell.level == part.levels[0] and cell.environment == part.environments[0]
    }
    wanted = {name: each for name, each in {**experiments, **masked}.items() if given.only in name}
    for document in measured(wanted, options, lambda line: print(line, flush=True)):
        persistence.write_document(HERE / f"rates_{part.name}.json", document)


if __name__ == "__main__":
    sys.exit(scripts.run(main))
