"""The paper's grids, which its figures share, at three scales: as published, cut to hours, cut to minutes.

The figures are images that our source lacks, so grids are as the text and the number of runs tell (reference, section
9).
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from sparserl.environments import ATARI_15 as ATARI_15
from sparserl.experiment import Experiment
from sparserl.presets import PresetName
from sparserl.study.grids import SPARSE_METHODS, distinct, full_dense, grid, identifiers
from sparserl.study.studies import Figure, Scale, Study

AgentName = Literal["dqn", "sac", "ppo"]
Pixels = Literal["cnn", "resnet"]
T = TypeVar("T")

CLASSIC = ("CartPole-v1", "Acrobot-v1", "MountainCar-v0")
# Deviation 56.
FIGURE_2 = ("HalfCheetah-v5", "Walker2d-v5", "Humanoid-v5")
FIGURE_9 = ("Hopper-v5", "Ant-v5")
MUJOCO = (*FIGURE_2, *FIGURE_9)
SENSITIVITY = ("Walker2d-v5",)  # the paper names no environment for figures 4 and 13: the one of its sweeps
SENSITIVITY_SPARSITY = (0.8,)  # figures 4 and 13
SPARSITIES = (0.5, 0.8, 0.9, 0.95)
HIGHEST = 0.99
LEFT_OUT: Mapping[tuple[str, str], tuple[float, ...]] = {  # where most of what is left alive are biases (Deviation 58)
    ("sac", "Humanoid-v5"): (HIGHEST,),
    ("sac", "Ant-v5"): (HIGHEST,),
    ("ppo", "Humanoid-v5"): (0.95, HIGHEST),
    ("ppo", "Ant-v5"): (HIGHEST,),
}
FIGURE_2_GAMES = ATARI_15[:3]  # MsPacman, Pong and Qbert
STAND_INS = ("MinAtar/Breakout-v1", "MinAtar/Asterix-v1")  # for Atari at the scales that a CPU can do
ATARI_SEEDS = (2, 3, 9)  # smoke, quick, paper: the captions of figures 17 and 18

_SMOKE: dict[AgentName, dict[str, Any]] = {
    "dqn": {
        "total_steps": 600,
        "agent.warmup_steps": 100,
        "agent.replay_capacity_steps": 600,
        "evaluation.interval_steps": 300,
        "evaluation.num_episodes": 2,
        "method.window.interval_updates": 50,
    },
    "sac": {
        "total_steps": 400,
        "agent.warmup_steps": 100,
        "agent.replay_capacity_steps": 400,
        "evaluation.interval_steps": 200,
        "evaluation.num_episodes": 2,
        "method.window.interval_updates": 50,
    },
    "ppo": {
        "total_steps": 4_096,
        "evaluation.interval_steps": 2_048,
        "evaluation.num_episodes": 2,
        "method.window.interval_updates": 50,
    },
}
_SMOKE_PIXELS: dict[str, Any] = {
    "total_steps": 300,
    "agent.warmup_steps": 100,
    "agent.replay_capacity_steps": 300,
    "evaluation.interval_steps": 150,
    "evaluation.num_episodes": 2,
    "evaluation.max_episode_steps": 200,
    "method.window.interval_updates": 50,
}
_QUICK_PIXELS: dict[str, Any] = {
    "total_steps": 300_000,
    "agent.steps_per_update": 4,  # as on Atari; on MinAtar it is 1
    "evaluation.interval_steps": 30_000,
    "method.window.interval_updates": 1_000,
}
_QUICK: dict[AgentName, dict[str, Any]] = {
    "dqn": {},  # published runs of DQN and PPO take minutes: fewer of them are enough, and of evaluations
    "sac": {
        "total_steps": 100_000,
        "agent.replay_capacity_steps": 100_000,
        "evaluation.num_episodes": 5,
    },
    "ppo": {"evaluation.interval_steps": 20_000, "evaluation.num_episodes": 10},
}
_NUM_SEEDS = {"dqn": (2, 5, 10), "sac": (2, 3, 10), "ppo": (2, 5, 9)}  # smoke, quick, paper (Deviation 57)


def at(scale: Scale, smoke: T, quick: T, paper: T) -> T:
    """Which of three belongs to a scale."""
    return {"smoke": smoke, "quick": quick, "paper": paper}[scale]


def num_seeds(agent: AgentName, scale: Scale) -> int:
    """Seeds of the agent's figures: 10, PPO 9, as the captions of figures 15 and 16 have it."""
    return at(scale, *_NUM_SEEDS[agent])


def length(agent: AgentName, scale: Scale) -> dict[str, Any]:
    """The choices that shorten runs; none at scale paper."""
    return at(scale, _SMOKE[agent], _QUICK[agent], {})


