"""Write figures and the results in README.md from the runs that are packed in runs/, or from a results directory.

    .venv/bin/python reproduction/return_against_seconds/collect.py [results/seconds]

Networks are compared by the seeds that all of them have.
"""

import argparse
import sys
from pathlib import Path

from rows import gathered, tracks
from six_networks import HERE, LOOKS, read
from tables import Evidence, results

from sparserl.bench.clock import Clock
from sparserl.cli import scripts
from sparserl.report import markdown
from sparserl.report.figures import write_png
from sparserl.report.figures.tracked import draw_tracks
from sparserl.report.tracks import common_seeds, of_seeds
from sparserl.study import Scale

PACKED = HERE / "runs"
TITLE = "SAC, trained for the same seconds on one core"


def evidence(directory: Path, scale: Scale) -> Evidence:
    """The runs of a results directory, and what is kept beside this file."""
    rows = gathered(directory, scale)
    totals = read("totals.json", "totals.py beside it makes it of rates.json")
    clocks = {
        (environment, network): Clock.of(cell)
        for environment, cells in totals["cells"].items()
        for network, cell in cells.items()
    }
    along_steps, along_seconds = (tracks(rows, along, clocks) for along in ("steps", "seconds"))
    seeds = common_seeds(along_seconds)
    return Evidence(
        rows,
        of_seeds(along_steps, seeds),
        of_seeds(along_seconds, seeds),
        read("rates.json", "rates.py beside it measures"),
        read("learning_rates.json", "choose.py beside it makes it of the study learning_rates"),
    )


def show(told: Evidence) -> None:
    """Write both figures, and the results in README.md."""
    notes = (
        "seconds: of training, from rates measured on an idle machine; evaluating and compiling are not among them",
        "topologies change by shares of each network's own run",
    )
    for name, along, shown in (
        ("return_against_seconds", "seconds of training on one core", told.along_seconds),
        ("return_against_steps", "environment steps", told.along_steps),
    ):
        write_png(draw_tracks(name, TITLE, shown, along, LOOKS, notes), HERE)
    markdown.fill(HERE / "README.md", "results", results(told))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, nargs="?", default=PACKED, help="the results directory of the study")
    parser.add_argument("--scale", choices=("smoke", "quick", "paper"), default="quick")
    given = parser.parse_args()
    show(evidence(given.directory, given.scale))


if __name__ == "__main__":
    sys.exit(scripts.run(main))
