"""Gather the finished runs of `run.py` and of `peer.py` into the evidence kept here: Parquet, figures, tables.

`python reproduction/mujoco_first_light/collect.py RUNS [PEERS]`: RUNS is the output folder of `run.py`, PEERS a folder
with the Parquet files of `peer.py`. What was gathered before stays, unless it was run again.
"""

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.stats

from sparserl import persistence, report
from sparserl.training import EvaluationSettings

HERE = Path(__file__).parent
PEERS = {"sac": "dense (SBX)", "ppo": "dense (Stable-Baselines3)"}
TITLES = {"sac": "SAC, preset sb3", "ppo": "PPO, preset sb3"}
Key = tuple[str, str, str]  # agent, environment, method


def our_rows(directory: Path) -> list[dict[str, Any]]:
    """Every evaluation of every finished run, with the version of results that it was made by; a peer's has none."""
    version = lambda run: persistence.read_experiment(run.parent)["choices"]["results_version"]
    return [
        {**row, "results_version": version(status.parent)}
        for status in sorted(directory.glob("*/seed=*/status.json"))
        if persistence.read_status(status.parent).status == "finished"
        for row in persistence.read_evaluations(status.parent).to_pylist()
    ]


def peer_rows(directory: Path) -> list[dict[str, Any]]:
    """The peers' evaluations in the same columns."""
    columns = ("agent", "environment", "seed", "environment_steps", "mean_return", "num_episodes")
    rows = [row for path in sorted(directory.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    return [
        {**{name: row[name] for name in columns}, "method": PEERS[row["agent"]], "sparsity": 0.0, "experiment_id": ""}
        for row in rows
    ]


def merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows of both; where a run is in both, those of the new one."""
    run = lambda row: (row["agent"], row["environment"], row["method"], row["seed"])
    again = {run(row) for row in new}
    kept = [row for row in old if run(row) not in again]
    return sorted(kept + new, key=lambda row: (*run(row), row["environment_steps"]))


def finals(rows: list[dict[str, Any]]) -> dict[Key, np.ndarray]:
    """The final return of every seed: the mean over the last tenth of its evaluations."""
    runs = defaultdict(list)
    for row in rows:
        runs[row["agent"], row["environment"], row["method"], row["seed"]].append(row["mean_return"])
    found = defaultdict(list)
    for (*key, _), returns in runs.items():
        found[tuple(key)].append(EvaluationSettings().final_return(returns))
    return {key: np.array(values) for key, values in sorted(found.items())}


def scores(found: dict[Key, np.ndarray]) -> str:
    """Markdown: the mean final return of each network, its 95 % t-interval over seeds, how many there are."""
    lines = ["| agent | environment | network | final return | 95 % interval | seeds |", "|---|---|---|---|---|---|"]
    for (agent, environment, method), values in found.items():
        low, high = report.mean_interval(values)
        numbers = f"{values.mean():,.0f} | {low:,.0f} to {high:,.0f} | {len(values)}"
        lines.append(f"| {agent} | {environment} | {method} | {numbers} |")
    return "\n".join(lines) + "\n"


def comparison(found: dict[Key, np.ndarray]) -> str:
    """Markdown: our networks over the peer's dense one, the difference with its interval (Welch's)."""
    heads = "| agent | environment | network | ours / peer | ours - peer | 95 % interval |"
    lines = [heads, "|---|---|---|---|---|---|"]
    for (agent, environment, method), values in found.items():
        peer = found.get((agent, environment, PEERS[agent]))
        if peer is None or method == PEERS[agent]:
            continue
        low, high = scipy.stats.ttest_ind(values, peer, equal_var=False).confidence_interval(0.95)
        numbers = f"{values.mean() / peer.mean():.2f} | {values.mean() - peer.mean():,.0f} | {low:,.0f} to {high:,.0f}"
        lines.append(f"| {agent} | {environment} | {method} | {numbers} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write evaluations.parquet, curves-AGENT.png and results.md beside this file."""
    kept = HERE / "evaluations.parquet"
    new = our_rows(Path(sys.argv[1])) + (peer_rows(Path(sys.argv[2])) if len(sys.argv) > 2 else [])
    rows = merged(pq.read_table(kept).to_pylist() if kept.exists() else [], new)
    names = sorted({name for row in rows for name in row})
    complete = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows])
    pq.write_table(complete, kept, compression="zstd", write_page_checksum=True)
    for agent, title in TITLES.items():
        # Ids changed while choices were added to experiments; what was trained did not.
        chosen = [{**row, "experiment_id": row["method"]} for row in rows if row["agent"] == agent]
        if chosen:
            report.learning_curves(chosen, HERE / f"curves-{agent}.png", title=title)
    found = finals(rows)
    (HERE / "results.md").write_text(scores(found) + "\n" + comparison(found))
    print((HERE / "results.md").read_text())


if __name__ == "__main__":
    main()
