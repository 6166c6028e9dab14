"""Write figures and the results in README.md from the runs that are packed in runs/, or from a results directory.

    .venv/bin/python reproduction/width/collect.py [results/width]

Networks are compared by the seeds that all of them have.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rows import LINES, Row, at_learning_rates, common, gathered, panels, run_seconds, track
from tables import results
from widths import HERE, PARTS

from sparserl import persistence
from sparserl.cli import scripts
from sparserl.report import markdown
from sparserl.report.figures import write_png
from sparserl.report.figures.tracked import draw_tracks
from sparserl.report.tracks import Track, Tracks

PACKED = HERE / "runs"  # a pack for each part
TITLE = "Width, with the same number of live weights"
OF_WIDTHS = "Returns by live weights, a line for each width"


def rates() -> tuple[dict[str, Mapping[str, Any]], list[str]]:
    """What has been measured of all parts, by the names of networks, and the processors that it was measured on."""
    paths = [HERE / f"rates_{name}.json" for name in PARTS]
    documents = [persistence.read_document(path) for path in paths if path.exists()]
    processors = dict.fromkeys(persistence.processor_name(document["machine"]) for document in documents)
    return {row["name"]: row for document in documents for row in document["rows"]}, list(processors)


def along(rows: Sequence[Row], place: Callable[[Row], Any]) -> Tracks:
    """A panel for each environment and number of live weights, a line for each method."""
    made: dict[str, dict[str, Track]] = {}
    for panel, own in panels(rows).items():
        tracks = {name: track(own, method, place) for name, (method, *_) in LINES.items()}
        made[panel] = {name: each for name, each in tracks.items() if each is not None}
    return made


def along_live_weights(rows: Sequence[Row]) -> tuple[Tracks, dict[str, Mapping[str, Any]]]:
    """A panel for each environment and method, a line for each width; of parts with several levels."""
    made: dict[str, dict[str, Track]] = {}
    looks: dict[str, Mapping[str, Any]] = {}
    widths = sorted({row["units"] for row in rows if row["method"] != "dense"})
    several = [part for part in PARTS.values() if len(part.levels) > 1]
    for environment in (environment for part in several for environment in part.environments):
        for name, (method, *_) in LINES.items():
            for number, width in enumerate(widths if method != "dense" else ()):
                own = [row for row in rows if (row["environment"], row["units"]) == (environment, width)]
                if (line := track(own, method, lambda row: row["live_weights"])) is not None:
                    made.setdefault(f"{environment}, {name}", {})[f"{width:,} units"] = line
                shade = 0.75 - 0.7 * number / max(len(widths) - 1, 1)
                looks[f"{width:,} units"] = {"color": (shade, shade * 0.6, 0.6), "marker": "osD^v"[number % 5]}
    return made, {name: {**look, "linestyle": "-"} for name, look in looks.items()}


def show(rows: Sequence[Row], with_other_learning_rates: Sequence[Row]) -> None:
    """Write all figures, and the results in README.md."""
    measured, processors = rates()
    looks = {name: {"color": colour, "marker": mark, "linestyle": "-"} for name, (_, colour, mark) in LINES.items()}
    notes = ["biases are not among live weights: a wider network has more of them"]
    draw = lambda name, tracks, what, look, said, base=10, title=TITLE: write_png(
        draw_tracks(f"width_{name}", title, tracks, what, look, said, "final return", base), HERE
    )
    draw("units", along(rows, lambda row: row["units"]), "units of each hidden layer", looks, notes, 2)
    by_live_weights, of_widths = along_live_weights(rows)
    if by_live_weights:
        draw("live_weights", by_live_weights, "live weights", of_widths, notes, title=OF_WIDTHS)
    known = [row for row in rows if run_seconds(row, measured) is not None]
    if known:
        seconds = along(known, lambda row: run_seconds(row, measured))
        said = [*notes, "seconds of training of a whole run; along a line networks become wider"]
        draw("seconds", seconds, "seconds of a run on one core", looks, said)
    markdown.fill(HERE / "README.md", "results", results(rows, with_other_learning_rates, measured, processors))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, nargs="?", default=PACKED, help="the results directory of the studies")
    parser.add_argument("--scale", choices=("smoke", "quick", "paper"), default="quick")
    given = parser.parse_args()
    show(common(gathered(given.directory, given.scale)), at_learning_rates(given.directory, given.scale))


if __name__ == "__main__":
    sys.exit(scripts.run(main))
