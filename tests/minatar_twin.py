"""The package MinAtar as a twin: it is given our draws, our states, and has to do what we did."""

import collections
import math
from typing import Any, NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from sparserl.environments.minatar import GAMES, MinAtarEnvironment

DEPTH_STEPS, NUM_TRIES = 8, 8  # how far, and how often, a player looks ahead

# What a player likes in a state besides the points, so that it reaches what is rare.
LIKES = dict.fromkeys(GAMES, lambda state: jnp.float32(0))
LIKES["MinAtar/Breakout-v1"] = lambda state: -0.1 * jnp.abs(state.ball_x + state.ball_dx - state.paddle_x)
LIKES["MinAtar/Freeway-v1"] = lambda state: -0.1 * state.chicken_y
LIKES["MinAtar/Seaquest-v1"] = lambda state: 0.5 * state.num_divers + 0.02 * jnp.minimum(state.oxygen, 80)


class Played(NamedTuple):
    """What happened, `[step, env, ...]`, and how it began."""

    first_words: Any
    first_observation: Any
    words: Any
    action: Any
    state: Any
    time_step: Any


def look_ahead(identifier, key, state):
    """The index of the action that did best in random games from here."""
    game = GAMES[identifier]
    num_actions = len(game.actions)

    def score(key, first):
        def step(carry, key):
            state, points, over, action = carry
            action_key, words_key = jax.random.split(key)
            draws = game.draw(jax.random.bits(words_key, (game.num_words,), jnp.uint32))
            state, reward, ends = game.step(state, jnp.asarray(game.actions)[action], draws)
            points = points + jnp.where(over, 0, reward)
            following = jax.random.randint(action_key, (), 0, num_actions)
            return (state, points, over | ends, following), None

        first = (state, jnp.int32(0), jnp.bool_(False), first)
        (state_then, points, over, _), _ = jax.lax.scan(step, first, jax.random.split(key, DEPTH_STEPS))
        return points - 20.0 * over + LIKES[identifier](state_then)

    keys = jax.random.split(key, (num_actions, NUM_TRIES))
    scores = jax.vmap(lambda keys, first: jax.vmap(lambda key: score(key, first))(keys))(keys, jnp.arange(num_actions))
    return jnp.argmax(scores.mean(1))


def play(identifier, num_envs, num_steps, skilled=False, seed=0, first=None):
    """Episodes of a player that looks ahead, or does anything; from the states `first` where they are given."""
    environment, game = MinAtarEnvironment(identifier, num_envs), GAMES[identifier]

    @jax.jit
    def run(key):
        def step(state, key):
            step_key, action_key = jax.random.split(key)
            if skilled:
                choose = lambda key, state: look_ahead(identifier, key, state)
                action = jax.vmap(choose)(jax.random.split(action_key, num_envs), state.game)
            else:
                action = jax.random.randint(action_key, (num_envs,), 0, len(game.actions))
            words = jax.random.bits(step_key, (num_envs, 1 + 2 * game.num_words), jnp.uint32)
            after, time_step = environment.step(step_key, state, action)
            return after, (words, action, state, time_step)

        reset_key, steps_key = jax.random.split(key)
        state, observation = environment.reset(reset_key)
        state = state if first is None else state._replace(game=jax.tree.map(jnp.asarray, first))
        words = jax.random.bits(reset_key, (num_envs, game.num_words), jnp.uint32)
        return words, observation, *jax.lax.scan(step, state, jax.random.split(steps_key, num_steps))[1]

    return Played(*jax.tree.map(np.asarray, run(jax.random.key(seed))))


class Script:
    """In place of MinAtar's generator: answers in the order that was written down, each to the request it is for."""

    def __init__(self):
        self.answers = collections.deque()

    def rand(self, size=None):
        return self._next("rand", size)

    def randint(self, low, high=None, size=None):
        return self._next("randint", (low, high, size))

    def _next(self, kind, request):
        expected, answer = self.answers.popleft()
        assert expected == kind
        return answer(request) if callable(answer) else answer


