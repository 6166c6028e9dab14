"""MinAtar's Seaquest: a submarine shoots enemies, gathers divers, and comes up for air before it runs out."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from sparserl.environments.minatar.game import (
    DOWN,
    FIRE,
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

BOTTOM = SIZE - 1  # the row of the gauges
MAX_OXYGEN = 200
MAX_DIVERS = 6  # on board
COOL_DOWN_STEPS, ENEMY_SHOT_INTERVAL_STEPS = 5, 10
DIVER_SPAWN_INTERVAL_STEPS, DIVER_MOVE_INTERVAL_STEPS = 30, 5

# There are never more at a time: a bullet or diver is gone when the second after it comes. At the
# shortest intervals an enemy comes each step and crosses the board in 30.
NUM_BULLETS, NUM_DIVERS, NUM_ENEMIES = 2, 2, 32


class Movers(NamedTuple):
    """Things that swim along rows, arrays `[thing]`; where `present` is False there is none."""

    present: Array
    x: Array
    y: Array
    rightward: Array
    timer: Array  # steps until they move; bullets move in every step


class State(NamedTuple):
    """Arrays of bullets and divers are sorted, oldest first; enemies are kept in a ring."""

    x: Array
    y: Array
    rightward: Array
    surfaced: Array
    oxygen: Array
    num_divers: Array  # on board; as in MinAtar -1 after six are brought up, since one is taken off once more
    bullets: Movers
    divers: Movers
    enemies: Movers
    is_sub: Array  # `[enemy]`: a submarine, which shoots, rather than a fish
    shot_timer: Array  # `[enemy]`
    next_enemy: Array  # its place in the ring
    bullets_left: Array  # of enemies, those that go left and those that go right: bool `[y, x]`
    bullets_right: Array
    spawn_interval: Array
    spawn_timer: Array
    diver_timer: Array
    move_interval: Array
    cannon_timer: Array
    num_ramps: Array


class Draws(NamedTuple):
    rightward: Array  # of an enemy
    is_sub: Array
    y: Array
    diver_rightward: Array
    diver_y: Array


def draw(words: Array) -> Draws:
    enemy = (chance(words[0], 1 / 2), chance(words[1], 1 / 3), 1 + below(words[2], 8))
    return Draws(*enemy, chance(words[3], 1 / 2), 1 + below(words[4], 8))


def begin(draws: Draws) -> State:
    number, empty = jnp.int32, jnp.zeros((SIZE, SIZE), bool)
    none = lambda size, kind: jnp.zeros(size, kind)
    movers = lambda n: Movers(none(n, bool), none(n, number), none(n, number), none(n, bool), none(n, number))
    return State(
        *(number(5), number(0), jnp.bool_(False), jnp.bool_(True), number(MAX_OXYGEN), number(0)),
        *(movers(NUM_BULLETS), movers(NUM_DIVERS), movers(NUM_ENEMIES)),
        *(none(NUM_ENEMIES, bool), none(NUM_ENEMIES, number), number(0), empty, empty),
        *(number(20), number(20), number(DIVER_SPAWN_INTERVAL_STEPS), number(5), number(0), number(0)),
    )


def step(state: State, action: Array, draws: Draws) -> tuple[State, Array, Array]:
    """In this order: new things, the player, its bullets, divers, enemies and their bullets, the air."""
    state = _steer(_spawn(state, draws), action)
    state, shot = _fly(state)
    state = _gather(state)
    state, rammed, met = _swim(state)
    state, struck = _fly_at_player(state)
    state = state._replace(
        spawn_timer=jnp.maximum(state.spawn_timer - 1, 0),
        diver_timer=jnp.maximum(state.diver_timer - 1, 0),
        cannon_timer=jnp.maximum(state.cannon_timer - 1, 0),
    )
    state, brought, lost = _breathe(state)
    return state, shot + rammed + brought, met | struck | lost


def _spawn(state: State, draws: Draws) -> State:
    """Adds an enemy if it is due, unless its row has an enemy that goes the other way, and a diver if it is due."""
    enemies = state.enemies
    against = enemies.present & (enemies.y == draws.y) & (enemies.rightward != draws.rightward)
    due = state.spawn_timer == 0
    comes = due & ~against.any()
    here = comes & onto(NUM_ENEMIES, state.next_enemy)
    rescue = state.diver_timer == 0
    return state._replace(
        enemies=_placed(enemies, here, _entrance(draws.rightward), draws.y, draws.rightward, state.move_interval),
        is_sub=jnp.where(here, draws.is_sub, state.is_sub),
        shot_timer=jnp.where(here, ENEMY_SHOT_INTERVAL_STEPS, state.shot_timer),
        next_enemy=(state.next_enemy + comes) % NUM_ENEMIES,
        spawn_timer=jnp.where(due, state.spawn_interval, state.spawn_timer),
        divers=_placed(
            state.divers,
            _free(state.divers) & rescue,
            _entrance(draws.diver_rightward),
            draws.diver_y,
            draws.diver_rightward,
            jnp.int32(DIVER_MOVE_INTERVAL_STEPS),
        ),
        diver_timer=jnp.where(rescue, DIVER_SPAWN_INTERVAL_STEPS, state.diver_timer),
    )


def _steer(state: State, action: Array) -> State:
    fires = (action == FIRE) & (state.cannon_timer == 0)
    here = _free(state.bullets) & fires
    return state._replace(
        bullets=_placed(state.bullets, here, state.x, state.y, state.rightward, jnp.int32(0)),
        cannon_timer=jnp.where(fires, COOL_DOWN_STEPS, state.cannon_timer),
        x=moved(state.x, action, LEFT, RIGHT, 0, SIZE - 1),
        y=moved(state.y, action, UP, DOWN, 0, BOTTOM - 1),
        rightward=(state.rightward | (action == RIGHT)) & (action != LEFT),
    )


def _fly(state: State) -> tuple[State, Array]:
    """The player's bullets move, newest first; each hits the oldest fish in its cell, or else the oldest submarine."""
    bullets, enemies = _advanced(state.bullets, state.bullets.present), state.enemies
    order = _age_order(state) + NUM_ENEMIES * state.is_sub
    return _shoot(state._replace(bullets=bullets), (1, 0), enemies.present, order)


