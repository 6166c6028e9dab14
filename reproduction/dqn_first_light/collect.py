"""Gather the runs of `run.py` and the peers' into the evidence kept here: Parquet, figures, a table.

`python reproduction/dqn_first_light/collect.py RUNS [PEERS]`: RUNS is the output folder of `run.py`, PEERS a folder
with the Parquet files of `peer_sb3.py`. Only runs that have ended count; what was gathered before stays, unless it was
run again.
"""

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sparserl import persistence, report
from sparserl.training import EvaluationSettings

HERE = Path(__file__).parent
NUM_EVALUATIONS = 51
LATER_STEPS = 30_000  # exploration has ended, and every task that is learned at all is learned
SB3 = "dense (Stable-Baselines3)"
NAMES = {  # in the figures
    "rigl": {"method": "rigl", "storage": "(masked)"},
    "rigl (compressed)": {"method": "rigl", "storage": "(compressed)"},
    SB3: {"method": "Dense (Stable-Baselines3)"},
}


def our_rows(directory: Path) -> list[dict[str, Any]]:
    """Every evaluation of every finished run, with its preset, the name of its network as method, and the version of
    results that it was made by; a peer's has none.
    """
    rows = []
    for status in sorted(directory.glob("*/seed=*/status.json")):
        folder = status.parent
        if persistence.read_status(folder).status == "finished":
            planned = persistence.read_experiment(folder.parent)
            version = planned["choices"]["results_version"]
            names = {"preset": planned["preset"], "method": planned["network"], "results_version": version}
            rows += [{**row, **names} for row in persistence.read_evaluations(folder).to_pylist()]
    return rows


def peer_rows(directory: Path) -> list[dict[str, Any]]:
    """Stable-Baselines3's evaluations in the same columns."""
    columns = ("environment", "preset", "seed", "environment_steps", "mean_return")
    rows = [row for path in sorted(directory.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    known = {"agent": "dqn", "method": SB3, "sparsity": 0.0}
    return [{**known, **{name: row[name] for name in columns}} for row in rows]


def merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows of both; where a run is in both, those of the new one."""
    run = lambda row: tuple(row[name] for name in ("preset", "environment", "method", "seed"))
    again = {run(row) for row in new}
    return sorted([row for row in old if run(row) not in again] + new, key=lambda r: (*run(r), r["environment_steps"]))


class Scores(NamedTuple):
    """Of one run: the final return, the mean over the last tenth of the evaluations; the mean from `LATER_STEPS` on."""

    final: float
    later: float


def scores(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str], list[Scores]]:
    """The scores of each seed by preset, environment and method."""
    runs = defaultdict(list)
    for row in rows:
        runs[row["preset"], row["environment"], row["method"], row["seed"]].append(row)
    found = defaultdict(list)
    for (*key, _), evaluations in sorted(runs.items()):
        assert len(evaluations) == NUM_EVALUATIONS, (key, len(evaluations))
        in_order = sorted(evaluations, key=lambda row: row["environment_steps"])
        later = [row["mean_return"] for row in in_order if row["environment_steps"] >= LATER_STEPS]
        final = EvaluationSettings().final_return([row["mean_return"] for row in in_order])
        found[tuple(key)].append(Scores(final, float(np.mean(later))))
    return found


def table(found: dict[tuple[str, str, str], list[Scores]]) -> str:
    """Markdown: mean scores, the final one's 95 % t-interval over seeds, and the number of seeds."""
    heads = ("preset", "environment", "network", "final return", "95 % interval", f"from step {LATER_STEPS:,}", "seeds")
    lines = [" | ".join(("", *heads, "")).strip(), "|---" * len(heads) + "|"]
    for (preset, environment, method), values in sorted(found.items()):
        finals, later = np.array([v.final for v in values]), np.mean([v.later for v in values])
        low, high = report.mean_interval(finals)
        numbers = f"{finals.mean():.1f} | {low:.1f} to {high:.1f} | {later:.1f} | {len(values)}"
        lines.append(f"| {preset} | {environment} | {method} | {numbers} |")
    return "\n".join(lines) + "\n"


def as_drawn(row: dict[str, Any]) -> dict[str, Any]:
    """A row as the figures tell it: RigL's two storages are one method, and a network is one experiment, as in the
    table, though ids and versions changed while choices were added to experiments; what was trained did not.
    """
    one_id = {"experiment_id": f"{row['method']} {row['environment']}", "results_version": None}
    return {**row, **one_id, **NAMES.get(row["method"], {})}


def main() -> None:
    """Write evaluations.parquet, curves-PRESET.png and results.md beside this file."""
    new = our_rows(Path(sys.argv[1])) + (peer_rows(Path(sys.argv[2])) if len(sys.argv) > 2 else [])
    kept = HERE / "evaluations.parquet"
    rows = merged(pq.read_table(kept).to_pylist() if kept.exists() else [], new)
    names = sorted({name for row in rows for name in row})
    complete = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows])
    pq.write_table(complete, kept, compression="zstd", write_page_checksum=True)
    for preset in sorted({row["preset"] for row in rows}):
        chosen = [as_drawn(row) for row in rows if row["preset"] == preset]
        report.learning_curves(chosen, HERE / f"curves-{preset}.png", title=f"DQN, preset {preset}")
    (HERE / "results.md").write_text(table(scores(rows)))
    print((HERE / "results.md").read_text())


if __name__ == "__main__":
    main()