def coin(value):
    """A number of `rand` that is below every probability, or above."""
    return "rand", np.where(value, 0.0, 0.999)


def first_answers(identifier, draws):
    if identifier == "MinAtar/Breakout-v1":
        return [("randint", 0 if draws.from_left else 1)]
    return car_answers(draws) if identifier == "MinAtar/Freeway-v1" else []


def answers(identifier, env, draws):
    """What MinAtar's game asks for in a step, from the timers that it stands at."""
    if identifier == "MinAtar/Asterix-v1" and env.spawn_timer == 0:
        pick = ("randint", lambda request: int(draws.pick) % request[0])
        return [coin(draws.rightward), coin(draws.gold), *([pick] if None in env.entities else [])]
    if identifier == "MinAtar/Seaquest-v1":
        enemy = [coin(draws.rightward), coin(draws.is_sub), ("randint", int(draws.y))]
        diver = [coin(draws.diver_rightward), ("randint", int(draws.diver_y))]
        return enemy * (env.e_spawn_timer == 0) + diver * (env.d_spawn_timer == 0)
    return []


def car_answers(draws):
    return [("randint", np.abs(draws.car_speed)), ("rand", np.where(draws.car_speed > 0, 0.999, 0.0))]


def decoded(identifier, words):
    """The draws of words `[..., word]`."""
    draw = GAMES[identifier].draw
    flat = jax.vmap(draw)(words.reshape(math.prod(words.shape[:-1]), words.shape[-1]))
    return jax.tree.map(lambda x: np.asarray(x).reshape(*words.shape[:-1], *x.shape[1:]), flat)


def check(identifier, played, first=None):
    """Play it again with the package, from the same states, and compare every step."""
    num_words = GAMES[identifier].num_words
    draws = decoded(identifier, played.words[..., 1 : 1 + num_words])
    fresh = decoded(identifier, played.words[..., 1 + num_words :])
    begun = decoded(identifier, played.first_words)
    at = lambda tree, *index: jax.tree.map(lambda x: x[index], tree)
    steps, plain = played.time_step, PLAIN[identifier].items()
    for env in range(played.action.shape[1]):
        twin, script = gymnasium.make(identifier, disable_env_checker=True).unwrapped, Script()
        twin.game.random = twin.game.env.random = script
        script.answers.extend(first_answers(identifier, at(begun, env)))
        np.testing.assert_array_equal(twin.reset()[0], played.first_observation[env])
        if first is not None:
            settle(identifier, twin.game.env, at(first, env))
        for t in range(len(played.action)):
            game = twin.game.env
            hidden = {ours: (getattr(played.state.game, ours)[t, env], getattr(game, theirs)) for ours, theirs in plain}
            assert all(ours == theirs for ours, theirs in hidden.values()), (env, t, hidden)
            script.answers.append(coin(played.words[t, env, 0] / 2**32 < 0.1))
            script.answers.extend(answers(identifier, game, at(draws, t, env)))
            if identifier == "MinAtar/Freeway-v1":  # asks only when the chicken gets across
                script.answers.extend(car_answers(at(draws, t, env)))
            seen, reward, over, truncated, _ = twin.step(int(played.action[t, env]))
            if identifier == "MinAtar/Freeway-v1" and not reward:
                script.answers.clear()
            assert not script.answers, (env, t)
            ours = (steps.reward[t, env], steps.terminated[t, env], steps.truncated[t, env])
            assert ours == (reward, over, truncated), (env, t)
            np.testing.assert_array_equal(steps.next_observation[t, env], seen, err_msg=f"environment {env}, step {t}")
            if over:
                script.answers.extend(first_answers(identifier, at(fresh, t, env)))
                seen, _ = twin.reset()
            np.testing.assert_array_equal(steps.observation[t, env], seen)


