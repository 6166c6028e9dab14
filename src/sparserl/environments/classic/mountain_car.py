"""MountainCar: a car too weak for the slope swings itself up. Moore 1990."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from sparserl.environments.tasks import Task
from sparserl.types import Array, Discrete, Key

FORCE = 0.001
GRAVITY = 0.0025
FASTEST = 0.07
WALL, FARTHEST = -1.2, 0.6
GOAL = 0.5


class State(NamedTuple):
    time: Array
    position: Array
    velocity: Array


def begin(key: Key) -> State:
    return State(jnp.int32(0), jax.random.uniform(key, (), minval=-0.6, maxval=-0.4), jnp.float32(0))


def step(state: State, action: Array) -> tuple[State, Array, Array]:
    """Actions push left, not at all, or right; the wall on the left stops the car, and every step costs 1."""
    velocity = state.velocity + (action - 1) * FORCE - jnp.cos(3 * state.position) * GRAVITY
    velocity = jnp.clip(velocity, -FASTEST, FASTEST)
    position = jnp.clip(state.position + velocity, WALL, FARTHEST)
    velocity = velocity * (1 - (position == WALL) * (velocity < 0))
    return State(state.time + 1, position, velocity), jnp.float32(-1), (position >= GOAL) & (velocity >= 0)


def observe(state: State) -> Array:
    return jnp.stack([state.position, state.velocity])


TASK = Task(2, Discrete(3), 200, begin, step, observe)
