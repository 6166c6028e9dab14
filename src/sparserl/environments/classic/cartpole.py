"""CartPole: a cart is pushed left or right to keep a pole upright. Barto, Sutton and Anderson 1983."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from sparserl.environments.tasks import Task
from sparserl.types import Array, Discrete, Key

GRAVITY = 9.8  # metres, kilograms, seconds and radians throughout
POLE_MASS = 0.1
TOTAL_MASS = 1.0 + POLE_MASS
HALF_LENGTH = 0.5
POLE_MOMENT = 0.05  # mass of the pole times half its length
FORCE = 10.0
STEP_SECONDS = 0.02
FARTHEST = 2.4
STEEPEST = 12 * 2 * math.pi / 360


class State(NamedTuple):
    time: Array
    x: Array
    x_dot: Array
    theta: Array  # 0 is upright
    theta_dot: Array


def begin(key: Key) -> State:
    return State(jnp.int32(0), *jax.random.uniform(key, (4,), minval=-0.05, maxval=0.05))


def step(state: State, action: Array) -> tuple[State, Array, Array]:
    """One Euler step, which moves by the velocities from before; the reward is 1 until the pole falls."""
    force = FORCE * action - FORCE * (1 - action)
    cos, sin = jnp.cos(state.theta), jnp.sin(state.theta)
    push = (force + POLE_MOMENT * state.theta_dot**2 * sin) / TOTAL_MASS
    inertia = HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * cos**2 / TOTAL_MASS)
    turning = (GRAVITY * sin - cos * push) / inertia
    pushing = push - POLE_MOMENT * turning * cos / TOTAL_MASS
    after = State(
        time=state.time + 1,
        x=state.x + STEP_SECONDS * state.x_dot,
        x_dot=state.x_dot + STEP_SECONDS * pushing,
        theta=state.theta + STEP_SECONDS * state.theta_dot,
        theta_dot=state.theta_dot + STEP_SECONDS * turning,
    )
    return after, jnp.float32(1), (jnp.abs(after.x) > FARTHEST) | (jnp.abs(after.theta) > STEEPEST)


def observe(state: State) -> Array:
    return jnp.stack([state.x, state.x_dot, state.theta, state.theta_dot])


TASK = Task(4, Discrete(2), 500, begin, step, observe)
