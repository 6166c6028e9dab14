"""Host environments: the adapter beside a plain loop over Gymnasium, and environments that misbehave."""

import contextlib
import textwrap

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.mujoco.half_cheetah_v5 import HalfCheetahEnv

from sparserl.environments import HostEnvironment, make
from sparserl.types import Box, Discrete, Divergence, UserError


class Counter(gymnasium.Env):
    """Counts its steps; the first entry of an observation is the count, the second a number drawn at each reset."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = spaces.Discrete(3, start=5)

    def __init__(self, **changes):
        self.closed = False
        for name, value in changes.items():
            setattr(self, name, value)

    def observe(self):
        return np.array([self.count, self.drawn])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count, self.drawn = 0, self.np_random.random()
        return self.observe(), {}

    def reward(self, action):
        return float(action)

    def step(self, action):
        self.count += 1
        return self.observe(), self.reward(action), self.count == 4, False, {}

    def close(self):
        self.closed = True


@contextlib.contextmanager
def registered(name="Counter-v0", entry_point=Counter, **kwargs):
    gymnasium.register(name, entry_point=entry_point, **kwargs)
    try:
        yield name
    finally:
        del gymnasium.registry[name]


def play(environment, num_steps):
    environment.reset(jax.random.key(0))
    return [environment.step(None, None, np.ones(2, np.int32))[1] for _ in range(num_steps)]


def unwrapped(environment):
    return [single.unwrapped for single in environment._environments]


@pytest.mark.parametrize("identifier", ["CartPole-v1", "Acrobot-v1", "MountainCar-v0"])
def test_the_adapter_is_a_plain_loop_over_gymnasium(identifier):
    num_envs, num_steps = 3, 520
    environment = make(identifier, num_envs, "host")
    assert not environment.compiled
    key = jax.random.key(3)
    state, observation = environment.reset(key)
    assert state is None
    seeds = np.random.SeedSequence(np.asarray(jax.random.key_data(key)).tolist()).generate_state(num_envs) % 2**31
    plain = [gymnasium.make(identifier) for _ in seeds]
    current = np.stack([single.reset(seed=int(seed))[0] for single, seed in zip(plain, seeds, strict=True)])
    actions = np.random.default_rng(0).integers(0, environment.spec.action.num_actions, (num_steps, num_envs))
    np.testing.assert_array_equal(observation, current)
    ended = 0
    for action in actions:
        _, step = environment.step(None, None, action.astype(np.int32))
        for i, single in enumerate(plain):
            reached, reward, terminated, truncated, _ = single.step(action[i])
            np.testing.assert_array_equal(step.next_observation[i], reached)
            assert (step.reward[i], step.terminated[i], step.truncated[i]) == (reward, terminated, truncated)
            if terminated or truncated:
                ended += 1
                reached, _ = single.reset()
            np.testing.assert_array_equal(step.observation[i], reached)
    assert ended >= num_envs
    assert step.observation.dtype == step.next_observation.dtype == step.reward.dtype == np.float32
    assert step.terminated.dtype == step.truncated.dtype == np.bool_


def test_key_decides_and_environments_differ():
    environment = make("CartPole-v1", 3, "host")
    first, other = environment.reset(jax.random.key(0))[1], environment.reset(jax.random.key(1))[1]
    np.testing.assert_array_equal(first, environment.reset(jax.random.key(0))[1])
    assert len(np.unique(np.concatenate([first, other])[:, 0])) == 6


def test_own_environments_are_cast_shifted_and_reset():
    with registered(max_episode_steps=4) as name:
        environment = make(name, 2)
    spec = environment.spec
    assert spec.action == Discrete(3)
    assert (spec.observation_shape, spec.observation_dtype, spec.time_limit_steps) == ((2,), np.float32, 4)
    first = environment.reset(jax.random.key(0))[1]
    assert first.dtype == np.float32
    steps = [environment.step(None, None, np.array([0, 2], np.int32))[1] for _ in range(5)]
    assert steps[0].reward.tolist() == [5.0, 7.0], "actions count from 0, the environment's from 5"
    assert [step.next_observation[0, 0] for step in steps] == [1, 2, 3, 4, 1]
    assert [step.observation[0, 0] for step in steps] == [1, 2, 3, 0, 1]
    assert [step.terminated[1] for step in steps] == [False, False, False, True, False]
    assert steps[3].truncated.all(), "the limit is reached on the step that also ends the task"
    np.testing.assert_array_equal(steps[3].next_observation[:, 1], first[:, 1])
    assert (steps[3].observation[:, 1] != first[:, 1]).all(), "a second episode repeats the first"


def test_returned_arrays_are_not_written_again():
    with registered() as name:
        environment = make(name, 2)
    environment.reset(jax.random.key(0))
    steps = [environment.step(None, None, np.zeros(2, np.int32))[1] for _ in range(6)]
    copies = jax.tree.map(np.copy, steps)
    for _ in range(6):
        environment.step(None, None, np.ones(2, np.int32))
    jax.tree.map(np.testing.assert_array_equal, steps, copies)


def test_pictures_stay_uint8():
    space = spaces.Box(0, 255, (3, 2, 1), np.uint8)
    picture = lambda self: np.full((3, 2, 1), 250 + self.count, np.uint8)
    pictures = type("Pictures", (Counter,), {"observation_space": space, "observe": picture})
    with registered(entry_point=pictures) as name:
        environment = make(name, 1)
    observation = environment.reset(jax.random.key(0))[1]
    assert (observation.shape, observation.dtype) == ((1, 3, 2, 1), np.uint8)
    assert environment.spec.observation_dtype == np.uint8
    assert environment.step(None, None, np.zeros(1, np.int32))[1].observation.max() == 251


def test_box_actions():
    environment = make("Pendulum-v1", 2)
    action = environment.spec.action
    assert isinstance(action, Box)
    assert action.shape == (1,)
    assert (action.low.tolist(), action.high.tolist()) == ([-2.0], [2.0])
    assert action.low.dtype == action.high.dtype == np.float32
    environment.reset(jax.random.key(0))
    pushed = jax.numpy.float32([[1.5], [-1.5]])  # what a compiled agent returns; NumPy may not write into it
    step = environment.step(None, None, pushed)[1]
    assert step.reward.shape == (2,)
    assert environment.spec.time_limit_steps == 200
    assert [float(single.last_u) for single in unwrapped(environment)] == [1.5, -1.5]


def test_an_environment_of_a_module(tmp_path, monkeypatch):
    (tmp_path / "strange_module.py").write_text(
        textwrap.dedent(
            """
            import gymnasium
            from gymnasium.envs.classic_control import PendulumEnv
            gymnasium.register("Strange-v3", entry_point=PendulumEnv, max_episode_steps=7)
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        spec = make("strange_module:Strange-v3", 1).spec
        assert (spec.identifier, spec.time_limit_steps) == ("strange_module:Strange-v3", 7)
        with pytest.raises(
            UserError, match=r"^environment is 'strange_module:Strang-v3': .*; did you mean 'Strange-v3'\?$"
        ):
            make("strange_module:Strang-v3", 1)
    finally:
        gymnasium.registry.pop("Strange-v3", None)