def _gather(state: State) -> State:
    """Divers come on board while there is room, newest first; the others swim on."""
    divers = state.divers
    moving = divers.present & (divers.timer == 0)
    after = _advanced(divers, moving)
    near = (divers.present & _at(state, divers)) | (after.present & moving & _at(state, after))
    ahead = jnp.stack([near[1], jnp.bool_(False)])
    saved = near & (state.num_divers + ahead < MAX_DIVERS)
    timer = jnp.where(moving, DIVER_MOVE_INTERVAL_STEPS, divers.timer - 1)
    divers = _oldest_first(after._replace(present=after.present & ~saved, timer=timer))
    return state._replace(divers=divers, num_divers=state.num_divers + saved.sum(dtype=jnp.int32))


def _swim(state: State) -> tuple[State, Array, Array]:
    """Enemies move, newest submarine first, fish last; they meet the player, or swim into bullets.

    A submarine shoots even in the step in which it is hit.
    """
    before = state.enemies
    moving = before.present & (before.timer == 0)
    after = _advanced(before, moving)._replace(timer=jnp.where(moving, state.move_interval, before.timer - 1))
    met = (before.present & _at(state, before)) | (after.present & _at(state, after))
    shoots = before.present & state.is_sub & (state.shot_timer == 0)
    state = state._replace(
        enemies=after,
        shot_timer=jnp.where(shoots, ENEMY_SHOT_INTERVAL_STEPS, state.shot_timer - 1),
        bullets_left=state.bullets_left | _board(after, shoots & ~after.rightward),
        bullets_right=state.bullets_right | _board(after, shoots & after.rightward),
    )
    order = NUM_ENEMIES * ~state.is_sub - _age_order(state)
    state, rammed = _shoot(state, (0, 1), moving & after.present & ~_at(state, after), order)
    return state._replace(bullets=_oldest_first(state.bullets)), rammed, jnp.any(met)


def _shoot(state: State, sequence: tuple[int, ...], targets: Array, order: Array) -> tuple[State, Array]:
    """Each bullet removes the first target in its cell, by `order`, and itself; also returns how many hit."""
    bullets, enemies, gone = state.bullets, state.enemies, jnp.zeros(NUM_ENEMIES, bool)
    spent = [jnp.bool_(False)] * NUM_BULLETS
    for bullet in sequence:
        here = (enemies.x == bullets.x[bullet]) & (enemies.y == bullets.y[bullet])
        match = targets & here & ~gone & bullets.present[bullet]
        first = jnp.where(match, order, 2 * NUM_ENEMIES)
        gone = gone | (match & (first == first.min()))
        spent[bullet] = match.any()
    after = state._replace(
        bullets=bullets._replace(present=bullets.present & ~jnp.stack(spent)),
        enemies=enemies._replace(present=enemies.present & ~gone),
    )
    return after, gone.sum(dtype=jnp.int32)


def _fly_at_player(state: State) -> tuple[State, Array]:
    """Enemies' bullets move; also returns whether one met the player, before or after its move."""
    player = cell(state.y, state.x)
    left = jnp.pad(state.bullets_left[:, 1:], ((0, 0), (0, 1)))
    right = jnp.pad(state.bullets_right[:, :-1], ((0, 0), (1, 0)))
    struck = jnp.any(player & (state.bullets_left | state.bullets_right | left | right))
    return state._replace(bullets_left=left, bullets_right=right), struck


