"""Gather the finished runs of `minatar.py`, and Pong's however far it is, into the evidence kept here.

`python reproduction/pixels_first_light/collect.py RUNS ...`: results directories. Writes Parquet, figures and a table.
Plays every policy of MinAtar that is there: as in training; as published returns are, with epsilon 0.1 over six
actions; and under noise on what it sees.
"""

import dataclasses
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sparserl import persistence, report, training
from sparserl.agents.dqn import DQN, DQNState
from sparserl.environments.minatar.environment import GAMES
from sparserl.experiment import live_parameters, make_environment, rebuild, under_noise
from sparserl.training import EvaluationSettings
from sparserl.types import Array, Key

HERE = Path(__file__).parent
DEVIATIONS = (0, 5, 10, 15, 20, 25, 30, 45, 60)
NUM_EPISODES = 100
EPSILON, NUM_ACTIONS = 0.1, 6  # with which MinAtar's authors play; in every game the same, of which some do nothing
# By frames; read off the learning curves of github.com/kenjyoung/MinAtar (DQN, mean of 30 seeds) to about 3 %.
PUBLISHED = {
    "MinAtar/Breakout-v1": {1_000_000: 9.0, 2_000_000: 9.7, 5_000_000: 10.0},
    "MinAtar/Asterix-v1": {1_000_000: 7.0, 2_000_000: 14.0, 5_000_000: 17.0},
}


class OfAllActions(DQN):
    """The same learner, whose random actions are of MinAtar's six: those that a game does not heed do nothing."""

    def _epsilon_greedy(self, key: Key, epsilon: Array, state: DQNState, observation: Array) -> Array:
        coin_key, action_key = jax.random.split(key)
        greedy = self.network.apply(state.groups["q"].params["q"], observation).argmax(-1)
        heeded = GAMES[self.spec.identifier].actions
        place = jnp.array([heeded.index(action) if action in heeded else 0 for action in range(NUM_ACTIONS)])
        random = place[jax.random.randint(action_key, greedy.shape, 0, NUM_ACTIONS)]
        return jnp.where(jax.random.bernoulli(coin_key, epsilon, greedy.shape), random, greedy).astype(jnp.int32)


class Played(NamedTuple):
    """A run, its evaluations in training, its return as published ones are, and its returns under noise."""

    environment: str
    network: str
    parameters: int
    frames: int
    rows: list[dict[str, Any]]
    explored: float
    noise: dict[str, Any]  # as `sparserl evaluate --json` has it


def played(run: Path) -> Played:
    """All that is told of one finished run."""
    experiment, built, state = rebuild(run)
    small = experiment.method_name == "dense" and experiment.network.width < 1
    network = "dense, as many parameters" if small else experiment.method_name
    key, evaluation = jax.random.key(0), experiment.evaluation
    settings = dataclasses.replace(evaluation, num_episodes=NUM_EPISODES)
    environment = make_environment(experiment, NUM_EPISODES)
    agent = built.agent
    exploring = OfAllActions(
        dataclasses.replace(agent.settings, evaluation_epsilon=EPSILON), agent.spec, agent.network, agent.optimizer
    )
    explored = training.evaluator(exploring, environment, evaluation.max_episode_steps)(key, state)
    seen = under_noise(built.agent, state, environment, settings, key, DEVIATIONS)
    own = {"agent": "dqn", "method": network, "sparsity": experiment.sparsity, "environment": experiment.environment}
    own |= _version(run)
    noise = {
        **own,
        "seed": int(run.name.removeprefix("seed=")),
        "rows": [
            {"observation_noise": deviation, "mean_return": float(np.mean(found.returns))}
            for deviation, found in zip(DEVIATIONS, seen, strict=True)
        ],
    }
    rows = [{**row, **own, "experiment_id": network} for row in persistence.read_evaluations(run).to_pylist()]
    parameters = sum(live_parameters(experiment).values())
    mean = float(np.mean(explored.returns))
    return Played(experiment.environment, network, parameters, experiment.total_steps, rows, mean, noise)


def _version(run: Path) -> dict[str, int]:
    return {"results_version": persistence.read_experiment(run.parent)["choices"]["results_version"]}


def table(runs: list[Played]) -> str:
    """Markdown: the final return of each network, over seeds, beside the published one."""
    heads = (
        "game", "network", "parameters", "final return", "95 % interval", "as published", "95 % interval",
        "published", "seeds",
    )  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    groups = defaultdict(list)
    for run in runs:
        groups[run.environment, run.network].append(run)
    for (environment, network), members in sorted(groups.items()):
        finals = [EvaluationSettings().final_return([row["mean_return"] for row in run.rows]) for run in members]
        numbers = [_with_interval(np.array(values)) for values in (finals, [run.explored for run in members])]
        published = PUBLISHED[environment].get(members[0].frames, "")
        of_all = (
            f"{members[0].parameters:,}",
            *numbers,
            f"{published if network == 'dense' else ''}",
            f"{len(members)}",
        )
        lines.append(f"| {' | '.join((environment, network, *of_all))} |")
    return "\n".join(lines) + "\n"


def _with_interval(values: np.ndarray) -> str:
    low, high = report.mean_interval(values)
    return f"{values.mean():.2f} | {low:.2f} to {high:.2f}"


def main() -> None:
    """Write evaluations.parquet, noise.parquet, pong.parquet, their figures and results.md beside this file."""
    folders = sorted(status.parent for words in sys.argv[1:] for status in Path(words).glob("*/seed=*/status.json"))
    on_atari = [folder for folder in folders if "-atari-" in folder.parent.name]
    pong = [
        {**row, **_version(folder)} for folder in on_atari for row in persistence.read_evaluations(folder).to_pylist()
    ]
    runs = [
        played(folder)
        for folder in folders
        if folder not in on_atari and persistence.read_status(folder).status == "finished"
    ]
    rows = [row for run in runs for row in run.rows]
    noise = [{**run.noise, **row} for run in runs for row in run.noise["rows"]]
    for name, kept in (("evaluations", rows), ("noise", noise), ("pong", pong)):
        plain = [{key: value for key, value in row.items() if key != "rows"} for row in kept]
        pq.write_table(
            pa.Table.from_pylist(plain), HERE / f"{name}.parquet", compression="zstd", write_page_checksum=True
        )
    if pong:
        report.learning_curves(pong, HERE / "pong.png", title="DQN on Pong, frames and rewards of Atari")
    report.learning_curves(rows, HERE / "curves.png", title="DQN on MinAtar")
    report.noise_curves([run.noise for run in runs], HERE / "noise.png", title="DQN on MinAtar under observation noise")
    (HERE / "results.md").write_text(table(runs))
    print(table(runs))


if __name__ == "__main__":
    main()
