"""Acrobot: two links hang from a fixed joint, and torque at the joint between them swings the tip up. Sutton 1996.

The equations of motion are those of Sutton and Barto's book (1998, section 11.3), integrated as Gymnasium does.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from sparserl.environments.tasks import Task
from sparserl.types import Array, Discrete, Key

GRAVITY = 9.8
MASS = LENGTH = INERTIA = 1.0  # of either link
CENTRE = 0.5  # from a link's joint to its centre of mass
STEP_SECONDS = 0.2
FASTEST = (4 * math.pi, 9 * math.pi)  # of the two joints
GOAL_HEIGHT = 1.0  # above the fixed joint
TURN = 2 * math.pi


class State(NamedTuple):
    time: Array
    joint_angle1: Array  # of the first link, 0 is down
    joint_angle2: Array  # of the second link, seen from the first
    velocity_1: Array
    velocity_2: Array


def begin(key: Key) -> State:
    return State(jnp.int32(0), *jax.random.uniform(key, (4,), minval=-0.1, maxval=0.1))


def step(state: State, action: Array) -> tuple[State, Array, Array]:
    """Actions are a torque of -1, 0 or 1; every step costs 1 but that which brings the tip over the goal's height."""
    torque = (action - 1).astype(jnp.float32)
    angle1, angle2, velocity1, velocity2 = _integrated(jnp.stack(state[1:]), torque)
    angle1, angle2 = _wrapped(angle1), _wrapped(angle2)
    velocity1 = jnp.clip(velocity1, -FASTEST[0], FASTEST[0])
    velocity2 = jnp.clip(velocity2, -FASTEST[1], FASTEST[1])
    over = -jnp.cos(angle1) - jnp.cos(angle2 + angle1) > GOAL_HEIGHT
    return State(state.time + 1, angle1, angle2, velocity1, velocity2), -(~over).astype(jnp.float32), over


def observe(state: State) -> Array:
    _, angle1, angle2, velocity1, velocity2 = state
    return jnp.stack([jnp.cos(angle1), jnp.sin(angle1), jnp.cos(angle2), jnp.sin(angle2), velocity1, velocity2])


def _integrated(motion: Array, torque: Array) -> Array:
    """Angles and velocities after one step of the classical Runge-Kutta method."""
    half = STEP_SECONDS / 2
    first = _change(motion, torque)
    second = _change(motion + half * first, torque)
    third = _change(motion + half * second, torque)
    fourth = _change(motion + STEP_SECONDS * third, torque)
    return motion + STEP_SECONDS / 6 * (first + 2 * second + 2 * third + fourth)


def _change(motion: Array, torque: Array) -> Array:
    """The derivatives in time of both angles and both velocities."""
    angle1, angle2, velocity1, velocity2 = motion
    cos, sin = jnp.cos(angle2), jnp.sin(angle2)
    d1 = MASS * CENTRE**2 + MASS * (LENGTH**2 + CENTRE**2 + 2 * LENGTH * CENTRE * cos) + INERTIA + INERTIA
    d2 = MASS * (CENTRE**2 + LENGTH * CENTRE * cos) + INERTIA
    phi2 = MASS * CENTRE * GRAVITY * jnp.cos(angle1 + angle2 - math.pi / 2)
    phi1 = (
        -MASS * LENGTH * CENTRE * velocity2**2 * sin
        - 2 * MASS * LENGTH * CENTRE * velocity2 * velocity1 * sin
        + (MASS * CENTRE + MASS * LENGTH) * GRAVITY * jnp.cos(angle1 - math.pi / 2)
        + phi2
    )
    driving = torque + d2 / d1 * phi1 - MASS * LENGTH * CENTRE * velocity1**2 * sin - phi2
    acceleration2 = driving / (MASS * CENTRE**2 + INERTIA - d2**2 / d1)
    acceleration1 = -(d2 * acceleration2 + phi1) / d1
    return jnp.stack([velocity1, velocity2, acceleration1, acceleration2])


def _wrapped(angle: Array) -> Array:
    """The same angle between -pi and pi."""
    turns = jnp.where(angle < -math.pi, -jnp.ceil((-math.pi - angle) / TURN), 0)
    turns = jnp.where(angle >= math.pi, jnp.floor((angle - math.pi) / TURN + 1), turns)
    return angle - turns * TURN


TASK = Task(6, Discrete(3), 500, begin, step, observe)
