"""Tasks of one's own as compiled environments: brought by a module, and checked before they compile."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparserl import environments
from sparserl.environments import TASKS, Task, make
from sparserl.types import Box, Discrete, UserError


class State(NamedTuple):
    time: jax.Array
    place: jax.Array


def begin(key):
    return State(jnp.int32(0), jax.random.uniform(key))


def step(state, action):
    place = state.place + action - 1
    return State(state.time + 1, place), -jnp.abs(place), jnp.abs(place) > 2


def observe(state):
    return state.place[None]


TASK = Task(1, Discrete(3), 5, begin, step, observe)


@pytest.fixture
def tasks():
    known = dict(TASKS)
    yield TASKS
    TASKS.clear()
    TASKS.update(known)


def test_a_task_of_ones_own_is_a_compiled_environment(tasks):
    tasks["Walk-v0"] = TASK
    environment = make("Walk-v0", 2, "compiled")
    assert environment.spec.observation_shape == (1,)
    state, _ = environment.reset(jax.random.key(0))
    began = np.asarray(state.place)
    for number in range(5):
        state, ts = environment.step(jax.random.key(number), state, jnp.array([1, 2]))
    np.testing.assert_allclose(ts.next_observation[0, 0], began[0])
    assert ts.truncated.tolist() == [True, False], "the second fell off at its third step and began anew"


def test_a_module_brings_its_task(tmp_path, monkeypatch, tasks):
    shutil.copy(__file__, tmp_path / "brings_walk.py")
    with (tmp_path / "brings_walk.py").open("a") as file:
        file.write("\n\nTASKS['Brought-v0'] = TASK\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert make("brings_walk:Brought-v0", 1, "compiled").spec.time_limit_steps == 5
    with pytest.raises(UserError, match="'brings_walk:Brough-v0': it is not a compiled one"):
        make("brings_walk:Brough-v0", 1, "compiled")
    with pytest.raises(UserError, match="Brought-v0': it is a JAX program, which needs environment_backend"):
        make("brings_walk:Brought-v0", 1)
    with pytest.raises(UserError, match="module 'no_such_module' cannot be imported"):
        make("no_such_module:Brought-v0", 1, "compiled")
    assert not Path(os.getcwd(), "brings_walk.py").exists()


def of_step(change):
    return TASK._replace(step=lambda state, action: change(*step(state, action)))


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (TASK._replace(begin=lambda key: {"place": 0.0}), "begin must return a NamedTuple with the field time"),
        (TASK._replace(begin=lambda key: State(0.0, 0.0)), "begin must return a NamedTuple with the field time"),
        (
            TASK._replace(begin=lambda key: State(jnp.int32(0), key), observe=lambda state: jnp.zeros(1)),
            "place of its state is a key: keep jax.random.key_data",
        ),
        (of_step(lambda state, reward, end: (state._replace(place=1), reward, end)), "step returns a state of time"),
        (of_step(lambda state, reward, end: (state, reward[None], end)), r"reward of step is float32 \[1\]"),
        (of_step(lambda state, reward, end: (state, reward, 1.0)), "end of step is float"),
        (of_step(lambda state, reward, end: (state, reward)), "step must return three things"),
        (TASK._replace(num_features=2), r"observe is float32 \[1\], and must be float32 \[2\]"),
        (TASK._replace(action=Box((1,), -np.ones(1), np.ones(1))), "step returns a state of time"),
        (TASK._replace(step=lambda state, action: 1 / 0), "step of its task cannot be traced: division by zero"),
        (TASK._replace(begin=lambda key: float(jax.random.uniform(key))), "begin of its task cannot be traced"),
    ],
)
def test_a_task_that_cannot_be_used_is_told_in_one_line(tasks, task, told):
    tasks["Walk-v0"] = task
    with pytest.raises(UserError, match=told) as caught:
        make("Walk-v0", 1, "compiled")
    assert caught.value.field == "environment"
    assert "\n" not in str(caught.value)


def test_a_task_of_ones_own_has_no_pictures(tasks):
    tasks["Walk-v0"] = TASK
    with pytest.raises(UserError, match="which has no pictures"):
        environments.try_filming("Walk-v0", "compiled")
