"""MuJoCo's part of a snapshot: a simulation between two steps as plain arrays, exact to the last bit.

The next step depends on MuJoCo's integration state, warm starts included. What an environment reads before that step
was computed during the previous step, from where the bodies were then (`xpos`, `cinert`, `cfrc_ext`); recomputed, the
numbers would differ. So every array whose size the model decides is copied, and contacts are detected again from the
copied positions of the geoms. The rows of the constraint solver (`efc_*`) are not kept; the next step computes them.
"""

import hashlib
import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np

_PICTURES = "tex_data"  # most of a model's bytes, and left out; the digest tells if they have changed
_SCALARS = (int, float)


def is_model(value: object) -> bool:
    """Whether this is an MjModel, judged by name because MuJoCo may not be installed."""
    return (type(value).__module__, type(value).__name__) == ("mujoco._structs", "MjModel")


def is_data(value: object) -> bool:
    """Whether this is an MjData: the part of a simulation that changes."""
    return (type(value).__module__, type(value).__name__) == ("mujoco._structs", "MjData")


def obstacle(model: Any) -> str | None:
    """What gives simulations of this model state that is in no array; None where nothing does."""
    sleep = getattr(_mujoco().mjtEnableBit, "mjENBL_SLEEP", 0)
    if model.nplugin:
        return "a MuJoCo model with plugins"
    return "a MuJoCo model whose bodies may sleep" if model.opt.enableflags & int(sleep) else None


def digest(model: Any) -> str:
    """SHA-256 of everything in a model."""
    content = np.empty(_mujoco().mj_sizeModel(model), np.uint8)
    _mujoco().mj_saveModel(model, None, content)
    return hashlib.sha256(content.data).hexdigest()


def model_bytes(model: Any) -> np.ndarray:
    """A model's numbers, uint8 `[byte]`; an environment may change them, as the mass of a body."""
    return _packed(_model_fields(model))


def set_model(model: Any, content: np.ndarray) -> None:
    """Write what `model_bytes` returned into a model. Raises ValueError where their sizes differ."""
    _unpack(list(_model_fields(model)), content)


def data_arrays(data: Any) -> tuple[np.ndarray, np.ndarray]:
    """The integration state, float64 `[number]`, and every array of a fixed size, uint8 `[byte]`."""
    kind = _integration()
    state = np.empty(_mujoco().mj_stateSize(data.model, kind), np.float64)
    _mujoco().mj_getState(data.model, data, state, kind)
    return state, _packed(_data_fields(data))


def set_data(data: Any, state: np.ndarray, content: np.ndarray, with_contacts: bool = True) -> None:
    """Continue from what `data_arrays` returned. Raises ValueError where the sizes differ.

    with_contacts: whether there were any; before its first step a simulation has no positions to detect them from.
    """
    if state.shape != (_mujoco().mj_stateSize(data.model, _integration()),):
        raise ValueError("the sizes of the MuJoCo models differ")
    _mujoco().mj_resetData(data.model, data)
    _mujoco().mj_setState(data.model, data, state.astype(np.float64), _integration())
    fields = list(_data_fields(data))
    _unpack(fields, content)
    if with_contacts:
        _mujoco().mj_collision(data.model, data)
        _unpack(fields, content)  # detecting contacts changes some of them


StructField = tuple[Any, str]  # a struct, and the name of one of its fields


def _model_fields(model: Any) -> Iterator[StructField]:
    yield from ((model, name) for name in _array_names(model) if name != _PICTURES)
    for part in (model.opt, model.stat):
        yield from ((part, name) for name in _array_names(part))
        yield from ((part, name) for name in sorted(dir(part)) if type(getattr(part, name)) in _SCALARS)


def _data_fields(data: Any) -> Iterator[StructField]:
    """The arrays of a fixed size: fresh data has memory for these alone, and returns a copy of all others."""
    fresh = _mujoco().MjData(data.model)
    yield from ((data, name) for name in _array_names(fresh) if not getattr(fresh, name).flags.owndata)


def _array_names(struct: Any) -> list[str]:
    is_ours = lambda value: isinstance(value, np.ndarray) and value.size and value.flags.writeable
    return [name for name in sorted(dir(struct)) if name[0] != "_" and is_ours(getattr(struct, name))]


def _packed(fields: Iterator[StructField]) -> np.ndarray:
    content = b"".join(np.asarray(getattr(struct, name)).tobytes() for struct, name in fields)
    return np.frombuffer(content, np.uint8)


def _unpack(fields: list[StructField], content: np.ndarray) -> None:
    """Write `content` into the fields, in order."""
    content = np.ascontiguousarray(content, np.uint8)
    old = [np.asarray(getattr(struct, name)) for struct, name in fields]
    if content.shape != (sum(value.nbytes for value in old),):
        raise ValueError("the sizes of the MuJoCo models differ")
    start = 0
    for (struct, name), value in zip(fields, old, strict=True):
        new = content[start : start + value.nbytes].view(value.dtype).reshape(value.shape)
        start += value.nbytes
        if type(getattr(struct, name)) in _SCALARS:
            setattr(struct, name, new.item())
        else:
            getattr(struct, name)[...] = new


def _integration() -> int:
    return int(_mujoco().mjtState.mjSTATE_INTEGRATION)


def _mujoco() -> Any:
    return importlib.import_module("mujoco")
