"""MinAtar's Asterix: gold and enemies cross the board in eight rows; collect the gold, avoid the enemies."""

from typing import NamedTuple

import jax.numpy as jnp

from sparserl.environments.minatar.game import (
    DOWN,
    LEFT,
    NOTHING,
    RIGHT,
    SIZE,
    UP,
    Game,
    below,
    cell,
    chance,
    inside,
    moved,
    onto,
)
from sparserl.types import Array

NUM_ROWS = 8  # rows 1 to 8 hold one thing each
RAMP_INTERVAL_STEPS = 100


class State(NamedTuple):
    """Things are arrays `[row]`; rows without one have `present` False."""

    player_x: Array
    player_y: Array
    present: Array
    x: Array
    rightward: Array
    gold: Array
    spawn_interval: Array  # steps; this and the next shrink as the game goes on
    spawn_timer: Array
    move_interval: Array
    move_timer: Array
    ramp_timer: Array
    num_ramps: Array


class Draws(NamedTuple):
    rightward: Array
    gold: Array
    pick: Array  # of n free rows, number `pick` mod n


def draw(words: Array) -> Draws:
    return Draws(chance(words[0], 1 / 2), chance(words[1], 1 / 3), below(words[2], 840))  # 840: divisible by 1 to 8


def begin(draws: Draws) -> State:
    nothing, middle = jnp.zeros(NUM_ROWS, bool), jnp.int32(5)
    timers = (jnp.int32(10), jnp.int32(10), jnp.int32(5), jnp.int32(5), jnp.int32(RAMP_INTERVAL_STEPS), jnp.int32(0))
    return State(middle, middle, nothing, jnp.zeros(NUM_ROWS, jnp.int32), nothing, nothing, *timers)


def step(state: State, action: Array, draws: Draws) -> tuple[State, Array, Array]:
    """In this order: a new thing if one is due, the player, the things, the difficulty."""
    state = _spawn(state, draws)
    state = state._replace(
        player_x=moved(state.player_x, action, LEFT, RIGHT, 0, SIZE - 1),
        player_y=moved(state.player_y, action, UP, DOWN, 1, NUM_ROWS),
    )
    met = _met(state)
    moving = state.move_timer == 0
    x = state.x + jnp.where(moving, jnp.where(state.rightward, 1, -1), 0)
    state = state._replace(x=x, present=state.present & inside(x) & ~(met & state.gold))
    met_moved = _met(state) & moving
    state = state._replace(present=state.present & ~(met_moved & state.gold))
    reward = ((met | met_moved) & state.gold).sum(dtype=jnp.int32)
    over = jnp.any((met | met_moved) & ~state.gold)
    move_timer = jnp.where(moving, state.move_interval, state.move_timer) - 1
    return _ramp(state._replace(move_timer=move_timer, spawn_timer=state.spawn_timer - 1)), reward, over


def _met(state: State) -> Array:
    row = onto(NUM_ROWS, state.player_y - 1)
    return state.present & (state.x == state.player_x) & row


def _spawn(state: State, draws: Draws) -> State:
    due, free = state.spawn_timer == 0, ~state.present
    pick = draws.pick % jnp.maximum(free.sum(dtype=jnp.int32), 1)
    here = due & free & (jnp.cumsum(free, dtype=jnp.int32) == pick + 1)
    return state._replace(
        present=state.present | here,
        x=jnp.where(here, jnp.where(draws.rightward, 0, SIZE - 1), state.x),
        rightward=jnp.where(here, draws.rightward, state.rightward),
        gold=jnp.where(here, draws.gold, state.gold),
        spawn_timer=jnp.where(due, state.spawn_interval, state.spawn_timer),
    )


def _ramp(state: State) -> State:
    """Every 102 steps things appear a step sooner, and every second time move a step sooner, down to every step."""
    rising = (state.spawn_interval > 1) | (state.move_interval > 1)
    due = rising & (state.ramp_timer < 0)
    faster = due & (state.num_ramps % 2 == 1)
    return state._replace(
        spawn_interval=jnp.maximum(state.spawn_interval - due, 1),
        move_interval=jnp.maximum(state.move_interval - faster, 1),
        ramp_timer=jnp.where(due, RAMP_INTERVAL_STEPS, state.ramp_timer - rising),
        num_ramps=state.num_ramps + due,
    )


def observe(state: State) -> Array:
    behind = state.x + jnp.where(state.rightward, -1, 1)
    rows = lambda shown, x: jnp.pad(shown[:, None] & onto(SIZE, x), ((1, 1), (0, 0)))
    player = cell(state.player_y, state.player_x)
    enemy, gold = rows(state.present & ~state.gold, state.x), rows(state.present & state.gold, state.x)
    return jnp.stack([player, enemy, rows(state.present, behind), gold], -1)


ACTIONS = (NOTHING, LEFT, UP, RIGHT, DOWN)
GAME = Game(("player", "enemy", "trail", "gold"), ACTIONS, 3, draw, begin, step, observe)
