"""Playing: a policy in environments side by side, as one compiled program, and the account of its episodes."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.training import hosted, totals
from sparserl.training.loop import step_keys, within_bounds
from sparserl.training.totals import Total
from sparserl.types import Agent, AgentState, Array, Environment, EnvState, Key, TimeStep


class Evaluation(NamedTuple):
    """Return and length in steps of each episode, `[episode]`; `finished` is False where the limit of steps cut it off.

    Returns are float64, and inside a compiled program a `Total`. A length of 0 stands for no episode: seeds side by
    side do not all play the same number.
    """

    returns: Any
    lengths: Array
    finished: Array

    def played(self) -> "Evaluation":
        """Only the episodes that were played; for a single seed."""
        played = np.asarray(self.lengths) > 0
        return Evaluation(*(np.asarray(part)[played] for part in self))


class Watch(NamedTuple):
    """What is gathered from the observations that are acted on: `look(gathered, observation, playing) -> gathered`.

    `playing` `[env]` is False for environments that only step along with the others.
    """

    beginning: Any
    look: Callable[[Any, Array, Array], Any]


class Account(Protocol):
    """Which episodes count, and when there are enough of them."""

    def begin(self, shape: tuple[int, ...]) -> Any: ...
    def playing(self, account: Any) -> Array: ...
    def going(self, num_steps: Array, account: Any) -> Array: ...
    def add(self, account: Any, time_step: TimeStep) -> Any: ...
    def result(self, account: Any) -> Evaluation: ...


Play = Callable[[Key, AgentState, EnvState, Array], tuple[Evaluation, Any]]
NOTHING = Watch((), lambda gathered, observation, playing: gathered)


class PlayState(NamedTuple):
    """Where episodes side by side are between two steps."""

    num_steps: Array
    environment_state: EnvState
    observation: Array
    account: Any
    gathered: Any


def stepper(
    agent: Agent, environment: Environment, account: Account, watch: Watch = NOTHING
) -> Callable[[Key, AgentState, PlayState], PlayState]:
    """One step of every environment, which is traceable: the policy acts, and the account is kept."""

    def one_step(key: Key, agent_state: AgentState, stage: PlayState) -> PlayState:
        keys = step_keys(key, stage.num_steps)
        gathered = watch.look(stage.gathered, stage.observation, account.playing(stage.account))
        action = agent.exploit(keys.act, agent_state, stage.observation)
        bounded = within_bounds(environment.spec, action)
        environment_state, time_step = environment.step(keys.environment, stage.environment_state, bounded)
        played = account.add(stage.account, time_step)
        return PlayState(stage.num_steps + 1, environment_state, time_step.observation, played, gathered)

    return one_step


def player(agent: Agent, environment: Environment, account: Account, watch: Watch = NOTHING) -> Play:
    """A function `(key, agent_state, environment_state, observation) -> (episodes, gathered)`, compiled once.

    `environment` is traceable. Lifted over seeds it takes a key array `[seed]`, and gives `[seed, episode]`.
    """

    one_step = stepper(agent, environment, account, watch)

    def play(key: Key, agent_state: AgentState, environment_state: EnvState, observation: Array) -> Any:
        blank = account.begin((*key.shape, environment.num_envs))
        first = PlayState(jnp.int32(0), environment_state, observation, blank, watch.beginning)
        going = lambda stage: account.going(stage.num_steps, stage.account)
        last = jax.lax.while_loop(going, lambda stage: one_step(key, agent_state, stage), first)
        return account.result(last.account), last.gathered

    compiled = hosted.compiled(environment, play)

    def played(*arguments: Any) -> tuple[Evaluation, Any]:
        episodes, gathered = compiled(*arguments)
        return episodes._replace(returns=totals.in_float64(episodes.returns)), gathered

    return played


@dataclasses.dataclass(frozen=True)
class FirstEpisodes:
    """The first episode of each environment, cut off after `max_steps`."""

    max_steps: int

    def begin(self, shape: tuple[int, ...]) -> Evaluation:
        return Evaluation(totals.zero(shape), jnp.zeros(shape, jnp.int32), jnp.zeros(shape, bool))

    def playing(self, account: Evaluation) -> Array:
        return ~account.finished

    def going(self, num_steps: Array, account: Evaluation) -> Array:
        return (num_steps < self.max_steps) & ~account.finished.all()

    def add(self, account: Evaluation, time_step: TimeStep) -> Evaluation:
        playing = ~account.finished
        return Evaluation(
            totals.plus(account.returns, jnp.where(playing, time_step.reward, jnp.float32(0))),
            account.lengths + playing,
            account.finished | time_step.terminated | time_step.truncated,
        )

    def result(self, account: Evaluation) -> Evaluation:
        return account


class _Played(NamedTuple):
    """For each environment `[env]`: its open episode, and the steps, number, returns and lengths of closed ones."""

    open_return: Total
    open_length: Array
    closed_steps: Array
    num_closed: Array
    playing: Array
    closed: Evaluation  # [env, place]


@dataclasses.dataclass(frozen=True)
class EpisodesInTurn:
    """Whole episodes of each environment, one after another, until they have `share_steps` together.

    An episode that is cut off after `max_steps` is its environment's last, and so is one whose return is not finite:
    only the environment itself can begin the next. Source: Dopamine's evaluation phase, applied to each environment.
    """

    max_steps: int
    share_steps: int

    def begin(self, shape: tuple[int, ...]) -> _Played:
        nothing, integers = totals.zero(shape), jnp.zeros(shape, jnp.int32)
        places = FirstEpisodes(self.max_steps).begin((*shape, self.share_steps))  # an episode has at least one step
        return _Played(nothing, integers, integers, integers, jnp.ones(shape, bool), places)

    def playing(self, account: _Played) -> Array:
        return account.playing

    def going(self, num_steps: Array, account: _Played) -> Array:
        return jnp.any(account.playing)

    def add(self, account: _Played, time_step: TimeStep) -> _Played:
        playing, ended = account.playing, time_step.terminated | time_step.truncated
        open_return = totals.plus(account.open_return, jnp.where(playing, time_step.reward, jnp.float32(0)))
        open_length = account.open_length + playing
        broken = ~jnp.isfinite(open_return.value)
        closing = playing & (ended | broken | (open_length >= self.max_steps))
        closed_steps = account.closed_steps + jnp.where(closing, open_length, 0)
        last = closing & (~ended | broken | (closed_steps >= self.share_steps))
        place = jnp.where(closing, account.num_closed, self.share_steps)  # beyond the last place nothing is written
        put = lambda places, value: _put(places, place, value)
        return _Played(
            Total(*(jnp.where(closing, jnp.float32(0), part) for part in open_return)),
            jnp.where(closing, 0, open_length),
            closed_steps,
            account.num_closed + closing,
            playing & ~last,
            jax.tree.map(put, account.closed, Evaluation(open_return, open_length, ended)),
        )

    def result(self, account: _Played) -> Evaluation:
        shape = account.playing.shape[:-1]
        whole: Evaluation = jax.tree.map(lambda part: part.reshape(*shape, -1), account.closed)
        return whole


def _put(places: Array, place: Array, value: Array) -> Array:
    """`places` `[..., place]` with `value` `[...]` at `place` `[...]`."""
    flat = jnp.asarray(places).reshape(-1, places.shape[-1])
    written = flat.at[jnp.arange(len(flat)), place.reshape(-1)].set(value.reshape(-1), mode="drop")
    return written.reshape(places.shape)
