"""Whether a task of one's own is what the batched environment takes it for, told before anything is compiled."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.calls import one_line
from sparserl.environments.tasks import Task
from sparserl.types import Discrete, UserError


def check_task(identifier: str, task: Task) -> None:
    """Raises `UserError` where its functions cannot be traced, or give other shapes and types than `Task` states."""

    def traced(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return jax.eval_shape(function, *arguments)
        except Exception as error:
            why = one_line(str(error))
            raise UserError(
                f"{name} of its task cannot be traced: {why}", field="environment", value=identifier
            ) from error

    def refuse(problem: str | None) -> None:
        if problem is not None:
            raise UserError(problem, field="environment", value=identifier)

    state = traced("begin", task.begin, jax.random.key(0))
    refuse(_problem_of_state(state))
    stepped = traced("step", task.step, state, _action(task))
    seen = traced("observe", task.observe, state)
    refuse(_problem_of_step(state, stepped))
    refuse(_other("observe", seen, f"float32 [{task.num_features}]"))


def _action(task: Task) -> jax.Array:
    return jnp.int32(0) if isinstance(task.action, Discrete) else jnp.zeros(task.action.shape, jnp.float32)


def _problem_of_state(state: Any) -> str | None:
    time = getattr(state, "time", None)
    if time is None or _kind(time) != "int32 []":
        return "begin must return a NamedTuple with the field time, an int32 scalar that counts the episode's steps"
    if keys := [name for name, kind in _named(state) if kind.startswith("key<")]:  # NumPy and files know no such type
        return f"{keys[0]} of its state is a key: keep jax.random.key_data(key), and use jax.random.wrap_key_data"
    return None


def _problem_of_step(state: Any, stepped: Any) -> str | None:
    if not isinstance(stepped, tuple | list) or len(stepped) != 3:
        return "step must return three things: the next state, the reward, and whether the task is over"
    after, reward, terminated = stepped
    if _kinds(after) != _kinds(state):
        return f"step returns a state of {_kinds(after)}, and begin one of {_kinds(state)}"
    return _other("reward of step", reward, "float32 []") or _other("end of step", terminated, "bool []")


def _other(what: str, value: Any, kind: str) -> str | None:
    return f"{what} is {_kind(value)}, and must be {kind}" if _kind(value) != kind else None


def _kind(value: Any) -> str:
    value = value if hasattr(value, "dtype") else np.asarray(value)
    return f"{value.dtype} [{', '.join(map(str, value.shape))}]"


def _kinds(state: Any) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in _named(state))


def _named(state: Any) -> list[tuple[str, str]]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return [(jax.tree_util.keystr(path).strip("."), _kind(leaf)) for path, leaf in leaves]