def settle(identifier, env, state):
    """Bring MinAtar's game into our state."""
    number = lambda array: np.asarray(array).tolist()
    for ours, theirs in PLAIN[identifier].items():
        setattr(env, theirs, number(getattr(state, ours)))
    if identifier == "MinAtar/Breakout-v1":
        env.ball_dir = [(-1, -1), (1, -1), (1, 1), (-1, 1)].index((int(state.ball_dx), int(state.ball_dy)))
        env.brick_map = state.bricks.astype(float)
    if identifier == "MinAtar/Asterix-v1":
        things = zip(*map(number, (state.present, state.x, state.rightward, state.gold)), strict=True)
        env.entities = [
            [x, row + 1, right, gold] if there else None for row, (there, x, right, gold) in enumerate(things)
        ]
    if identifier == "MinAtar/Freeway-v1":
        cars = zip(*map(number, (state.car_x, state.car_timer, state.car_speed)), strict=True)
        env.cars = [[x, lane + 1, timer, speed] for lane, (x, timer, speed) in enumerate(cars)]
        env.terminate_timer = 2500 - int(state.num_steps)
    if identifier == "MinAtar/SpaceInvaders-v1":
        env.alien_dir = 1 if state.rightward else -1
        boards = (state.aliens, state.bullets, state.alien_bullets)
        env.alien_map, env.f_bullet_map, env.e_bullet_map = (board.astype(float) for board in boards)
    if identifier == "MinAtar/Seaquest-v1":
        settle_swimmers(env, state)


def settle_swimmers(env, state):
    swimmers = lambda movers: [list(one) for one in zip(*map(np.ndarray.tolist, movers), strict=True)]
    env.f_bullets = [[x, y, right] for there, x, y, right, _ in swimmers(state.bullets) if there]
    env.divers = [one[1:] for one in swimmers(state.divers) if one[0]]
    enemies = swimmers(state.enemies)
    by_age = [(int(state.next_enemy) + i) % len(enemies) for i in range(len(enemies))]
    there = [i for i in by_age if enemies[i][0]]
    env.e_subs = [[*enemies[i][1:], int(state.shot_timer[i])] for i in there if state.is_sub[i]]
    env.e_fish = [enemies[i][1:] for i in there if not state.is_sub[i]]
    places = lambda board, right: [[int(x), int(y), right] for y, x in np.argwhere(board)]
    env.e_bullets = places(state.bullets_left, False) + places(state.bullets_right, True)


PLAIN = {  # our names of what both keep as a number, and theirs
    "MinAtar/Breakout-v1": {
        "paddle_x": "pos",
        "ball_x": "ball_x",
        "ball_y": "ball_y",
        "last_x": "last_x",
        "last_y": "last_y",
        "struck": "strike",
    },
    "MinAtar/Asterix-v1": {
        "player_x": "player_x",
        "player_y": "player_y",
        "spawn_interval": "spawn_speed",
        "spawn_timer": "spawn_timer",
        "move_interval": "move_speed",
        "move_timer": "move_timer",
        "ramp_timer": "ramp_timer",
        "num_ramps": "ramp_index",
    },
    "MinAtar/Freeway-v1": {"chicken_y": "pos", "chicken_timer": "move_timer"},
    "MinAtar/SpaceInvaders-v1": {
        "cannon_x": "pos",
        "cannon_timer": "shot_timer",
        "move_interval": "enemy_move_interval",
        "move_timer": "alien_move_timer",
        "shot_timer": "alien_shot_timer",
    },
    "MinAtar/Seaquest-v1": {
        "x": "sub_x",
        "y": "sub_y",
        "rightward": "sub_or",
        "surfaced": "surface",
        "oxygen": "oxygen",
        "num_divers": "diver_count",
        "spawn_interval": "e_spawn_speed",
        "spawn_timer": "e_spawn_timer",
        "diver_timer": "d_spawn_timer",
        "move_interval": "move_speed",
        "cannon_timer": "shot_timer",
        "num_ramps": "ramp_index",
    },
}
