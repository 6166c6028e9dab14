"""Normalization: returns of different environments on one scale, and what they were divided by.

Atari's by human scores; classic control between two constants; MuJoCo's by the mean final return of SAC's dense
network of full size, as in the paper; all others by that of their own agent's dense network of full size: the CNN where
there is one, so that a ResNet's lead over it is seen, and otherwise that of their own kind. The mean that is divided by
counts as known: intervals of normalized returns do not have its spread in them.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sparserl.report.runs import Run
from sparserl.report.scores import PREFIX, SCORES

Kind = Literal["human", "min-max", "dense"]


class Normalization(NamedTuple):
    """Which returns become 0 and 1; without `one` there is no normalization, and `problem` says why."""

    kind: Kind
    zero: float = 0.0
    one: float | None = None
    words: str = ""  # what is done, such as: divided by 10,234, the mean of 10 runs of ...
    num_reference_runs: int = 0  # that `one` is the mean of
    problem: str = ""
    reference: str = ""  # whose network `one` is of, where it is of another agent or network than the runs': SAC, CNN

    def __call__(self, mean_return: float | None) -> float | None:
        """The normalized return; None where there is no return or no normalization."""
        if self.one is None or mean_return is None or not math.isfinite(mean_return):
            return None
        return (mean_return - self.zero) / (self.one - self.zero)


class Ends(NamedTuple):
    """Two returns of an environment, and what is known of them."""

    low: float
    high: float
    source: str


# Gymnasium 1.3, gymnasium/envs/__init__.py and classic_control: steps at most, rewards, and thresholds of rewards.
CLASSIC_CONTROL: Mapping[str, Ends] = {
    "CartPole-v1": Ends(0.0, 500.0, "no step, and all 500 that an episode may have"),
    "Acrobot-v1": Ends(-500.0, -100.0, "all 500 steps without success, and Gymnasium's threshold of success"),
    "MountainCar-v0": Ends(-200.0, -110.0, "all 200 steps without success, and Gymnasium's threshold of success"),
}
MUJOCO_REFERENCE = "sac"
PIXELS_REFERENCE = "cnn"
_MUJOCO = re.compile(
    r"(Ant|HalfCheetah|Hopper|Humanoid|HumanoidStandup|InvertedDoublePendulum|InvertedPendulum|Pusher|Reacher|Swimmer"
    r"|Walker2d)-v\d+"
)
_OF_ONE_RUN = ("experiment_id", "seed", "role", "matches", "live_parameters", "live_macs")
_SETTINGS = ("results_version", "preset", "total_steps", "num_environments", "environment_backend", "fake_features")
_EVALUATION = "evaluation."


def normalizations(runs: Sequence[Run]) -> dict[str, Normalization]:
    """That of every experiment of `runs`, by identifier; the runs it is divided by are among them.

    A dense network stands for an experiment only where it is the single one that was trained for as long, and was
    evaluated alike. Several that differ in a hyperparameter are not pooled, nor does each stand for the experiments
    that share its value: dividing by both would hide what the hyperparameter does.
    """
    references: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        if run.columns.get("role") == "full-dense":
            references.setdefault((run.columns["agent"], run.columns["environment"]), []).append(run)
    experiments = {run.id.experiment: run.columns for run in runs}
    return {name: _normalization(columns, references) for name, columns in experiments.items()}


def _normalization(columns: Mapping[str, Any], references: Mapping[tuple[Any, ...], Sequence[Run]]) -> Normalization:
    environment, agent = str(columns["environment"]), columns["agent"]
    if environment.startswith(PREFIX):
        return _by_human(environment)
    if bounds := CLASSIC_CONTROL.get(environment):
        words = f"0 is a return of {bounds.low:g} and 1 of {bounds.high:g}: {bounds.source}"
        return Normalization("min-max", bounds.low, bounds.high, words)
    by = MUJOCO_REFERENCE if _MUJOCO.fullmatch(environment) else agent
    candidates, name = references.get((by, environment), ()), f"{str(by).upper()}'s dense network of full size"
    if by != agent:
        return _by_dense(columns, candidates, f"{name} on {environment}")._replace(reference=str(by).upper())
    of_kind = lambda kind: [run for run in candidates if run.columns.get("network_kind") == kind]
    own = columns.get("network_kind")
    if own != PIXELS_REFERENCE and (cnns := of_kind(PIXELS_REFERENCE)):
        by_cnn = _by_dense(columns, cnns, f"{name} with a CNN on {environment}")
        if by_cnn.one is not None:
            return by_cnn._replace(reference=PIXELS_REFERENCE.upper())
    return _by_dense(columns, of_kind(own), f"{name} on {environment}")


def _by_human(environment: str) -> Normalization:
    scores = SCORES.get(environment.removeprefix(PREFIX))
    if scores is None:
        return Normalization("human", problem=f"no human score of {environment} is known")
    words = f"0 is a random player's score, {scores.random:,g}, and 1 a human one's, {scores.human:,g}"
    return Normalization("human", scores.random, scores.human, words)


def _by_dense(columns: Mapping[str, Any], candidates: Sequence[Run], name: str) -> Normalization:
    by_experiment: dict[str, list[Run]] = {}
    for run in candidates:
        by_experiment.setdefault(run.id.experiment, []).append(run)
    if not by_experiment:
        return Normalization("dense", problem=f"there is no run of {name}, which it would be divided by")
    related = {key: runs for key, runs in by_experiment.items() if _related(runs[0].columns, columns)}
    if not related:
        return Normalization("dense", problem=f"every run of {name} is of another results version or preset")
    by_experiment = related
    differing = _differing([runs[0].columns for runs in by_experiment.values()])
    set_alike = [name for name in differing if name in _SETTINGS or name.startswith(_EVALUATION)]
    agrees = lambda other: all(other.get(name) == columns.get(name) for name in set_alike)
    fitting = [runs for runs in by_experiment.values() if len(by_experiment) == 1 or agrees(runs[0].columns)]
    if len(fitting) != 1:
        several = f"there are {len(by_experiment)} experiments of {name}, which differ in {_some(differing)}"
        return Normalization("dense", problem=f"{several}; which of them it is to be divided by cannot be told")
    return _by_mean(fitting[0], name)


def _related(some: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Whether both are of one results version and preset, as far as that is known."""
    pairs = [(some.get(name), others.get(name)) for name in ("results_version", "preset")]
    return all(None in pair or pair[0] == pair[1] for pair in pairs)


def _by_mean(runs: Sequence[Run], name: str) -> Normalization:
    returns = [run.final_return for run in runs if run.final_return is not None]
    if not returns:
        return Normalization("dense", problem=f"no run of {name} has finished")
    mean, counted = sum(returns) / len(returns), "1 run" if len(returns) == 1 else f"{len(returns)} runs"
    if mean <= 0:
        problem = f"the mean return of {name} is {mean:.4g}, and dividing by what is not above 0 turns the order round"
        return Normalization("dense", num_reference_runs=len(returns), problem=problem)
    divisor = f"{mean:,.0f}" if mean >= 1_000 else f"{mean:.4g}"
    return Normalization("dense", 0.0, mean, f"divided by {divisor}, the mean of {counted} of {name}", len(returns))


def _differing(experiments: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns in which experiments are not alike."""
    names = dict.fromkeys(name for columns in experiments for name in columns if name not in _OF_ONE_RUN)
    return [name for name in names if any(columns.get(name) != experiments[0].get(name) for columns in experiments)]


def _some(names: Iterable[str], largest: int = 3) -> str:
    every = list(names)
    return ", ".join(every[:largest]) + (f" and {len(every) - largest} more" if len(every) > largest else "") or "seeds"