def test_close():
    with registered() as name:
        environment = make(name, 2)
    environment.close()
    assert all(single.closed for single in unwrapped(environment))


# Environments that misbehave: what they do, and what the one line says.
def nan_observation(self):
    return np.array([self.count, np.nan if self.count == 2 else 0.0])


def raising(self, action):
    raise OSError("the motor\n  is hot")


MISBEHAVIOUR = {
    "nan observation": ({"observe": nan_observation}, r"failed at step 2: the observation is not finite"),
    "wrong shape": (
        {"observe": lambda self: np.zeros(1)},
        r"in its reset after step 0: .* shape \(1,\), and its space has shape \(2,\)$",
    ),
    "nan reward": ({"reward": lambda self, action: float("nan")}, r"failed at step 1: the reward is not finite"),
    "infinite reward": ({"reward": lambda self, action: float("-inf")}, r"failed at step 1: the reward is not finite"),
    "no reward": ({"reward": lambda self, action: None}, r"failed at step 1: "),
    "raises": ({"reward": raising}, r"failed at step 1: OSError: the motor is hot$"),
    "old interface": (
        {"step": lambda self, action: (self.observe(), 0.0, False, {})},
        r"at step 1: its step returned 4 values \(ndarray, float, bool, dict\), and ",
    ),
    "nan after a reset": (
        {"observe": lambda self: np.array([self.count, np.nan if self.num_resets == 2 and self.count == 0 else 0.0])},
        r"in its reset after step 4: the observation is not finite",
    ),
}


