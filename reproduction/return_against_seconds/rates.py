"""Measure how many steps a second each of the six networks trains on one core, into rates.json beside this file.

    .venv/bin/python reproduction/return_against_seconds/rates.py

Run it on an idle machine; it takes about 20 minutes on two cores. As many processes measure at once as there are cores,
because `sparserl study run` trains as many. Each trains a whole short run, so that the cost of pruning, which falls
along its schedule, is measured all along it; the replay holds 100,000 steps from the beginning. Compiling, evaluating
and laying networks out anew are told apart. What has been measured is written after every round.
"""

import argparse
import sys

from six_networks import ENVIRONMENTS, NETWORKS, experiment, label, write

from sparserl.bench.pace import PaceOptions
from sparserl.bench.rates import RateOptions, measured
from sparserl.cli import scripts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, help="how many measure at once; by default one on every core")
    parser.add_argument("--num-steps", type=int, default=12_000, help="of the short run that is measured")
    parser.add_argument("--replay-steps", type=int, default=100_000)
    given = parser.parse_args()
    options = RateOptions(given.repeats, given.processes, PaceOptions(given.num_steps, given.replay_steps))
    experiments = {
        label(network.name, environment): experiment(network, environment, 100_000)
        for network in NETWORKS
        for environment in ENVIRONMENTS
    }
    for document in measured(experiments, options, lambda line: print(line, flush=True)):
        write("rates.json", document)


if __name__ == "__main__":
    sys.exit(scripts.run(main))
