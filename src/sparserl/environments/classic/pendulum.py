"""Pendulum: torque at its joint is to swing a pendulum up and hold it there, with little effort."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.environments.tasks import Task
from sparserl.types import Array, Box, Key

GRAVITY = 10.0
MASS = LENGTH = 1.0
STEP_SECONDS = 0.05
FASTEST = 8.0
STRONGEST = 2.0


class State(NamedTuple):
    time: Array
    theta: Array  # 0 is upright; whole turns add up
    theta_dot: Array


def begin(key: Key) -> State:
    limits = jnp.array([math.pi, 1.0])
    return State(jnp.int32(0), *jax.random.uniform(key, (2,), minval=-limits, maxval=limits))


def step(state: State, action: Array) -> tuple[State, Array, Array]:
    """The torque `[1]` is cut off at the strongest; costs are those of the state in which it is applied."""
    torque = jnp.clip(action[0], -STRONGEST, STRONGEST)
    angle = (state.theta + math.pi) % (2 * math.pi) - math.pi
    cost = angle**2 + 0.1 * state.theta_dot**2 + 0.001 * torque**2
    acceleration = 3 * GRAVITY / (2 * LENGTH) * jnp.sin(state.theta) + 3 / (MASS * LENGTH**2) * torque
    velocity = jnp.clip(state.theta_dot + acceleration * STEP_SECONDS, -FASTEST, FASTEST)
    return State(state.time + 1, state.theta + velocity * STEP_SECONDS, velocity), -cost, jnp.bool_(False)


def observe(state: State) -> Array:
    return jnp.stack([jnp.cos(state.theta), jnp.sin(state.theta), state.theta_dot])


_torque = np.array([STRONGEST], np.float32)
TASK = Task(3, Box((1,), -_torque, _torque), 200, begin, step, observe)
