"""What a MinAtar game is, and the few functions that all five are written with."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

from sparserl.types import Array

SIZE = 10  # the board is SIZE x SIZE cells, `[y, x]`, row 0 at the top

# MinAtar's numbers of the six things that a player may do.
NOTHING, LEFT, UP, RIGHT, DOWN, FIRE = range(6)


class Game(NamedTuple):
    """A game as pure functions of one board; everything random enters as `draws`.

    `step` returns the next state, the reward (int32) and whether the game is over; its action is one of MinAtar's six.
    Stepping a game that is over has no meaning.
    """

    channels: tuple[str, ...]  # the last axis of an observation
    actions: tuple[int, ...]  # those that have an effect in this game, MinAtar's minimal set
    num_words: int  # random uint32 words that a step or the start of a game uses
    draw: Callable[[Array], Any]  # words uint32 `[num_words]` -> draws
    begin: Callable[[Any], Any]  # draws -> state
    step: Callable[[Any, Array, Any], tuple[Any, Array, Array]]  # state, action, draws -> state, reward, over
    observe: Callable[[Any], Array]  # state -> bool `[y, x, channel]`


def chance(words: Array, probability: float) -> Array:
    """From uniform uint32 words: True with this probability, to within 2^-32."""
    return words < jnp.uint32(round(probability * 2**32))


def below(words: Array, limit: int) -> Array:
    """From uniform uint32 words: integers 0 to `limit` - 1, equally likely to within `limit` / 2^32."""
    return (words % jnp.uint32(limit)).astype(jnp.int32)


def onto(limit: int, places: Array) -> Array:
    """Bool `[..., limit]`: True at each place; all False for a place outside the board."""
    return places[..., None] == jnp.arange(limit).reshape((1,) * places.ndim + (limit,))


def cell(y: Array, x: Array) -> Array:
    """Bool `[y, x]`: True at one cell; all False for a cell outside the board."""
    return onto(SIZE, y)[:, None] & onto(SIZE, x)[None, :]


def inside(x: Array) -> Array:
    return (x >= 0) & (x < SIZE)


def moved(place: Array, action: Array, back: int, forth: int, low: int, high: int) -> Array:
    """The place after the action: `forth` adds 1, `back` takes 1 away; kept between `low` and `high`."""
    return jnp.clip(place + (action == forth) - (action == back), low, high)
