"""Choose the learning rate of each network from the study learning_rates, into learning_rates.json with the whole grid.

    .venv/bin/python reproduction/return_against_seconds/choose.py results/seconds

The one with the highest mean final return over seeds counts, for both environments. `--untuned` in place of a results
directory writes the preset's own for all, and says so wherever results are shown.
"""

import argparse
import statistics
import sys
from pathlib import Path

from learning_rates import ENVIRONMENT, tuned
from six_networks import NETWORKS, experiment, write

from sparserl.cli import scripts
from sparserl.errors import UserError
from sparserl.experiment import RESULTS_VERSION
from sparserl.report.runs import read_results

Returns = dict[int, float | None]  # by seed; None of one that has diverged


def grid(directory: Path, scale: str) -> dict[str, dict[float, Returns]]:
    """The final returns of each network with each learning rate. Raises UserError where runs are missing."""
    runs = read_results(directory).runs
    found = {
        network.name: {
            rate: {
                run.id.seed: run.final_return
                for run in runs
                if run.id.experiment == each.identifier and run.status and run.status.status in ("finished", "diverged")
            }
            for rate, each in tuned(network, scale).items()
        }
        for network in NETWORKS
    }
    counts = {len(returns) for of_rate in found.values() for returns in of_rate.values()}
    if counts == {0} or len(counts) > 1:
        few = [
            f"{name} at {rate:g}" for name, of in found.items() for rate, each in of.items() if len(each) < max(counts)
        ]
        raise UserError(f"seeds are missing, of {', '.join(few[:3]) or 'all'}: `sparserl study resume` goes on")
    return found


def best(of_rate: dict[float, Returns]) -> float:
    """The rate with the highest mean; one of which a seed has diverged has none."""
    means = {
        rate: statistics.fmean(returns.values()) for rate, returns in of_rate.items() if None not in returns.values()
    }
    if not means:
        raise UserError("every learning rate of a network has diverged")
    return max(means, key=means.__getitem__)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("directory", type=Path, nargs="?", help="the results directory of the study learning_rates")
    place.add_argument("--untuned", action="store_true", help="the preset's rate for all networks")
    parser.add_argument("--scale", choices=("smoke", "quick", "paper"), default="quick")
    given = parser.parse_args()
    if given.untuned:
        usual = experiment(NETWORKS[0], ENVIRONMENT, 100_000).optimizer.learning_rate
        chosen, returns = {network.name: usual for network in NETWORKS}, {}
    else:
        found = grid(given.directory, given.scale)
        chosen = {name: best(of_rate) for name, of_rate in found.items()}
        returns = {
            name: {f"{rate:g}": list(each.values()) for rate, each in of_rate.items()}
            for name, of_rate in found.items()
        }
    document = {
        "results_version": RESULTS_VERSION,
        "environment": ENVIRONMENT,
        "chosen": chosen,
        "final_returns": returns,
    }
    write("learning_rates.json", document)
    for name, rate in chosen.items():
        print(f"{name:<26} {rate:g}")


if __name__ == "__main__":
    sys.exit(scripts.run(main))
