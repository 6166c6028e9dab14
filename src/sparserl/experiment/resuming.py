"""Resuming: everything that decides how a run goes on, as arrays and plain data, and the way back.

Keys are no part of it: those of a step follow from the seed and the step's number.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from sparserl import persistence, training
from sparserl.agents import replay
from sparserl.diagnostics import History
from sparserl.environments.snapshots import Snapshot
from sparserl.experiment.building import Built
from sparserl.experiment.setting import MOST, check_number
from sparserl.experiment.stored import as_stored, filled, leaves
from sparserl.persistence import Generation, Ring
from sparserl.training import Episodes, LoopState
from sparserl.types import AgentState, Array, Key, UserError, innermost

Histories = Mapping[str, History]  # what an observer knows of the topologies, by network
Resume = Literal["auto", "exact", "fresh-episode"]
"""How a run goes on: exactly where its environment can be captured, and with fresh episodes elsewhere; exactly or from
step 0; with fresh episodes always."""

_PIECE_ROWS = 1024  # that are put into a ring at once
_SNAPSHOT, _STATE, _HISTORY = "snapshot/", "state/", "history/"


class Captured(NamedTuple):
    """A run between two steps: arrays by name, plain data, and the replay where it is a ring."""

    arrays: dict[str, np.ndarray]
    document: dict[str, Any]
    ring: Ring | None


class Break(NamedTuple):
    """Where a run was broken off and went on with fresh episodes: its step, and how many steps its replay had seen."""

    num_steps: int
    num_added: int


class Restored(NamedTuple):
    """A run to go on with; the host environment, if it is one, has been laid out as it was or begun afresh."""

    state: LoopState
    histories: Histories | None
    breaks: tuple[Break, ...] = ()


def check_way(chunk_steps: int | None, resume: Resume) -> None:
    """Raises UserError for a number of steps, or a word, that says of no run how it goes on."""
    if chunk_steps is not None:
        check_number("chunk_steps", chunk_steps, 1, MOST)
    if resume not in get_args(Resume):
        raise UserError(field="resume", value=resume, allowed=get_args(Resume))


def obstacle(built: Built) -> str | None:
    """Why a run that has begun could not go on exactly, in one line; None where it could, which is tried."""
    if built.environment.compiled:
        return None
    ask = getattr(innermost(built.environment), "snapshot_obstacle", None)
    why: str | None = ask() if ask else "its environment has no snapshots"
    others: Any = innermost(built.evaluation_environment)
    if why is None and hasattr(others, "inexact"):
        why = others.inexact()
    if why is not None and hasattr(others, "distrust"):
        others.distrust(why)
    return why


def capture(
    built: Built,
    state: LoopState,
    histories: Histories | None,
    breaks: Sequence[Break] = (),
    with_environment: bool = True,
) -> Captured:
    """Everything that decides how a run goes on. Arrays may be views, valid as long as `state` is.

    breaks: those so far. with_environment: unless it will go on with fresh episodes; raises `UserError` where a host
    environment cannot be captured.
    """
    arrays: dict[str, np.ndarray] = {}
    document: dict[str, Any] = {"environment": None, "breaks": [list(each) for each in breaks]}
    if not built.environment.compiled and with_environment:
        snapshot = innermost(built.environment).snapshot()  # type: ignore[attr-defined]
        document["environment"] = snapshot.document
        arrays |= {_SNAPSHOT + name: array for name, array in snapshot.arrays.items()}
    agent, ring = state.agent, None
    if built.plan.kind.memory is not None:
        ring = Ring(_named(agent.replay.storage), int(agent.replay.num_added))
        agent = agent._replace(replay=_without_ring(agent.replay))
    arrays |= {_STATE + name: array for name, array in _named(state._replace(agent=agent)).items()}
    if histories is not None:
        arrays |= {_HISTORY + name: array for name, array in _named(_as_tree(histories)).items()}
    return Captured(arrays, document, ring)


def restore(
    built: Built, generation: Generation, with_histories: bool, key: Key | None = None, resume: Resume = "auto"
) -> Restored:
    """The run that was captured in `generation`, in an experiment that is built in the same way.

    with_histories: those of an observer, too. key: the run's, for fresh episodes. Raises `UserError` where the arrays
    are those of another one, and where the run could only go on otherwise than `resume` asks.
    """
    within = lambda prefix: {
        name.removeprefix(prefix): array for name, array in generation.arrays.items() if name.startswith(prefix)
    }
    arrays = within(_STATE)
    if "episodes/open_return" in arrays:  # earlier versions kept no rest
        arrays.setdefault("episodes/open_rest", np.zeros_like(arrays["episodes/open_return"]))
    agent = as_stored(built, {name.removeprefix("agent/groups/"): array for name, array in arrays.items()})
    is_ring = built.plan.kind.memory is not None
    breaks = tuple(Break(*map(int, each)) for each in generation.document.get("breaks", ()))
    if is_ring:
        agent = agent._replace(replay=_broken_off(built, agent.replay, breaks))
    template = _template(built, agent._replace(replay=_without_ring(agent.replay)) if is_ring else agent)
    state = filled(template, arrays, f"checkpoint {generation.name}")
    if is_ring:
        storage, num_added = _refilled(agent.replay.storage, generation)
        for each in breaks:
            if each.num_added > int(num_added) - len(storage.reward):  # it is still in the ring
                storage = replay.truncated(storage, jnp.int32(each.num_added))
        whole = state.agent.replay._replace(storage=storage, num_added=num_added)
        state = state._replace(agent=state.agent._replace(replay=whole))
    histories = _histories(within(_HISTORY), generation.name) if with_histories else None
    snapshot = generation.document["environment"]
    if int(state.num_steps) >= built.plan.experiment.total_steps:  # there is no step to come
        return Restored(state, histories, breaks)
    if resume == "fresh-episode" or (snapshot is None and not built.environment.compiled):
        if resume == "exact":
            raise UserError(
                f"checkpoint {generation.name} holds no snapshot of environment {built.environment.spec.identifier!r}, "
                "so the run can only go on with fresh episodes",
                field="resume",
                value="exact",
            )
        assert key is not None
        return _afresh(built, state, histories, breaks, key)
    if snapshot is not None:
        innermost(built.environment).restore(Snapshot(snapshot, within(_SNAPSHOT)))  # type: ignore[attr-defined]
    return Restored(state, histories, breaks)


def _afresh(
    built: Built, state: LoopState, histories: Histories | None, breaks: tuple[Break, ...], key: Key
) -> Restored:
    """The run with fresh episodes; what its replay holds of the open ones ends where they were broken off."""
    num_added, agent = 0, state.agent
    if built.plan.kind.memory is not None:
        num_added = int(agent.replay.num_added)
        agent = agent._replace(replay=built.plan.kind.memory(built.plan.spec).cut_off(agent.replay))
    state = training.afresh(built.environment, key, state._replace(agent=agent))
    return Restored(state, histories, (*breaks, Break(int(state.num_steps), num_added)))


def _broken_off(built: Built, shapes: Any, breaks: Sequence[Break]) -> Any:
    """The shapes of a replay that was cut off at so many breaks."""
    assert built.plan.kind.memory is not None
    memory = built.plan.kind.memory(built.plan.spec)
    for _ in breaks:
        shapes = jax.eval_shape(memory.cut_off, shapes)
    return shapes


def _template(built: Built, agent: AgentState) -> Any:
    """The loop's state with shapes in place of arrays, around those of its agent's."""
    environment, spec = built.environment, built.environment.spec
    count = environment.num_envs
    inner = jax.eval_shape(environment.reset, jax.random.key(0))[0] if environment.compiled else None
    shaped: Any = jax.ShapeDtypeStruct
    floats, integers = shaped((count,), np.float32), shaped((count,), np.int32)
    observation = shaped((count, *spec.observation_shape), spec.observation_dtype)
    episodes = Episodes(floats, floats, integers, floats)
    return LoopState(shaped((), np.int32), agent, inner, observation, episodes, shaped((), np.bool_))


def _without_ring(replay: Any) -> Any:
    """What of a replay is no part of its ring: few arrays, or none."""
    return replay._replace(storage=None, num_added=None)


def _refilled(template: Any, generation: Generation) -> tuple[Any, Array]:
    """The ring with the rows that were stored at the places that they had, and how many there have been.

    It is filled piece by piece where it is to stay, since it may take most of the memory.
    """
    shapes = leaves(template)
    ring = {name: jnp.zeros(shape.shape, shape.dtype) for name, shape in shapes.items()}
    capacity = min(len(array) for array in ring.values())
    for first, rows in persistence.ring_rows(generation.segments, generation.stored, shapes):
        num_rows = len(next(iter(rows.values())))
        for begin in range(0, num_rows, _PIECE_ROWS):
            numbers = np.arange(begin, begin + _PIECE_ROWS)
            at = np.where(numbers < num_rows, (first + numbers) % capacity, capacity)  # beyond the end: left out
            piece = {name: array[np.minimum(numbers, num_rows - 1)] for name, array in rows.items()}
            ring = _put(ring, at, piece)
    storage = jax.tree.unflatten(jax.tree.structure(template), [ring[name] for name in shapes])
    return storage, jnp.int32(generation.segments[-1].last if generation.segments else 0)


@functools.partial(jax.jit, donate_argnums=0)
def _put(ring: dict[str, Array], at: Array, rows: dict[str, Array]) -> dict[str, Array]:
    return {name: jnp.asarray(array).at[at].set(rows[name], mode="drop") for name, array in ring.items()}


def _named(tree: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(leaf) for name, leaf in leaves(tree).items()}


def _as_tree(histories: Histories) -> dict[str, Any]:
    return {network: {field: dict(masks) for field, masks in h._asdict().items()} for network, h in histories.items()}


def _histories(arrays: Mapping[str, np.ndarray], where: str) -> Histories:
    """The way back from `_as_tree`: network/field/layer."""
    by_network: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for name, array in arrays.items():
        network, field, layer = name.split("/", 2)
        by_network.setdefault(network, {}).setdefault(field, {})[layer] = array
    if not by_network:
        raise UserError(f"checkpoint {where} was made without diagnostics: go on without, or begin anew elsewhere")
    return {network: History(**fields) for network, fields in by_network.items()}
