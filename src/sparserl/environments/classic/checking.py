"""Whether a task of one's own is what the batched environment takes it for, told before anything is compiled."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.calls import one_line
from sparserl.environments.classic.task import Task
from sparserl.types import Discrete, UserError


def check_task(identifier: str, task: Task) -> None:
    """Raises `UserError` where its functions cannot be traced, or give other shapes and types than `Task` states."""
    if problem := _problem(task):
        raise UserError(problem, field="environment", value=identifier)


def _problem(task: Task) -> str | None:
    discrete = isinstance(task.action, Discrete)
    action = jnp.int32(0) if discrete else jnp.zeros(task.action.shape, jnp.float32)  # type: ignore[union-attr]
    doing = "begin"
    try:
        state = jax.eval_shape(task.begin, jax.random.key(0))
        doing = "step"
        after, reward, terminated = jax.eval_shape(task.step, state, action)
        doing = "observe"
        seen = jax.eval_shape(task.observe, state)
    except Exception as error:
        return f"{doing} of its task cannot be traced: {one_line(str(error))}"
    time = getattr(state, "time", None)
    if time is None or _kind(time) != "int32 []":
        return "begin must return a NamedTuple with the field time, an int32 scalar that counts the episode's steps"
    if keys := [name for name, kind in _named(state) if kind.startswith("key<")]:  # NumPy and files know no such type
        return f"{keys[0]} of its state is a key: keep jax.random.key_data(key), and use jax.random.wrap_key_data"
    if _kinds(after) != _kinds(state):
        return f"step returns a state of {_kinds(after)}, and begin one of {_kinds(state)}"
    wanted = (("reward of step", reward, "float32 []"), ("end of step", terminated, "bool []"))
    for what, value, kind in (*wanted, ("observe", seen, f"float32 [{task.num_features}]")):
        if _kind(value) != kind:
            return f"{what} is {_kind(value)}, and must be {kind}"
    return None


def _kind(value: Any) -> str:
    value = value if hasattr(value, "dtype") else np.asarray(value)
    return f"{value.dtype} [{', '.join(map(str, value.shape))}]"


def _kinds(state: Any) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in _named(state))


def _named(state: Any) -> list[tuple[str, str]]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return [(jax.tree_util.keystr(path).strip("."), _kind(leaf)) for path, leaf in leaves]
