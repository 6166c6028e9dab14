"""MinAtar's Freeway: a chicken crosses eight lanes of cars, again and again, for 2,501 steps."""

from typing import NamedTuple

import jax.numpy as jnp

from sparserl.environments.minatar.game import DOWN, NOTHING, SIZE, UP, Game, below, cell, chance, moved, onto
from sparserl.types import Array

NUM_CARS = 8  # one in each of rows 1 to 8
CHICKEN_X = 4
START_Y = SIZE - 1
MAX_INTERVAL_STEPS = 5  # of the slowest cars
CHICKEN_INTERVAL_STEPS = 3
LAST_STEP = 2500  # counted from 0


class State(NamedTuple):
    chicken_y: Array
    chicken_timer: Array
    car_x: Array  # `[car]`
    car_timer: Array
    car_speed: Array  # steps between moves, negative for cars that go left
    num_steps: Array


class Draws(NamedTuple):
    car_speed: Array


def draw(words: Array) -> Draws:
    speed = 1 + below(words[:NUM_CARS], MAX_INTERVAL_STEPS)
    return Draws(jnp.where(chance(words[NUM_CARS:], 1 / 2), speed, -speed))


def begin(draws: Draws) -> State:
    x, speed = jnp.zeros(NUM_CARS, jnp.int32), draws.car_speed
    return State(jnp.int32(START_Y), jnp.int32(CHICKEN_INTERVAL_STEPS), x, jnp.abs(speed), speed, jnp.int32(0))


def step(state: State, action: Array, draws: Draws) -> tuple[State, Array, Array]:
    """The chicken moves, cars get new speeds if it has crossed, they move; a chicken that is hit starts again."""
    goes = (state.chicken_timer == 0) & ((action == UP) | (action == DOWN))
    y = moved(state.chicken_y, jnp.where(goes, action, NOTHING), UP, DOWN, 0, START_Y)
    chicken_timer = jnp.where(goes, CHICKEN_INTERVAL_STEPS, state.chicken_timer)
    crossed = y == 0
    y = jnp.where(crossed, START_Y, y)
    speed = jnp.where(crossed, draws.car_speed, state.car_speed)
    timer = jnp.where(crossed, jnp.abs(speed), state.car_timer)

    moving = timer == 0
    x = jnp.where(moving, (state.car_x + jnp.sign(speed)) % SIZE, state.car_x)
    lane = onto(NUM_CARS, y - 1)
    run_over = (lane & ((state.car_x == CHICKEN_X) | (x == CHICKEN_X))).any()
    y = jnp.where(run_over, START_Y, y)
    timer = jnp.where(moving, jnp.abs(speed), timer - 1)
    after = State(y, jnp.maximum(chicken_timer - 1, 0), x, timer, speed, state.num_steps + 1)
    return after, crossed.astype(jnp.int32), state.num_steps >= LAST_STEP


def observe(state: State) -> Array:
    lanes = lambda cars: jnp.pad(cars, ((1, 1), (0, 0)))
    trail = onto(SIZE, (state.car_x - jnp.sign(state.car_speed)) % SIZE)
    slow = jnp.abs(state.car_speed)
    trails = [lanes(trail & (slow == interval)[:, None]) for interval in range(1, MAX_INTERVAL_STEPS + 1)]
    chicken = cell(state.chicken_y, jnp.int32(CHICKEN_X))
    return jnp.stack([chicken, lanes(onto(SIZE, state.car_x)), *trails], -1)


CHANNELS = ("chicken", "car", *(f"speed{interval}" for interval in range(1, MAX_INTERVAL_STEPS + 1)))
GAME = Game(CHANNELS, (NOTHING, UP, DOWN), 2 * NUM_CARS, draw, begin, step, observe)
