"""MinAtar's Space Invaders: a cannon against a block of aliens that shoot back and come down."""

from typing import NamedTuple

import jax.numpy as jnp

from sparserl.environments.minatar.game import FIRE, LEFT, NOTHING, RIGHT, SIZE, Game, cell, moved
from sparserl.types import Array

BOTTOM = SIZE - 1
COOL_DOWN_STEPS = 5
SHOT_INTERVAL_STEPS = 10
FIRST_MOVE_INTERVAL_STEPS, LAST_MOVE_INTERVAL_STEPS = 12, 6


class State(NamedTuple):
    """Aliens, bullets of the cannon and bullets of the aliens are boards, bool `[y, x]`."""

    cannon_x: Array
    cannon_timer: Array
    aliens: Array
    bullets: Array
    alien_bullets: Array
    rightward: Array  # the direction of the aliens
    move_interval: Array  # steps; one less after each wave
    move_timer: Array
    shot_timer: Array


class Draws(NamedTuple):
    """Empty: nothing is random but sticky actions."""


def draw(words: Array) -> Draws:
    return Draws()


def begin(draws: Draws) -> State:
    interval, empty = jnp.int32(FIRST_MOVE_INTERVAL_STEPS), jnp.zeros((SIZE, SIZE), bool)
    timers = (interval, interval, jnp.int32(SHOT_INTERVAL_STEPS))
    return State(jnp.int32(5), jnp.int32(0), _wave(), empty, empty, jnp.bool_(False), *timers)


def step(state: State, action: Array, draws: Draws) -> tuple[State, Array, Array]:
    """In this order: the cannon, the bullets of both sides, the aliens' move and shot, hits, the next wave."""
    cannon = cell(jnp.int32(BOTTOM), state.cannon_x)
    fires = (action == FIRE) & (state.cannon_timer == 0)
    bullets = jnp.pad((state.bullets | (cannon & fires))[1:], ((0, 1), (0, 0)))
    alien_bullets = jnp.pad(state.alien_bullets[:-1], ((1, 0), (0, 0)))
    state = state._replace(cannon_x=moved(state.cannon_x, action, LEFT, RIGHT, 0, BOTTOM))
    cannon = cell(jnp.int32(BOTTOM), state.cannon_x)
    over = jnp.any(cannon & (alien_bullets | state.aliens))
    moving = state.move_timer == 0
    state, landed = _march(state, moving)
    over = over | landed | (moving & jnp.any(cannon & state.aliens))

    shoots = state.shot_timer == 0
    alien_bullets = alien_bullets | (shoots & _nearest_alien(state))
    hit = state.aliens & bullets
    aliens = state.aliens & ~hit
    cleared = ~aliens.any()
    after = state._replace(
        cannon_timer=jnp.maximum(jnp.where(fires, COOL_DOWN_STEPS, state.cannon_timer) - 1, 0),
        aliens=jnp.where(cleared, _wave(), aliens),
        bullets=bullets & ~hit,
        alien_bullets=alien_bullets,
        move_interval=jnp.maximum(state.move_interval - cleared, LAST_MOVE_INTERVAL_STEPS),
        shot_timer=jnp.where(shoots, SHOT_INTERVAL_STEPS, state.shot_timer) - 1,
    )
    return after, hit.sum(dtype=jnp.int32), over


def _march(state: State, moving: Array) -> tuple[State, Array]:
    """Aliens move sideways, or turn and descend at the edge; also returns whether they were at the bottom then."""
    aliens, right = state.aliens, state.rightward
    turning = moving & jnp.any(jnp.where(right, aliens[:, -1], aliens[:, 0]))
    aside = jnp.where(right, jnp.roll(aliens, 1, 1), jnp.roll(aliens, -1, 1))
    interval = jnp.minimum(aliens.sum(dtype=jnp.int32), state.move_interval)
    after = state._replace(
        aliens=jnp.where(turning, jnp.roll(aliens, 1, 0), jnp.where(moving, aside, aliens)),
        rightward=right ^ turning,
        move_timer=jnp.where(moving, interval, state.move_timer) - 1,
    )
    return after, turning & jnp.any(aliens[BOTTOM])


def _nearest_alien(state: State) -> Array:
    """The lowest alien of the nearest column that has aliens, the left one of two: bool `[y, x]`."""
    places = jnp.arange(SIZE)
    distance = jnp.abs(places - state.cannon_x) + jnp.where(state.aliens.any(0), 0, SIZE)
    column = state.aliens & (places == jnp.argmin(distance))[None, :]
    return column & (places == jnp.where(column.any(1), places, -1).max())[:, None]


def observe(state: State) -> Array:
    aliens, right = state.aliens, state.rightward
    cannon = cell(jnp.int32(BOTTOM), state.cannon_x)
    return jnp.stack([cannon, aliens, aliens & ~right, aliens & right, state.bullets, state.alien_bullets], -1)


def _wave() -> Array:
    y, x = jnp.arange(SIZE)[:, None], jnp.arange(SIZE)[None, :]
    return (y < 4) & (x >= 2) & (x < 8)


CHANNELS = ("cannon", "alien", "alien_left", "alien_right", "friendly_bullet", "enemy_bullet")
GAME = Game(CHANNELS, (NOTHING, LEFT, RIGHT, FIRE), 0, draw, begin, step, observe)