def environments(scale: Scale, names: Sequence[str]) -> tuple[str, ...]:
    """One of them, two of them (of classic control all), all of them."""
    few = len(names) if tuple(names) == CLASSIC else 2
    return tuple(at(scale, names[:1], names[:few], names))


def sparsities(scale: Scale, values: Sequence[float]) -> tuple[float, ...]:
    """90 % alone, those from 90 % on, all of them; a single one as it is."""
    kept = at(scale, (0.9,), (0.9, 0.95, HIGHEST), tuple(values))
    return tuple(value for value in values if value in kept) or tuple(values[:1])


def main_grid(
    agent: AgentName, scale: Scale, names: Sequence[str], values: Sequence[float], **choices: Any
) -> tuple[Experiment, ...]:
    """Four sparse methods beside dense networks: the part of the agent's grid with these environments and sparsities.

    `choices` are those of `grid`, the preset among them, here and below. What the captions of figures 15 and 16 leave
    out, no figure with ERK has: 99 % of Ant and Humanoid, for PPO 95 % of Humanoid.
    """
    experiments: list[Experiment] = []
    for name in environments(scale, names):
        left_out = () if choices.get("distribution") == "uniform" else LEFT_OUT.get((agent, name), ())
        kept = [value for value in sparsities(scale, values) if value not in left_out]
        experiments += part(agent, scale, name, kept, **choices)
    return distinct(experiments)


def part(
    agent: AgentName,
    scale: Scale,
    environment: str,
    values: Sequence[float],
    methods: Sequence[str] = SPARSE_METHODS,
    **choices: Any,
) -> tuple[Experiment, ...]:
    """A grid on one environment with runs as long as the scale has them; `choices` win over these."""
    return grid(
        agent, environments=(environment,), sparsities=values, methods=methods, **{**length(agent, scale), **choices}
    )


def pixels(
    network: Pixels, scale: Scale, games: Sequence[str], values: Sequence[float], **choices: Any
) -> tuple[Experiment, ...]:
    """The part of DQN's grid with these Atari games: four sparse methods beside dense networks.

    Smoke and quick play MinAtar instead: Breakout, at quick with a CNN Asterix, too. Smoke halves the ResNet's blocks.
    """
    names, own = _pixels(network, scale, games)
    return grid("dqn", environments=names, sparsities=sparsities(scale, values), **own, **choices)


def full_pixels(network: Pixels, scale: Scale, games: Sequence[str], **choices: Any) -> tuple[Experiment, ...]:
    """The dense networks of full size of `pixels`, alone."""
    names, own = _pixels(network, scale, games)
    return full_dense("dqn", names, **own, **choices)


def _pixels(network: Pixels, scale: Scale, games: Sequence[str]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """What is played at a scale, and the choices that shorten its runs."""
    names = at(scale, STAND_INS[:1], STAND_INS[: 2 if network == "cnn" else 1], tuple(games))
    smaller = {"network.num_blocks": 1} if network == "resnet" else {}  # a minute for all runs, not two
    shorter: dict[str, Any] = at(scale, {**_SMOKE_PIXELS, **smaller}, _QUICK_PIXELS, {})
    return names, {"network": network, **shorter}


def games(scale: Scale, published: str = "Atari") -> str:
    """Where the runs of `pixels` play, in words."""
    return at(scale, "MinAtar", "MinAtar", published)


def human_normalized(name: str, title: str, columns: str) -> Figure:
    """Bars over all games: interquartile means of human-normalized returns, as `report.over_games` has them."""
    return Figure(name, title, "bars", x="method", y="human_normalized_return", columns=columns, lines="")


def signal_to_noise(agent: AgentName, scale: Scale, names: Sequence[str], preset: PresetName) -> tuple[Experiment, ...]:
    """What figure 5 shows of an agent: RigL, whose growth gradients decide, and dense networks."""
    values = sparsities(scale, SPARSITIES)
    parts = (part(agent, scale, name, values, ("rigl",), preset=preset) for name in names)
    return distinct(itertools.chain.from_iterable(parts))


def recorded(agent: AgentName, scale: Scale, study: Study) -> Study:
    """The study with diagnostics of what figure 5 shows of an agent, so that they are there whoever trains it first.

    At smoke without: compiling them takes longer than such a run.
    """
    if scale == "smoke":
        return study
    shown = environments(scale, CLASSIC if agent == "dqn" else MUJOCO)
    names = [name for name in shown if any(experiment.environment == name for experiment in study.experiments)]
    known = set(signal_to_noise(agent, scale, names, study.preset or "paper"))
    shared = [experiment for experiment in study.experiments if experiment in known]
    return dataclasses.replace(study, diagnostics=identifiers(shared))


def published_dense(scale: Scale, names: Sequence[str], preset: PresetName) -> tuple[Experiment, ...]:
    """SAC's dense networks of full size, whose returns MuJoCo's are divided by in figures over environments."""
    return full_dense("sac", environments(scale, names), preset, **length("sac", scale))
