"""Gather the runs of the study into evaluations.parquet, and write figures and the results in README.md from that.

    .venv/bin/python reproduction/return_against_seconds/collect.py results/seconds

Without a results directory, from the rows that are kept here. Networks are compared by the seeds that all of them have.
"""

import argparse
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rows import gathered, tracks
from six_networks import HERE, LOOKS, read
from tables import Evidence, results

from sparserl.bench.clock import Clock
from sparserl.cli import scripts
from sparserl.errors import UserError
from sparserl.report import markdown
from sparserl.report.figures import write_png
from sparserl.report.figures.tracked import draw_tracks
from sparserl.report.tracks import common_seeds, of_seeds

KEPT = HERE / "evaluations.parquet"
TITLE = "SAC, trained for the same seconds on one core"


def evidence() -> Evidence:
    """What is kept beside this file."""
    if not KEPT.exists():
        raise UserError(f"{KEPT} is not there: give the results directory of the study")
    rows = pq.read_table(KEPT).to_pylist()
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
    parser.add_argument("directory", type=Path, nargs="?", help="the results directory of the study")
    parser.add_argument("--scale", choices=("smoke", "quick", "paper"), default="quick")
    given = parser.parse_args()
    if given.directory is not None:
        rows = pa.Table.from_pylist(gathered(given.directory, given.scale))
        pq.write_table(rows, KEPT, compression="zstd", write_page_checksum=True)
    show(evidence())


if __name__ == "__main__":
    sys.exit(scripts.run(main))