@pytest.mark.parametrize("what", MISBEHAVIOUR)
def test_misbehaviour_is_told_in_one_line(what):
    changes, line = MISBEHAVIOUR[what]

    class Resets(Counter):
        num_resets = 0

        def reset(self, **options):
            self.num_resets += 1
            return super().reset(**options)

    with registered("Bad-v0", type("Bad", (Resets,), changes)):
        environment = make("Bad-v0", 2)
    with pytest.raises(UserError, match=line) as caught:
        play(environment, 8)
    assert str(caught.value).startswith("environment 'Bad-v0' (1 of 2) failed ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (lambda seen: seen[:-1], r"at step 2: the observation has shape \(16,\), and its space has shape \(17,\)$"),
        (lambda seen: np.append(seen[:-1], np.inf), r"at step 2: the observation is not finite: inf at \[16\]$"),
    ],
)
def test_mujoco_that_misbehaves_is_told_in_one_line(wrong, line):
    def observe(self):
        seen = HalfCheetahEnv._get_obs(self)
        return wrong(seen) if self.data.time > 0.06 else seen  # a step is 0.05 seconds

    with registered("Bad-v0", type("Bad", (HalfCheetahEnv,), {"_get_obs": observe})):
        environment = make("Bad-v0", 2)
    environment.reset(jax.random.key(0))
    action = np.zeros((2, 6), np.float32)
    environment.step(None, None, action)
    with pytest.raises(UserError, match=rf"^environment 'Bad-v0' \(1 of 2\) failed {line}"):
        environment.step(None, None, action)


def test_the_cause_of_a_failure_is_kept_and_its_environment_named():
    class Second(Counter):
        def reward(self, action):
            if action == 7:
                raise RuntimeError("the motor\n  is hot")
            return 0.0

    with registered("Bad-v0", Second):
        environment = make("Bad-v0", 3)
    environment.reset(jax.random.key(0))
    expected = r"^environment 'Bad-v0' \(2 of 3\) failed at step 1: RuntimeError: the motor is hot$"
    with pytest.raises(UserError, match=expected) as caught:
        environment.step(None, None, np.array([0, 2, 0], np.int32))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_user_may_interrupt():
    def interrupted(self, action):
        raise KeyboardInterrupt

    with registered("Slow-v0", type("Slow", (Counter,), {"reward": interrupted})):
        environment = make("Slow-v0", 1)
    environment.reset(jax.random.key(0))
    with pytest.raises(KeyboardInterrupt):
        environment.step(None, None, np.zeros(1, np.int32))


class Ending(Counter):
    """Raises `error` in one of its parts."""

    where = error = None

    def __init__(self, where, error):
        self.where, self.error = where, error
        super().__init__()
        self.fail("__init__")

    def fail(self, where):
        if where == self.where:
            raise self.error

    @property
    def action_space(self):
        self.fail("action_space")
        return Counter.action_space

    def reset(self, **options):
        self.fail("reset")
        return super().reset(**options)

    def reward(self, action):
        self.fail("step")
        return 0.0


