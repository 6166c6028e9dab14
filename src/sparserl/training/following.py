"""Following: the first episode of an evaluation step by step, for whoever wants to see what happens in it."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.training import hosted, totals
from sparserl.training.hosted import traceable
from sparserl.training.loop import START, step_keys
from sparserl.training.playing import NOTHING, FirstEpisodes, PlayState, stepper
from sparserl.types import Agent, AgentState, Environment, EnvState, Key


class Moment(NamedTuple):
    """The state of all environments, and the account of the first one's first episode up to now."""

    environment_state: EnvState
    episode_return: float
    length_steps: int
    is_over: bool  # the environment has ended it, and begun the next
    is_last: bool  # or the limit of steps has cut it off


def first_episode(
    agent: Agent, environment: Environment, key: Key, agent_state: AgentState, max_steps: int
) -> Iterator[Moment]:
    """The first environment's first episode as an evaluation with this key plays it, before and after each step.

    Other environments step along, so that each step is the same program. Raises what the environment raises.
    """
    traced, account = traceable(environment), FirstEpisodes(max_steps)
    step = jax.jit(stepper(agent, traced, account))
    next(hosted.turns(traced))
    environment_state, observation = traced.reset(step_keys(key, START).environment)
    blank = account.begin((traced.num_envs,))
    stage = PlayState(jnp.int32(0), environment_state, observation, blank, NOTHING.beginning)
    while True:
        moment = _moment(stage, max_steps)
        yield moment
        if moment.is_last:
            return
        stage = hosted.run(traced, step, key, agent_state, stage)


def _moment(stage: PlayState, max_steps: int) -> Moment:
    returns, lengths, finished = stage.account
    is_over = bool(np.asarray(finished)[0])
    length_steps = int(np.asarray(lengths)[0])
    episode_return = float(totals.in_float64(returns)[0])
    return Moment(stage.environment_state, episode_return, length_steps, is_over, is_over or length_steps >= max_steps)
