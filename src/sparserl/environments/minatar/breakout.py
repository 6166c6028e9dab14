"""MinAtar's Breakout: a paddle keeps a ball in play that breaks three rows of bricks."""

from typing import NamedTuple

import jax.numpy as jnp

from sparserl.environments.minatar.game import LEFT, NOTHING, RIGHT, SIZE, Game, cell, chance, inside, moved
from sparserl.types import Array

BOTTOM = SIZE - 1


class State(NamedTuple):
    paddle_x: Array
    ball_x: Array
    ball_y: Array
    ball_dx: Array  # 1 or -1
    ball_dy: Array
    last_x: Array  # where the ball was before
    last_y: Array
    bricks: Array  # bool `[y, x]`
    struck: Array  # the ball has just broken a brick, and passes through the next


class Draws(NamedTuple):
    from_left: Array  # the corner from which the ball starts


def draw(words: Array) -> Draws:
    return Draws(chance(words[0], 1 / 2))


def begin(draws: Draws) -> State:
    x = jnp.where(draws.from_left, jnp.int32(0), jnp.int32(BOTTOM))
    dx = jnp.where(draws.from_left, jnp.int32(1), jnp.int32(-1))
    y = jnp.int32(3)
    return State(jnp.int32(4), x, y, dx, jnp.int32(1), x, y, _wall(), jnp.bool_(False))


def step(state: State, action: Array, draws: Draws) -> tuple[State, Array, Array]:
    """First the paddle moves, then the ball, which bounces off walls, bricks and paddle. Nothing is drawn."""
    paddle = moved(state.paddle_x, action, LEFT, RIGHT, 0, BOTTOM)
    x, y = state.ball_x + state.ball_dx, state.ball_y + state.ball_dy
    dx = jnp.where(inside(x), state.ball_dx, -state.ball_dx)
    x = jnp.clip(x, 0, BOTTOM)

    at_top = y < 0
    hit = state.bricks & cell(y, x)
    at_brick = jnp.any(hit)
    breaks = at_brick & ~state.struck
    at_bottom = (y == BOTTOM) & ~at_brick
    on_paddle = at_bottom & (state.ball_x == paddle)
    on_edge = at_bottom & ~on_paddle & (x == paddle)  # hit by the edge of the paddle: back where it came from

    cleared = at_bottom & ~state.bricks.any()
    bricks = jnp.where(cleared, _wall(), state.bricks & ~(hit & breaks))
    back = breaks | on_paddle | on_edge
    dy = jnp.where(back | at_top, -state.ball_dy, state.ball_dy)
    dx = jnp.where(on_edge, -dx, dx)
    y = jnp.where(back, state.ball_y, jnp.maximum(y, 0))
    after = State(paddle, x, y, dx, dy, state.ball_x, state.ball_y, bricks, at_brick)
    return after, breaks.astype(jnp.int32), at_bottom & ~on_paddle & ~on_edge


def observe(state: State) -> Array:
    paddle, ball = cell(jnp.int32(BOTTOM), state.paddle_x), cell(state.ball_y, state.ball_x)
    return jnp.stack([paddle, ball, cell(state.last_y, state.last_x), state.bricks], -1)


def _wall() -> Array:
    y = jnp.arange(SIZE)
    return jnp.broadcast_to(((y >= 1) & (y <= 3))[:, None], (SIZE, SIZE))


GAME = Game(("paddle", "ball", "trail", "brick"), (NOTHING, LEFT, RIGHT), 1, draw, begin, step, observe)
