"""From rates.json and a number of minutes to totals.json: how many steps each network trains for.

    .venv/bin/python reproduction/return_against_seconds/totals.py --minutes 4

totals.json decides the experiments of the study, so that they are the same on every machine; it is kept beside them.
"""

import argparse
import sys

from six_networks import ENVIRONMENTS, NETWORKS, experiment, label, read, write

from sparserl.bench.clock import Clock
from sparserl.cli import scripts
from sparserl.errors import UserError


def totals(rates: dict, minutes: float) -> dict:
    """The document: steps, and the clock that they follow from, by environment and network."""
    if not minutes > 0:
        raise UserError("it must be greater than 0", field="minutes", value=minutes)
    rows = {row["name"]: row for row in rates["rows"]}
    cells = {}
    for environment in ENVIRONMENTS:
        for network in NETWORKS:
            row = rows[label(network.name, environment)]
            warmup_steps = experiment(network, environment, 100_000).agent.warmup_steps
            steps = Clock.of(row).total_steps(60 * minutes, warmup_steps)
            cell = {"total_steps": steps, "warmup_steps": warmup_steps, "step_seconds": row["step_seconds"]}
            cells.setdefault(environment, {})[network.name] = cell
    known = {name: rates[name] for name in ("results_version", "machine")}
    return {**known, "minutes": minutes, "cells": cells}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=4.0, help="of training, for each run on one core")
    given = parser.parse_args()
    document = totals(read("rates.json", "rates.py beside it measures"), given.minutes)
    write("totals.json", document)
    for environment, cells in document["cells"].items():
        for name, cell in cells.items():
            print(f"{environment:<15} {name:<26} {cell['total_steps']:>9,} steps")


if __name__ == "__main__":
    sys.exit(scripts.run(main))
