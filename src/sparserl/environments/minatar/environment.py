"""MinAtar's games as compiled environments, batched over `num_envs`: `MinAtar/Breakout-v1` and the like."""

import dataclasses
import functools
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.environments.minatar import asterix, breakout, freeway, seaquest, space_invaders
from sparserl.environments.minatar.game import NOTHING, SIZE, Game, chance
from sparserl.linalg import quick
from sparserl.types import Array, Discrete, EnvSpec, Key, TimeStep, UserError

PREFIX = "MinAtar/"
STICKY_PROBABILITY = 0.1  # that the last action is repeated instead of the chosen one

# Deviation 43. The names are those that the package MinAtar registers; version 1 has the minimal actions.
GAMES: dict[str, Game] = {
    "MinAtar/Asterix-v1": asterix.GAME,
    "MinAtar/Breakout-v1": breakout.GAME,
    "MinAtar/Freeway-v1": freeway.GAME,
    "MinAtar/Seaquest-v1": seaquest.GAME,
    "MinAtar/SpaceInvaders-v1": space_invaders.GAME,
}


class State(NamedTuple):
    """The state of all environments; leaves `[env, ...]`."""

    game: Any
    last_action: Array  # in MinAtar's numbering; carries over to the next episode, as in MinAtar


@dataclasses.dataclass(frozen=True)
class MinAtarEnvironment:
    """`num_envs` copies of a game of Young and Tian (2019) as pure functions of keys and arrays.

    The rules are those of the package MinAtar 1.0.15 with its defaults, step for step: sticky actions, rising
    difficulty, no time limit (a game may last for ever; `Freeway` ends by itself). Observations are bool
    `[env, 10, 10, channel]`, actions index `GAMES[identifier].actions`, rewards are float32 `[env]`. Raises
    `UserError` for a name that is not in `GAMES`, and for fewer than one environment.
    """

    identifier: str
    num_envs: int
    compiled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.identifier not in GAMES:
            raise UserError("MinAtar has no such game", field="environment", value=self.identifier, allowed=GAMES)
        if self.num_envs < 1:
            raise UserError("at least 1 is needed", field="num_envs", value=self.num_envs)

    @property
    def spec(self) -> EnvSpec:
        """What an agent may know before it acts."""
        game = GAMES[self.identifier]
        shape = (SIZE, SIZE, len(game.channels))
        return EnvSpec(self.identifier, shape, np.dtype(np.bool_), Discrete(len(game.actions)), None)

    @functools.partial(jax.jit, static_argnums=0)
    def reset(self, key: Key) -> tuple[State, Array]:
        """Fresh episodes: states, and observations `[env, y, x, channel]`."""
        game = GAMES[self.identifier]
        words = jax.random.bits(quick(key), (self.num_envs, game.num_words), jnp.uint32)
        begun = jax.vmap(lambda words: game.begin(game.draw(words)))(words)
        state = State(begun, jnp.full(self.num_envs, NOTHING, jnp.int32))
        return state, jax.vmap(game.observe)(state.game)

    @functools.partial(jax.jit, static_argnums=0)
    def step(self, key: Key, state: State, action: Array) -> tuple[State, TimeStep]:
        """One step of every environment with actions int32 `[env]`; those that end start over."""
        num_words = 1 + 2 * GAMES[self.identifier].num_words
        words = jax.random.bits(quick(key), (self.num_envs, num_words), jnp.uint32)
        return jax.vmap(self._step_one)(words, state, action)

    def _step_one(self, words: Array, state: State, action: Array) -> tuple[State, TimeStep]:
        """The random words decide whether the action sticks, then the game's draws, then those of the next episode."""
        game = GAMES[self.identifier]
        chosen = jnp.asarray(game.actions, jnp.int32)[action]
        taken = jnp.where(chance(words[0], STICKY_PROBABILITY), state.last_action, chosen)
        draws, fresh_draws = game.draw(words[1 : 1 + game.num_words]), game.draw(words[1 + game.num_words :])
        reached, reward, over = game.step(state.game, taken, draws)
        fresh, seen = game.begin(fresh_draws), game.observe(reached)
        where_over = lambda new, old: jnp.where(over, new, old)
        after = jax.tree.map(where_over, fresh, reached)
        observation = where_over(game.observe(fresh), seen)
        time_step = TimeStep(observation, reward.astype(jnp.float32), over, jnp.zeros_like(over), seen)
        return State(after, taken), time_step
