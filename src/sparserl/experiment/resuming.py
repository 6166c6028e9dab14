"""Resuming: everything that decides how a run goes on, as arrays and plain data, and the way back.

Keys are no part of it: those of a step follow from the seed and the step's number.
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl import persistence
from sparserl.diagnostics import History
from sparserl.environments.snapshots import Snapshot
from sparserl.experiment.building import Built
from sparserl.experiment.stored import as_stored, filled, leaves
from sparserl.persistence import Generation, Ring
from sparserl.training import Episodes, LoopState
from sparserl.types import AgentState, Array, UserError, innermost

Histories = Mapping[str, History]  # what an observer knows of the topologies, by network

_PIECE_ROWS = 1024  # that are put into a ring at once
_SNAPSHOT, _STATE, _HISTORY = "snapshot/", "state/", "history/"


class Captured(NamedTuple):
    """A run between two steps: arrays by name, plain data, and the replay where it is a ring."""

    arrays: dict[str, np.ndarray]
    document: dict[str, Any]
    ring: Ring | None


class Restored(NamedTuple):
    """A run to go on with; the host environment, if it is one, has been laid out as it was."""

    state: LoopState
    histories: Histories | None


def obstacle(built: Built) -> str | None:
    """Why a run that has begun could not be captured, in one line; None where it can."""
    if built.environment.compiled:
        return None
    ask = getattr(innermost(built.environment), "snapshot_obstacle", None)
    return ask() if ask else "its environment has no snapshots"


def capture(built: Built, state: LoopState, histories: Histories | None) -> Captured:
    """Everything that decides how a run goes on. Arrays may be views, valid as long as `state` is.

    Raises `UserError` where a host environment cannot be captured.
    """
    arrays: dict[str, np.ndarray] = {}
    document: dict[str, Any] = {"environment": None}
    if not built.environment.compiled:
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


def restore(built: Built, generation: Generation, with_histories: bool) -> Restored:
    """The run that was captured in `generation`, in an experiment that is built in the same way.

    with_histories: those of an observer, too. Raises `UserError` where the arrays are those of another one.
    """
    within = lambda prefix: {
        name.removeprefix(prefix): array for name, array in generation.arrays.items() if name.startswith(prefix)
    }
    arrays = within(_STATE)
    if "episodes/open_return" in arrays:  # earlier versions kept no rest
        arrays.setdefault("episodes/open_rest", np.zeros_like(arrays["episodes/open_return"]))
    agent = as_stored(built, {name.removeprefix("agent/groups/"): array for name, array in arrays.items()})
    is_ring = built.plan.kind.memory is not None
    template = _template(built, agent._replace(replay=_without_ring(agent.replay)) if is_ring else agent)
    state = filled(template, arrays, f"checkpoint {generation.name}")
    if is_ring:
        storage, num_added = _refilled(agent.replay.storage, generation)
        whole = state.agent.replay._replace(storage=storage, num_added=num_added)
        state = state._replace(agent=state.agent._replace(replay=whole))
    if not built.environment.compiled:
        snapshot = Snapshot(generation.document["environment"], within(_SNAPSHOT))
        innermost(built.environment).restore(snapshot)  # type: ignore[attr-defined]
    return Restored(state, _histories(within(_HISTORY), generation.name) if with_histories else None)


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
    found: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for name, array in arrays.items():
        network, field, layer = name.split("/", 2)
        found.setdefault(network, {}).setdefault(field, {})[layer] = array
    if not found:
        raise UserError(f"checkpoint {where} was made without diagnostics: go on without, or begin anew elsewhere")
    return {network: History(**fields) for network, fields in found.items()}
