"""Evaluation: separate episodes of the policy as it is, side by side, and when they are due."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from sparserl.parts import mean_of_last
from sparserl.training import hosted
from sparserl.training.hosted import traceable
from sparserl.training.loop import START, step_keys
from sparserl.training.playing import Account, EpisodesInTurn, Evaluation, FirstEpisodes, Play, player
from sparserl.types import Agent, AgentState, Environment, Key, UserError, check_fields


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """When and how long the policy is evaluated; the defaults are the paper's for classic control (appendix A.1)."""

    interval_steps: int = 2_000  # at step 0, and at the first update boundary on or after each multiple
    num_episodes: int = 20  # environments side by side, an episode of each unless min_steps asks for more
    final_fraction: float = 0.1  # the final return is the mean over this last part of the evaluations
    max_episode_steps: int = 100_000  # for environments without a time limit of their own
    min_steps: int = 0  # of all episodes together, at the least: each environment plays episodes until it has its share

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("interval_steps", "num_episodes", "max_episode_steps"):
            if getattr(self, name) < 1:
                raise UserError("it must be at least 1", field=name, value=getattr(self, name))
        if self.min_steps < 0:
            raise UserError("it must not be negative", field="min_steps", value=self.min_steps)
        if not 0 < self.final_fraction <= 1:
            raise UserError("it must lie in (0, 1]", field="final_fraction", value=self.final_fraction)

    def final_return(self, returns: Sequence[float]) -> float:
        """Mean over the last part of the evaluations: floor(final_fraction * count) of them, at least one."""
        return mean_of_last(returns, self.final_fraction)


def stops(total_steps: int, *intervals_steps: int) -> list[int]:
    """All multiples of the intervals up to `total_steps`, and `total_steps` itself, ascending."""
    return sorted({*(n for every in intervals_steps for n in range(every, total_steps, every)), total_steps})


def evaluator(
    agent: Agent, environment: Environment, max_steps: int, min_steps: int = 0
) -> Callable[[Key, AgentState], Evaluation]:
    """A function `(key, agent_state) -> Evaluation` that plays the first episode of each of the environments.

    max_steps: where an episode is cut off. min_steps: of all episodes together, where there are to be more of them than
    one for each environment; see `account_of`. Lifted over seeds it takes a key array `[seed]`, and gives
    `[seed, episode]`.
    """
    traced = traceable(environment)
    play = player(agent, traced, account_of(environment.num_envs, max_steps, min_steps))

    def evaluate(key: Key, agent_state: AgentState) -> Evaluation:
        result = played(play, traced, key, agent_state)
        return result.played() if min_steps and key.ndim == 0 else result

    return evaluate


def played(play: Play, environment: Environment, key: Key, agent_state: AgentState) -> Evaluation:
    """The episodes of all places of an environment, which is traceable: side by side, or in as many turns as it takes.

    A turn steps the whole program again, so that the bits of an episode are those of all of them side by side.
    """
    first = step_keys(key, START).environment
    parts = [(places, play(key, agent_state, *environment.reset(first))[0]) for places in hosted.turns(environment)]
    if len(parts) == 1:
        return parts[0][1]
    of_places = lambda part: np.asarray(part).reshape(environment.num_envs, -1)  # the episodes of each
    together = zip(*([of_places(part)[places] for part in turn] for places, turn in parts), strict=True)
    return Evaluation(*(np.concatenate(part).ravel() for part in together))


def account_of(num_envs: int, max_steps: int, min_steps: int) -> Account:
    """The episodes that count: one of each environment or, with `min_steps`, as many as make up its equal share."""
    return EpisodesInTurn(max_steps, -(-min_steps // num_envs)) if min_steps else FirstEpisodes(max_steps)
