"""The loop: an agent and an environment, step by step, as a generator of states."""

import bisect
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.types import Agent, AgentState, Array, Environment, EnvState, Key, Metrics, Transition


class Episodes(NamedTuple):
    """Running account of the training episodes, `[env]` each: the open ones, and the last finished return."""

    open_return: Array
    last_return: Array
    num_finished: Array


class LoopState(NamedTuple):
    """All that decides the future of a run, but for the key it was started with.

    `num_steps` counts steps per environment and is never batched; `healthy` is False once an observation or a reward
    was not finite.
    """

    num_steps: Array
    agent: AgentState
    environment: EnvState
    observation: Array
    episodes: Episodes
    healthy: Array


MOST_STEPS = 2**31  # num_steps is an int32
START = np.array(2**32 - 1, np.uint32)  # the "step" whose keys start a run; no run has so many


class StepKeys(NamedTuple):
    """The keys of one step, each of the shape of the run's key."""

    act: Key
    environment: Key
    update: Key


def step_keys(key: Key, num_steps: Array) -> StepKeys:
    """Keys that depend on the run's key and the step's number, and on nothing else."""
    split = lambda key: StepKeys(*jax.random.split(jax.random.fold_in(key, num_steps), 3))
    return split(key) if key.ndim == 0 else jax.vmap(split)(key)


def start(agent: Agent, environment: Environment, key: Key) -> LoopState:
    """The state before the first step."""
    keys = step_keys(key, START)
    xp = jnp if environment.compiled else np
    environment_state, observation = environment.reset(keys.environment)
    shape = (*key.shape, environment.num_envs)
    zeros = lambda dtype: xp.zeros(shape, dtype)
    episodes = Episodes(zeros(xp.float32), xp.full(shape, xp.nan, xp.float32), zeros(xp.int32))
    agent_state = jax.jit(agent.init)(keys.act)
    return LoopState(xp.int32(0), agent_state, environment_state, observation, episodes, xp.ones(key.shape, bool))


def train(agent: Agent, environment: Environment, key: Key, state: LoopState, stops: Iterable[int]) -> Iterator[Any]:
    """Advance to each number of steps in `stops`, ascending, yielding `(state, metrics)` there.

    Stops round up to whole updates. The bits of the result do not depend on where the stops are. A yielded state is
    valid until the next iteration only: its buffers are given to the next chunk. In between, the agent is laid out
    again where it asks for it.
    """
    advance = _advance_compiled(agent, environment) if environment.compiled else _advance_host(agent, environment)
    first_step = lambda update: bisect.bisect_left(range(MOST_STEPS), update, key=agent.num_updates)
    relayouts = {first_step(update) for update in agent.relayout_updates()}
    for stop in stops:
        began = int(state.num_steps)
        metrics: Metrics = {}
        for part in sorted({step for step in relayouts if began < step < stop} | {stop}):
            before = int(state.num_steps)
            num_iterations = -(-(part - before) // agent.steps_per_update)
            if num_iterations > 0:
                state, metrics = advance(key, num_iterations, state)
            if any(before < step <= int(state.num_steps) for step in relayouts):
                state = state._replace(agent=agent.relayout(state.agent))
        if int(state.num_steps) > began:
            yield state, metrics


def record(xp: ModuleType, state: LoopState, environment_state: EnvState, action: Array, ts: Any) -> Any:
    """The state after one step, and the transition to learn from."""
    transition = Transition(state.observation, action, ts.reward, ts.terminated, ts.truncated, ts.next_observation)
    ended, (open_return, last_return, num_finished) = ts.terminated | ts.truncated, state.episodes
    open_return = open_return + ts.reward
    episodes = Episodes(
        xp.where(ended, xp.float32(0), open_return), xp.where(ended, open_return, last_return), num_finished + ended
    )
    finite = xp.isfinite(ts.reward).all(-1)
    if xp.issubdtype(ts.next_observation.dtype, xp.floating):
        axes = tuple(range(state.healthy.ndim, ts.next_observation.ndim))
        finite = finite & xp.isfinite(ts.next_observation).all(axes)
    num_steps = xp.int32(state.num_steps + 1)
    healthy = state.healthy & finite
    return LoopState(num_steps, state.agent, environment_state, ts.observation, episodes, healthy), transition


Advance = Callable[[Key, int, LoopState], tuple[LoopState, Metrics]]


def _advance_compiled(agent: Agent, environment: Environment) -> Advance:
    def interact(key: Key, state: LoopState) -> tuple[LoopState, Transition]:
        keys = step_keys(key, state.num_steps)
        action = agent.explore(keys.act, state.num_steps, state.agent, state.observation)
        environment_state, time_step = environment.step(keys.environment, state.environment, action)
        return record(jnp, state, environment_state, action, time_step)

    def iterate(key: Key, state: LoopState) -> tuple[LoopState, Metrics]:
        scan = lambda state, _: interact(key, state)
        state, rollout = jax.lax.scan(scan, state, None, agent.steps_per_update)
        if key.ndim:  # [step, seed, ...] -> [seed, step, ...]
            rollout = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), rollout)
        update_key = step_keys(key, state.num_steps).update
        agent_state, metrics = agent.update(update_key, state.num_steps, state.agent, rollout)
        return state._replace(agent=agent_state), metrics

    def chunk(key: Key, num_iterations: Array, state: LoopState) -> tuple[LoopState, Metrics]:
        nothing = jax.tree.map(lambda m: jnp.zeros(m.shape, m.dtype), jax.eval_shape(iterate, key, state)[1])
        return jax.lax.fori_loop(0, num_iterations, lambda _, carry: iterate(key, carry[0]), (state, nothing))

    return jax.jit(chunk, donate_argnums=2)


def _advance_host(agent: Agent, environment: Environment) -> Advance:
    """Exactly two compiled calls per update of one step: act, and learn; keys are split inside them."""

    @jax.jit
    def act(key: Key, num_steps: Array, agent_state: AgentState, observation: Array) -> Array:
        return agent.explore(step_keys(key, num_steps).act, num_steps, agent_state, observation)

    def learn(key: Key, num_steps: Array, agent_state: AgentState, rollout: Transition) -> tuple[AgentState, Metrics]:
        return agent.update(step_keys(key, num_steps).update, num_steps, agent_state, rollout)

    learn = jax.jit(learn, donate_argnums=2)

    def advance(key: Key, num_iterations: int, state: LoopState) -> tuple[LoopState, Metrics]:
        metrics: Metrics = {}
        for _ in range(num_iterations):
            steps = []
            for _ in range(agent.steps_per_update):
                action = np.asarray(act(key, state.num_steps, agent.policy(state.agent), state.observation))
                environment_state, time_step = environment.step(None, state.environment, action)
                state, transition = record(np, state, environment_state, action, time_step)
                steps.append(transition)
            rollout = Transition(*(np.stack(field) for field in zip(*steps, strict=True)))
            agent_state, metrics = learn(key, state.num_steps, state.agent, rollout)
            state = state._replace(agent=agent_state)
        return state, metrics

    return advance