def _breathe(state: State) -> tuple[State, Array, Array]:
    """Air runs out under water. Surfacing takes a diver, six are rewarded; also returns whether the game is lost."""
    below_water = state.y > 0
    rises = ~below_water & ~state.surfaced
    lost = (state.oxygen <= 0) | (rises & (state.num_divers == 0))
    rises = rises & (state.num_divers != 0)
    full = rises & (state.num_divers == MAX_DIVERS)
    reward = jnp.where(full, state.oxygen * 10 // MAX_OXYGEN, 0)
    ramps = rises & ((state.spawn_interval > 1) | (state.move_interval > 2))
    faster = ramps & (state.move_interval > 2) & (state.num_ramps % 2 == 1)
    after = state._replace(
        oxygen=jnp.where(rises, MAX_OXYGEN, state.oxygen - below_water),
        surfaced=~below_water & (state.surfaced | rises),
        num_divers=jnp.where(full, 0, state.num_divers) - rises,
        move_interval=state.move_interval - faster,
        spawn_interval=jnp.maximum(state.spawn_interval - ramps, 1),
        num_ramps=state.num_ramps + ramps,
    )
    return after, reward, lost


def _at(state: State, movers: Movers) -> Array:
    return (movers.x == state.x) & (movers.y == state.y)


def _entrance(rightward: Array) -> Array:
    return jnp.where(rightward, jnp.int32(0), jnp.int32(SIZE - 1))


def _age_order(state: State) -> Array:
    """Rank by age, 0 for the oldest enemy."""
    return (jnp.arange(NUM_ENEMIES) - state.next_enemy) % NUM_ENEMIES


def _placed(movers: Movers, here: Array, x: Array, y: Array, rightward: Array, timer: Array) -> Movers:
    new = Movers(jnp.bool_(True), x, y, rightward, timer)
    return jax.tree.map(lambda value, old: jnp.where(here, value, old), new, movers)


def _free(pair: Movers) -> Array:
    """The first free place of two."""
    first = ~pair.present[0]
    return jnp.stack([first, ~first])


def _oldest_first(pair: Movers) -> Movers:
    return jax.tree.map(lambda x: jnp.where(pair.present[0], x, x[::-1]), pair)


def _advanced(movers: Movers, moving: Array) -> Movers:
    """Moves things by one cell; those that leave the board are gone."""
    x = movers.x + jnp.where(moving, jnp.where(movers.rightward, 1, -1), 0)
    return movers._replace(x=x, present=movers.present & inside(x))


def _board(movers: Movers, shown: Array) -> Array:
    """Bool `[y, x]`. Rows are assembled as the bits of a number, which is less work than cell by cell."""
    bits = jnp.where(shown & inside(movers.x), jnp.uint32(1) << movers.x.astype(jnp.uint32), jnp.uint32(0))
    in_row = onto(SIZE, movers.y).T
    rows = jnp.bitwise_or.reduce(jnp.where(in_row, bits[None, :], jnp.uint32(0)), axis=1)
    return (rows[:, None] >> jnp.arange(SIZE, dtype=jnp.uint32)[None, :]) % 2 == 1


def observe(state: State) -> Array:
    x, gauge, bottom = jnp.arange(SIZE), jnp.maximum(state.oxygen, 0) * 10 // MAX_OXYGEN, jnp.arange(SIZE) == BOTTOM
    oxygen = x < gauge
    divers = (x >= BOTTOM - state.num_divers) & (x < BOTTOM)
    shown = lambda movers: _board(movers, movers.present)
    behind = lambda movers: shown(movers._replace(x=movers.x + jnp.where(movers.rightward, -1, 1)))
    boards = (
        cell(state.y, state.x),
        cell(state.y, state.x + jnp.where(state.rightward, -1, 1)),
        shown(state.bullets),
        behind(state.enemies) | behind(state.divers),
        state.bullets_left | state.bullets_right,
        _board(state.enemies, state.enemies.present & ~state.is_sub),
        _board(state.enemies, state.enemies.present & state.is_sub),
        bottom[:, None] & oxygen[None, :],
        bottom[:, None] & divers[None, :],
        shown(state.divers),
    )
    return jnp.stack(boards, -1)


CHANNELS = ("sub_front", "sub_back", "friendly_bullet", "trail", "enemy_bullet", "enemy_fish", "enemy_sub")
GAUGES = ("oxygen_guage", "diver_guage", "diver")
ACTIONS = (NOTHING, LEFT, UP, RIGHT, DOWN, FIRE)
GAME = Game(CHANNELS + GAUGES, ACTIONS, 5, draw, begin, step, observe)
