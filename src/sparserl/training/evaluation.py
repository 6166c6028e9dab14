"""Evaluation: separate episodes of the policy as it is, all side by side."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sparserl.training.hosted import Hosted, traceable
from sparserl.training.loop import START, step_keys, within_bounds
from sparserl.types import Agent, AgentState, Array, Environment, EnvState, Key, TimeStep, UserError


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """When and how long the policy is evaluated; the defaults are the paper's for classic control (appendix A.1)."""

    interval_steps: int = 2_000  # at step 0, and at the first update boundary on or after each multiple
    num_episodes: int = 20  # side by side
    final_fraction: float = 0.1  # the final return is the mean over this last part of the evaluations
    max_episode_steps: int = 100_000  # for environments without a time limit of their own
    min_steps: int = 0  # of all episodes together, at the least: each environment plays episodes until it has its share

    def __post_init__(self) -> None:
        for name in ("interval_steps", "num_episodes", "max_episode_steps"):
            if getattr(self, name) < 1:
                raise UserError(f"evaluation.{name} is {getattr(self, name)}: it must be at least 1")
        if not 0 < self.final_fraction <= 1:
            raise UserError(f"evaluation.final_fraction is {self.final_fraction}: it must lie in (0, 1]")

    def final_return(self, returns: Sequence[float]) -> float:
        """Mean over the last part of the evaluations: the last int(final_fraction * count) of them, at least one."""
        last = returns[-max(int(self.final_fraction * len(returns)), 1) :]
        return math.fsum(last) / len(last)


class Evaluation(NamedTuple):
    """Return and length in steps of each episode, `[episode]`; `finished` is False where the step cap cut one off."""

    returns: Array
    lengths: Array
    finished: Array


def stops(total_steps: int, *intervals_steps: int) -> list[int]:
    """All multiples of the intervals up to `total_steps`, and `total_steps` itself, ascending."""
    return sorted({*(n for every in intervals_steps for n in range(every, total_steps, every)), total_steps})


def evaluator(agent: Agent, environment: Environment, max_steps: int) -> Callable[[Key, AgentState], Evaluation]:
    """A function `(key, agent_state) -> Evaluation` that plays the first episode of each of the environments.

    Lifted over seeds it takes a key array `[seed]`, and gives `[seed, episode]`.
    """
    traced = traceable(environment)

    @jax.jit
    def play(key: Key, agent_state: AgentState, environment_state: EnvState, observation: Array) -> Evaluation:
        def step(carry: Any) -> Any:
            num_steps, environment_state, observation, result = carry
            keys = step_keys(key, num_steps)
            action = agent.exploit(keys.act, agent_state, observation)
            bounded = within_bounds(environment.spec, action)
            environment_state, time_step = traced.step(keys.environment, environment_state, bounded)
            return num_steps + 1, environment_state, time_step.observation, _tally(result, time_step)

        going = lambda carry: (carry[0] < max_steps) & ~carry[3].finished.all()
        first = (jnp.int32(0), environment_state, observation, _blank((*key.shape, environment.num_envs)))
        return jax.lax.while_loop(going, step, first)[3]

    def evaluate(key: Key, agent_state: AgentState) -> Evaluation:
        first = traced.reset(step_keys(key, START).environment)
        if isinstance(traced, Hosted):
            return traced.run(play, key, agent_state, *first)
        return play(key, agent_state, *first)

    return evaluate


def _tally(result: Evaluation, time_step: TimeStep) -> Evaluation:
    playing = ~result.finished
    return Evaluation(
        result.returns + jnp.where(playing, time_step.reward, jnp.float32(0)),
        result.lengths + playing,
        result.finished | time_step.terminated | time_step.truncated,
    )


def _blank(shape: tuple[int, ...]) -> Evaluation:
    return Evaluation(jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.int32), jnp.zeros(shape, bool))