class Speechless(Exception):
    def __str__(self):
        raise ValueError("no words")


class Foreign(BaseException):
    pass


@pytest.mark.parametrize("where", ["__init__", "action_space", "reset", "step"])
@pytest.mark.parametrize(
    "error",
    [SystemExit(0), SystemExit(130), GeneratorExit(), Foreign(), StopIteration(3), Divergence("of mine"), Speechless()],
    ids=repr,
)
def test_whatever_an_environment_raises_is_a_mistake_of_its_own(where, error):
    """It ends no process, and no run is taken to have diverged."""
    with registered("Ending-v0", Ending, kwargs={"where": where, "error": error}), pytest.raises(UserError) as caught:
        play(make("Ending-v0", 2), 1)
    told = str(caught.value)
    assert "Ending-v0" in told
    assert type(error).__name__ in told
    assert ("the environment ended the process" in told) == (not isinstance(error, Exception))


UNFIT = {
    "no observations": (
        {"observation_space": spaces.Box(0, 1, (0,))},
        r"observations are Box\(.*a Box that is not empty",
    ),
    "no actions": ({"action_space": spaces.Box(0, 1, (2, 0))}, r"actions are Box\(.*a Box of floats that is not empty"),
    "far away": ({"action_space": spaces.Box(1e30, 1e31, (1,))}, r"actions are Box\(.*none as large as 1e\+18 is"),
    "dict observations": (
        {"observation_space": spaces.Dict(a=spaces.Discrete(2))},
        "observations are Dict.*only a Box",
    ),
    "index observations": (
        {"observation_space": spaces.Discrete(7)},
        r"observations are Discrete\(7\), and only a Box",
    ),
    "no space at all": ({"observation_space": None}, "observation_space is None, of type .*NoneType, and must be one"),
    "text for a space": ({"action_space": "Discrete(2)"}, r"action_space is 'Discrete\(2\)', of type builtins.str"),
    "several actions": (
        {"action_space": spaces.MultiDiscrete([2, 2])},
        "actions are MultiDiscrete.*only Discrete and a Box",
    ),
    "whole actions": (
        {"action_space": spaces.Box(0, 3, (1,), np.int32)},
        "actions are Box.*a Box of floats that is not empty are",
    ),
}


@pytest.mark.parametrize("what", UNFIT)
def test_spaces_that_do_not_fit_are_refused_and_closed(what):
    spaces_of, line = UNFIT[what]
    made = []
    entry_point = lambda: made.append(type("Unfit", (Counter,), spaces_of)()) or made[-1]
    with (
        registered("Unfit-v0", entry_point),
        pytest.raises(UserError, match=rf"^environment is 'Unfit-v0': its {line}[^\n]*$"),
    ):
        make("Unfit-v0", 4)
    assert [single.closed for single in made] == [True], "one is enough to see the spaces, and it is given back"


@pytest.mark.parametrize("identifier", ["Taxi-v4", "FrozenLake-v1", "Blackjack-v1"])
def test_tabular_tasks_are_refused(identifier):
    with pytest.raises(
        UserError,
        match=rf"^environment is '{identifier}': its observations are .*only a Box that is not empty is allowed",
    ):
        make(identifier, 1)


def test_an_environment_that_cannot_be_made():
    def broken():
        raise OSError("no display")

    with (
        registered("Broken-v0", broken),
        pytest.raises(UserError, match=r"^environment is 'Broken-v0': it cannot be made: OSError: no display$"),
    ):
        HostEnvironment("Broken-v0", 1)


def test_each_environment_is_made_once():
    made = []
    with registered("Once-v0", lambda: made.append(0) or Counter()):
        environment = make("Once-v0", 3)
    assert environment.spec.action == Discrete(3)
    assert len(made) == 3
