"""MuJoCo Playground beside its own functions; where it is not installed, only what is said then."""

import importlib.util
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparserl.environments import PlaygroundEnvironment, make
from sparserl.types import Box, UserError

pytestmark = pytest.mark.slow

installed = pytest.mark.skipif(importlib.util.find_spec("mujoco_playground") is None, reason="it is an extra")
TASK, FEATURES, LIMIT = "playground:CartpoleBalance", 5, 1000


@pytest.fixture(autouse=True)
def lenient():
    """What Playground does is not our concern: ranks, and what its dependencies deprecate."""
    with jax.numpy_rank_promotion("allow"):
        yield


def strong(tree):
    return all(not x.aval.weak_type for x in jax.tree.leaves(tree))


def test_where_it_is_not_installed_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco_playground", None)
    missing = r"it needs a package that is not installed: pip install 'sparserl\[playground\]'$"
    with pytest.raises(UserError, match=rf"^environment is 'playground:No': {missing}"):
        make("playground:No", 1)


@installed
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("playground:cheetahrun", 1), r"MuJoCo Playground has no such task; did you mean 'playground:CheetahRun'\?$"),
        ((TASK, 0), r"num_envs is 0: at least 1 is needed"),
        ((TASK, 1, "host"), r"module 'playground' cannot be imported"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, line):
    with pytest.raises(UserError, match=line) as caught:
        make(*arguments)
    assert "\n" not in str(caught.value)


@installed
@pytest.mark.filterwarnings("ignore")
def test_an_episode_beside_playground_itself():
    from mujoco_playground import registry

    num_envs = 2
    environment = make(TASK, num_envs)
    assert isinstance(environment, PlaygroundEnvironment)
    spec = environment.spec
    assert (spec.observation_shape, spec.observation_dtype, spec.time_limit_steps) == ((FEATURES,), np.float32, LIMIT)
    assert isinstance(spec.action, Box)
    assert (spec.action.low.tolist(), spec.action.high.tolist()) == ([-1.0], [1.0])

    key = jax.random.key(3)
    state, first = environment.reset(key)
    assert strong((state, first))
    actions = jax.random.uniform(jax.random.key(1), (LIMIT + 2, num_envs, 1), minval=-1.0)
    keys = jax.random.split(jax.random.key(2), LIMIT + 2)
    step = lambda state, inputs: environment.step(inputs[0], state, inputs[1])
    last, steps = jax.lax.scan(step, state, (keys, actions))
    assert strong((last, steps))
    assert jax.tree.structure(last) == jax.tree.structure(state)
    assert steps.observation.shape == (LIMIT + 2, num_envs, FEATURES)
    assert [x.dtype for x in steps] == [np.float32, np.float32, np.bool_, np.bool_, np.float32]

    np.testing.assert_array_equal(np.flatnonzero(steps.truncated.all(1)), [LIMIT - 1])
    assert not steps.truncated[: LIMIT - 1].any()
    assert not steps.terminated.any()
    same = (np.asarray(steps.observation) == np.asarray(steps.next_observation)).all((1, 2))
    np.testing.assert_array_equal(np.flatnonzero(~same), [LIMIT - 1])
    assert last.num_steps.tolist() == [2, 2]
    assert (steps.observation[LIMIT - 1] != first).any(), "a second episode begins like the first"

    plain = registry.load("CartpoleBalance")
    begin, go_on = jax.jit(plain.reset), jax.jit(plain.step)
    for index, one in enumerate(jax.random.key_data(jax.random.split(key, num_envs))):
        there = begin(one)
        np.testing.assert_allclose(first[index], there.obs, rtol=1e-5, atol=1e-6)
        for number in range(20):
            there = go_on(there, actions[number, index])
            np.testing.assert_allclose(steps.next_observation[number, index], there.obs, rtol=1e-3, atol=1e-4)
            np.testing.assert_allclose(steps.reward[number, index], there.reward, rtol=1e-3)


@installed
@pytest.mark.filterwarnings("ignore")
def test_a_simulation_that_breaks_down_ends_its_episode():
    environment = make(TASK, 2)
    state, _ = environment.reset(jax.random.key(0))
    broken = state.simulation.data.qvel.at[1].set(jnp.nan)
    simulation = state.simulation.replace(data=state.simulation.data.replace(qvel=broken))
    state, step = environment.step(jax.random.key(1), state._replace(simulation=simulation), jnp.zeros((2, 1)))
    assert step.terminated.tolist() == [False, True]
    assert state.num_steps.tolist() == [1, 0]
    assert all(bool(jnp.isfinite(x).all()) for x in (step.observation, step.next_observation, step.reward))
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(state) if jnp.issubdtype(x.dtype, jnp.floating))
