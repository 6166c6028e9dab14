"""Gather the finished runs of `run.py` into the evidence kept here: Parquet, a figure, a table.

`python reproduction/mujoco_first_light/collect.py RUNS`; what was gathered before stays, unless it was run again.
"""

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sparserl import persistence, report
from sparserl.training import EvaluationSettings

HERE = Path(__file__).parent


def finished_rows(directory: Path) -> list[dict[str, Any]]:
    """Every evaluation of every finished run."""
    return [
        row
        for status in sorted(directory.glob("*/seed=*/status.json"))
        if persistence.read_status(status.parent).status == "finished"
        for row in persistence.read_evaluations(status.parent).to_pylist()
    ]


def merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows of both; where a run is in both, those of the new one."""
    run = lambda row: (row["environment"], row["method"], row["seed"])
    again = {run(row) for row in new}
    kept = [row for row in old if run(row) not in again]
    return sorted(kept + new, key=lambda row: (*run(row), row["environment_steps"]))


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: the mean final return of each network, its 95 % bootstrap interval over seeds, how many there are."""
    runs = defaultdict(list)
    for row in rows:
        runs[row["environment"], row["method"], row["seed"]].append(row["mean_return"])
    finals = defaultdict(list)
    for (environment, method, _), returns in runs.items():
        finals[environment, method].append(EvaluationSettings().final_return(returns))
    lines = ["| environment | network | final return | 95 % interval | seeds |", "|---|---|---|---|---|"]
    for (environment, method), values in sorted(finals.items()):
        low, high = report.bootstrap_interval(np.array(values), seed=0)
        interval = f"{low:,.0f} to {high:,.0f}"
        lines.append(f"| {environment} | {method} | {np.mean(values):,.0f} | {interval} | {len(values)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write evaluations.parquet, curves.png and results.md beside this file."""
    kept = HERE / "evaluations.parquet"
    rows = merged(pq.read_table(kept).to_pylist() if kept.exists() else [], finished_rows(Path(sys.argv[1])))
    pq.write_table(pa.Table.from_pylist(rows), kept, compression="zstd", write_page_checksum=True)
    report.learning_curves(rows, HERE / "curves.png", title="SAC, preset sb3")
    (HERE / "results.md").write_text(table(rows))
    print((HERE / "results.md").read_text())


if __name__ == "__main__":
    main()
