"""The loop: an agent and an environment, step by step, as a generator of states."""

import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.training import hosted, totals
from sparserl.training.hosted import traceable
from sparserl.types import (
    Agent,
    AgentState,
    Array,
    Box,
    Environment,
    EnvSpec,
    EnvState,
    Key,
    Metrics,
    Optimizer,
    TimeStep,
    Transition,
)


class Episodes(NamedTuple):
    """A running account of training episodes, each field `[env]`: of the open episode, and of those that are over.

    `open_return` and `open_rest` are a `totals.Total`.
    """

    open_return: Array
    last_return: Array
    num_finished: Array
    open_rest: Array


class LoopState(NamedTuple):
    """Everything that decides how a run goes on, except for the key that it was started with.

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
AFRESH = np.array(2**32 - 2, np.uint32)  # the one whose keys, with a step's number, start fresh episodes at that step


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
    environment_state, observation = traceable(environment).reset(keys.environment)
    shape = (*key.shape, environment.num_envs)
    zeros = lambda dtype: jnp.zeros(shape, dtype)
    never = jnp.full(shape, jnp.nan, jnp.float32)
    episodes = Episodes(zeros(jnp.float32), never, zeros(jnp.int32), zeros(jnp.float32))
    agent_state = jax.jit(agent.init)(keys.act)
    return LoopState(jnp.int32(0), agent_state, environment_state, observation, episodes, jnp.ones(key.shape, bool))


def afresh(environment: Environment, key: Key, state: LoopState) -> LoopState:
    """The state with a fresh episode in every environment; the open ones are cut off, and count as none."""
    key = jax.random.fold_in(step_keys(key, AFRESH).environment, state.num_steps)
    environment_state, observation = traceable(environment).reset(key)
    nothing = jnp.zeros_like(state.episodes.open_return)
    episodes = state.episodes._replace(open_return=nothing, open_rest=nothing + 0)  # buffers are given away, each once
    return state._replace(environment=environment_state, observation=observation, episodes=episodes)


def train(
    agent: Agent,
    environment: Environment,
    key: Key,
    state: LoopState,
    stops: Iterable[int],
    optimizers: Mapping[str, Optimizer] = MappingProxyType({}),
) -> Iterator[tuple[LoopState, Metrics]]:
    """Advance to each number of steps in `stops`, ascending, yielding `(state, metrics)` there.

    Stops round up to whole updates. The bits of the result do not depend on where the stops are. A yielded state is
    valid until the next iteration only: the next chunk takes over its buffers. Between chunks `optimizers`, by the
    group that they own, change the layout of their networks where that has become due. Seeds side by side share their
    shapes, so they are trained without any.
    """
    advance = _advance(agent, traceable(environment))
    first_step = lambda update: bisect.bisect_left(range(MOST_STEPS), update, key=agent.num_updates)
    relayouts = {first_step(update) for each in optimizers.values() for update in each.relayout_updates()}
    for stop in stops:
        began = int(state.num_steps)
        metrics: Metrics = {}
        for part in sorted({step for step in relayouts if began < step < stop} | {stop}):
            before = int(state.num_steps)
            num_iterations = -(-(part - before) // agent.steps_per_update)
            if num_iterations > 0:
                state, metrics = advance(key, num_iterations, state)
            if any(before < step <= int(state.num_steps) for step in relayouts):
                groups = {name: optimizers[name].relayout(group) for name, group in state.agent.groups.items()}
                state = state._replace(agent=state.agent._replace(groups=groups))
        if int(state.num_steps) > began:
            yield state, metrics


def within_bounds(spec: EnvSpec, action: Array) -> Array:
    """Actions as an environment takes them: continuous ones, which may be drawn outside its bounds, are clipped."""
    if not isinstance(spec.action, Box):
        return action
    low, high = (jnp.broadcast_to(bound, action.shape) for bound in (spec.action.low, spec.action.high))
    return jnp.clip(action, low, high)


def record(state: LoopState, environment_state: EnvState, action: Array, ts: TimeStep) -> tuple[LoopState, Transition]:
    """The state after one step, and the transition to learn from."""
    transition = Transition(state.observation, action, ts.reward, ts.terminated, ts.truncated, ts.next_observation)
    ended, before = ts.terminated | ts.truncated, state.episodes
    total = totals.plus(totals.Total(before.open_return, before.open_rest), ts.reward)
    open_return, open_rest = (jnp.where(ended, jnp.float32(0), part) for part in total)
    last_return = jnp.where(ended, total.value, before.last_return)
    episodes = Episodes(open_return, last_return, before.num_finished + ended, open_rest)
    finite = jnp.isfinite(ts.reward).all(-1)
    if jnp.issubdtype(ts.next_observation.dtype, jnp.floating):
        axes = tuple(range(state.healthy.ndim, ts.next_observation.ndim))
        finite = finite & jnp.isfinite(ts.next_observation).all(axes)
    num_steps = jnp.int32(state.num_steps + 1)
    healthy = state.healthy & finite
    return LoopState(num_steps, state.agent, environment_state, ts.observation, episodes, healthy), transition


def _advance(agent: Agent, environment: Environment) -> Callable[[Key, int, LoopState], tuple[LoopState, Metrics]]:
    """One compiled program for any number of iterations; where it steps a host environment, Python is called back."""

    def interact(key: Key, state: LoopState) -> tuple[LoopState, Transition]:
        keys = step_keys(key, state.num_steps)
        action = agent.explore(keys.act, state.num_steps, state.agent, state.observation)
        bounded = within_bounds(environment.spec, action)
        environment_state, time_step = environment.step(keys.environment, state.environment, bounded)
        return record(state, environment_state, action, time_step)

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
        unbroken = lambda state: environment.compiled or state.healthy.all()
        going = lambda carry: (carry[0] < num_iterations) & unbroken(carry[1])
        iteration = lambda carry: (carry[0] + 1, *iterate(key, carry[1]))
        return jax.lax.while_loop(going, iteration, (jnp.int32(0), state, nothing))[1:]

    return hosted.compiled(environment, chunk, donated=[2])
