"""State that environments share: attributes of classes and variables of modules (generators: `shared_random`).

Only what has changed since `remember` is written: the rest a new process has by itself.
"""

import collections
import enum
import hashlib
import json
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from sparserl.environments.capture import Node, NotExact, Writer, find_anywhere, name_of, roots_of
from sparserl.environments.rebuild import Reader

Singles = list[gymnasium.Env[Any, Any]]
_OTHERS = {"gymnasium", "builtins", "typing", "numpy", "mujoco"}  # packages whose classes and modules keep no state
_CODE = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, np.ufunc)
_REMEMBERED: dict[str, dict[str, str | None]] = {}  # digests by owner and name; None: it cannot be written


def remember(singles: Singles) -> None:
    """Take note of what classes and modules of newly built environments hold, the first time that each is met."""
    for owner in _owners(singles, set()):
        _REMEMBERED.setdefault(_label(owner), {name: _digest(owner, name, singles) for name in _names(owner)})


class Taken(NamedTuple):
    """What environments share, as it was, and the way back to it in the same process."""

    singles: Singles
    node: Node
    arrays: dict[str, np.ndarray]
    roots: frozenset[str]

    def give_back(self) -> None:
        """Whatever has changed since is again what it was."""
        reader = Reader(self.roots, self.arrays)
        restore(reader, self.node, self.singles)
        for commit in reader.commits:
            commit()


def taken(singles: Singles) -> Taken:
    """What these environments share with others, for a while."""
    writer = Writer(roots_of(singles))
    node = write(writer, singles, changed_only=False)
    return Taken(singles, node, writer.arrays, writer.roots)


def write(writer: Writer, singles: Singles, changed_only: bool = True) -> Node:
    """All that has changed since. What cannot be written is left to the trial."""
    changed = []
    for owner in _owners(singles, writer.classes):
        known = _REMEMBERED.setdefault(_label(owner), {name: _digest(owner, name, singles) for name in _names(owner)})
        for name in _names(owner):
            digest = _digest(owner, name, singles)
            if digest is not None and not (changed_only and digest == known.get(name)):
                value = vars(owner)[name]
                changed.append([_label(owner), name, writer.write(value, f"{_label(owner)}.{name}")])
    return {"changed": changed}


def restore(reader: Reader, node: Node, singles: Singles) -> None:
    """Read what `write` wrote; as all changes to live objects, it waits in the reader's commits."""
    owners = {_label(owner): owner for owner in _owners(singles, set())}
    for label, name, value in node["changed"]:
        owner = owners.get(label) or _found(label, reader.roots)
        live = vars(owner).get(name)
        reader.commits.append(_put(owner, name, live, reader.read(value, live, f"{label}.{name}")))


def _owners(singles: Singles, classes: set[type]) -> Iterator[Any]:
    """The classes that may keep state, by name, and the modules that define environments and wrappers."""
    layered = {base for single in singles for layer in _layers(single) for base in type(layer).__mro__}
    is_own = lambda kind: kind.__module__.partition(".")[0] not in _OTHERS
    names = sorted({kind.__module__ for kind in layered if is_own(kind)} & sys.modules.keys())
    modules = [sys.modules[name] for name in names]
    values = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    beside = {kind for kind in values if kind.__module__ in names}
    own = {kind for kind in layered | classes | beside if is_own(kind) and not issubclass(kind, enum.Enum)}
    yield from sorted((kind for kind in own if find_anywhere(name_of(kind)) is kind), key=name_of)
    yield from modules


def _layers(single: Any) -> Iterator[Any]:
    yield single
    if isinstance(single, gymnasium.Wrapper):
        yield from _layers(single.env)


def _label(owner: Any) -> str:
    return owner.__name__ if isinstance(owner, types.ModuleType) else name_of(owner)


def _found(label: str, roots: frozenset[str]) -> Any:
    owner = find_anywhere(label) if label.partition(".")[0].partition(":")[0] in roots else None
    if not isinstance(owner, type):
        raise NotExact(f"{label!r} is not there")
    return owner


def _names(owner: Any) -> list[str]:
    """Names of what may change: neither code nor what a class describes itself with."""
    is_data = lambda name, value: (
        not (name.startswith(("__", "_abc_")) or isinstance(value, _CODE) or _describes(value))
    )
    return sorted(name for name, value in vars(owner).items() if is_data(name, value))


def _describes(value: Any) -> bool:
    return hasattr(type(value), "__get__")


def _digest(owner: Any, name: str, singles: Singles) -> str | None:
    """A digest of a value, to see whether it changes; None where it cannot be written."""
    writer = Writer(roots_of(singles))
    try:
        node = writer.write(vars(owner)[name], name)
    except Exception:
        return None
    digest = hashlib.sha256(json.dumps(node, sort_keys=True).encode())
    for array in writer.arrays.values():
        digest.update(array.data)
    return digest.hexdigest()


def _put(owner: Any, name: str, live: Any, value: Any) -> Callable[[], None]:
    """Set a variable; containers keep their identity, because other modules may have them under names of their own."""

    def put() -> None:
        if type(live) is not type(value) or live is value:
            setattr(owner, name, value)
        elif isinstance(live, list):
            live[:] = value
        elif isinstance(live, dict | set):
            live.clear()
            live.update(value)
        elif isinstance(live, collections.deque) and live.maxlen == value.maxlen:
            live.clear()
            live.extend(value)
        elif isinstance(live, np.ndarray) and live.shape == value.shape and live.dtype == value.dtype:
            live[...] = value
        else:
            setattr(owner, name, value)

    return put
