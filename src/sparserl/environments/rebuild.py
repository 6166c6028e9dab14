"""Plain data back into live objects: restores what `capture` wrote into environments that were built in the same way.

Environments, wrappers and other objects that exist already keep their identity; the rest is created. Names are looked
up in modules that are already imported, nothing is imported for them, and no constructor is called.
"""

import collections
import dataclasses
import functools
import pathlib
import types
from collections.abc import Callable
from random import Random
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec as Registration
from numpy import random

from sparserl.environments import generators, simulation
from sparserl.environments.capture import (
    BIT_GENERATORS,
    BUILT_WITH,
    CONTAINERS,
    Node,
    NotExact,
    attributes,
    code_digest,
    find,
    is_ordinary,
    name_of,
)

_TYPES = {name: kind for kind, name in CONTAINERS.items()}


@dataclasses.dataclass(frozen=True)
class Reader:
    """Reads nodes; changes to live objects wait in `commits` until everything has been read."""

    roots: frozenset[str]
    arrays: dict[str, np.ndarray]
    known: dict[int, Any] = dataclasses.field(default_factory=dict)
    memories: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    taken: set[int] = dataclasses.field(default_factory=set)
    commits: list[Callable[[], None]] = dataclasses.field(default_factory=list)

    def read(self, node: Node, live: Any, path: str) -> Any:
        """The value of `node`; `live` is what is there now. Raises `NotExact` where the two have to fit and do not."""
        if not isinstance(node, dict):
            return node
        if node["kind"] == "same":
            return self.known[node["number"]]
        readers = (self._plain, self._named, self._container, self._random, self._array, self._simulation, self._object)
        for read in readers:
            if (value := read(node, live, path)) is not _NOTHING:
                if "number" in node:
                    self.known[node["number"]] = value
                return value
        raise NotExact(f"{path!r} is of an unknown kind, {node['kind']!r}")

    def _plain(self, node: Node, live: Any, path: str) -> Any:
        match node["kind"]:
            case "scalar":
                return np.frombuffer(bytes.fromhex(node["bytes"]), node["dtype"])[0]
            case "float":
                return float.fromhex(node["value"])
            case "bytes":
                return bytes.fromhex(node["value"])
            case "dtype":
                return _numeric(node["value"])
            case "path":
                return pathlib.Path(node["value"])
            case "registration":
                return live if isinstance(live, Registration) else None
        return _NOTHING

    def _named(self, node: Node, live: Any, path: str) -> Any:
        match node["kind"]:
            case "named":
                return self._find(node["name"], path)
            case "member":
                return self._find(node["class"], path)(self.read(node["value"], None, path))
            case "named tuple":
                return tuple.__new__(self._find(node["class"], path), self._items(node, live, path))
            case "method":
                return getattr(self.read(node["of"], getattr(live, "__self__", None), path), node["name"])
            case "function":
                return self._function(node, live, path)
        return _NOTHING

    def _find(self, name: str, path: str) -> Any:
        if (value := find(name, self.roots)) is None:
            raise NotExact(f"{path!r} needs {name.replace(':', '.')}, which is not there")
        return value

    def _function(self, node: Node, live: Any, path: str) -> Any:
        if type(live) is not types.FunctionType or code_digest(live) != node["code"]:
            raise NotExact(f"{path!r} is another function")
        for cell, inside in zip(live.__closure__ or (), node["cells"], strict=True):
            value = self.read(inside, cell.cell_contents, path)
            self.commits.append(functools.partial(setattr, cell, "cell_contents", value))
        positional, named, own = self.read(node["defaults"], None, path)

        def commit() -> None:
            live.__defaults__, live.__kwdefaults__ = positional, named
            vars(live).update(own)

        self.commits.append(commit)
        return live

    def _container(self, node: Node, live: Any, path: str) -> Any:
        if node["kind"] == "dict":
            return self._dict(node, live, path)
        if node["kind"] in ("tuple", "set", "frozenset"):
            return _TYPES[node["kind"]](self._items(node, live, path))
        if node["kind"] not in ("list", "deque"):
            return _NOTHING
        made: Any = [] if node["kind"] == "list" else collections.deque(maxlen=node["maxlen"])
        self.known[node["number"]] = made  # it may contain itself
        made.extend(self._items(node, live, path))
        return made

    def _dict(self, node: Node, live: Any, path: str) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        self.known[node["number"]] = made
        for key_node, value_node in node["items"]:
            key = self.read(key_node, None, path)
            made[key] = self.read(value_node, live.get(key) if type(live) is dict else None, f"{path}[{key}]")
        return made

    def _items(self, node: Node, live: Any, path: str) -> list[Any]:
        there = live if isinstance(live, list | tuple | collections.deque) else ()
        nodes = node["items"]
        return [self.read(x, there[i] if i < len(there) else None, f"{path}[{i}]") for i, x in enumerate(nodes)]

    def _array(self, node: Node, live: Any, path: str) -> Any:
        if node["kind"] != "array":
            return _NOTHING
        dtype = _numeric(node["dtype"])
        memory = self.memories.setdefault(node["memory"], np.array(self.arrays[node["memory"]], order="C"))
        if 0 in node["shape"]:
            return np.empty(node["shape"], dtype)
        if not memory.size:  # NumPy checks the layout against the memory, but not if that is empty
            raise NotExact(f"{path!r} needs an array of the snapshot that is empty")
        made = np.ndarray(node["shape"], dtype, memory, offset=node["offset"], strides=node["strides"])
        made.flags.writeable = node["set"]
        return made

    def _random(self, node: Node, live: Any, path: str) -> Any:
        made: Any
        match node["kind"]:
            case "random":
                made = Random()
                made.setstate(self.read(node["state"], None, path))
            case "random state":
                made = random.RandomState()
                made.set_state(generators.checked(self.read(node["state"], None, path)))
            case "generator":
                made = random.Generator(self.read(node["of"], None, path))
            case "bit generator":
                seed = self.read(node["seed"], None, path)
                sequence = None if seed is None else random.SeedSequence(**seed)
                made = {kind.__name__: kind for kind in BIT_GENERATORS}[node["name"]](sequence)
                made.state = generators.checked(self.read(node["state"], None, path))
            case _:
                return _NOTHING
        return made

    def _simulation(self, node: Node, live: Any, path: str) -> Any:
        if node["kind"] == "model":
            self._take(live, simulation.is_model(live), path, "a MuJoCo model")
            self.commits.append(lambda: self._set_model(node, live, path))
            return live
        if node["kind"] != "data":
            return _NOTHING
        self._take(live, simulation.is_data(live), path, "the data of a MuJoCo model")
        self.read(node["model"], live.model, f"{path}.model")
        state, content = (self.arrays[key] for key in node["arrays"])
        self.commits.append(lambda: simulation.set_data(live, state, content))
        return live

    def _set_model(self, node: Node, live: Any, path: str) -> None:
        if simulation.digest(live) != node["digest"]:
            simulation.set_model(live, self.arrays[node["content"]])
        if simulation.digest(live) != node["digest"]:
            raise NotExact(f"{path!r} is another MuJoCo model")

    def _object(self, node: Node, live: Any, path: str) -> Any:
        if node["kind"] == "hook":
            self._take(live, name_of(type(live)) == node["class"], path, node["class"])
            state = self.read(node["state"], None, path)
            self.commits.append(lambda: live.sparserl_restore(state))
            return live
        if node["kind"] != "object":
            return _NOTHING
        made = live if name_of(type(live)) == node["class"] and id(live) not in self.taken else None
        if made is None:
            made = self._new(node, path)
        self.taken.add(id(made))
        self.known[node["number"]] = made
        old = attributes(made)
        new = {name: self.read(x, old.get(name), f"{path}.{name}") for name, x in sorted(node["attributes"].items())}
        if made is live:
            self.commits.append(lambda: _set_attributes(made, new))
        else:
            _set_attributes(made, new)  # now, since it may be a key that is hashed by its attributes
        return made

    def _new(self, node: Node, path: str) -> Any:
        kind = self._find(node["class"], path)
        if not isinstance(kind, type) or issubclass(kind, gymnasium.Env) or not is_ordinary(kind):
            raise NotExact(f"{path!r} was of class {node['class'].replace(':', '.')}")
        return object.__new__(kind)

    def _take(self, live: Any, fits: bool, path: str, what: str) -> None:
        if not fits or id(live) in self.taken:
            raise NotExact(f"{path!r} was {what.replace(':', '.')}")
        self.taken.add(id(live))


_NOTHING = object()  # not None, which is a value that a node may have


def _numeric(name: str) -> np.dtype[Any]:
    """A type of numbers, by name; of objects, the bytes of an array would be addresses that Python follows."""
    if (dtype := np.dtype(name)).kind not in "biuf":
        raise NotExact(f"an array of the snapshot is of type {name!r}: it must be one of numbers")
    return dtype


def _set_attributes(value: Any, new: dict[str, Any]) -> None:
    for name in attributes(value).keys() - new.keys() - BUILT_WITH:
        object.__delattr__(value, name)
    for name, entry in new.items():
        object.__setattr__(value, name, entry)
