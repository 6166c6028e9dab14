"""Plain data back into live objects: restores what `capture` wrote into environments that were built in the same way.

Environments, wrappers and other objects that exist already keep their identity; the rest is created. Names are looked
up in modules that are already imported, nothing is imported for them, and no constructor is called.
"""

import collections
import dataclasses
import functools
import logging
import pathlib
import sys
import types
import weakref
from collections.abc import Callable
from random import Random
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec as Registration
from numpy import random

from sparserl.environments import generators, simulation, values
from sparserl.environments.capture import (
    BIT_GENERATORS,
    BUILT_WITH,
    CONTAINERS,
    LIBRARIES,
    MAPPINGS,
    Node,
    NotExact,
    attributes,
    code_digest,
    dtype_of,
    find,
    find_anywhere,
    is_ordinary,
    name_of,
)

_TYPES = {name: kind for kind, name in {**CONTAINERS, **MAPPINGS}.items()}


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
        readers = (self._plain, self._named, self._container, self._made, self._random, self._array)
        for read in (*readers, self._simulation, self._object):
            if (value := read(node, live, path)) is not _NOTHING:
                if "number" in node:
                    self.known[node["number"]] = value
                return value
        raise NotExact(f"{path!r} is of an unknown kind, {node['kind']!r}")

    def _plain(self, node: Node, live: Any, path: str) -> Any:
        match node["kind"]:
            case "scalar":
                return _scalar(node)
            case "float":
                return float.fromhex(node["value"])
            case "bytes":
                return bytes.fromhex(node["value"])
            case "dtype":
                return dtype_of(node["value"])
            case "path":
                return pathlib.Path(node["value"])
            case "registration":
                return live if isinstance(live, Registration) else None
        return _NOTHING

    def _named(self, node: Node, live: Any, path: str) -> Any:
        match node["kind"]:
            case "named":
                return self._find(node["name"], path, live)
            case "module":
                return self._module(node["name"], path, live)
            case "logger":
                return logging.getLogger(node["name"])
            case "member":
                return self._find(node["class"], path, type(live))(self.read(node["value"], None, path))
            case "named tuple":
                return tuple.__new__(self._find(node["class"], path, type(live)), self._items(node, live, path))
            case "method":
                return getattr(self.read(node["of"], getattr(live, "__self__", None), path), node["name"])
            case "function":
                return self._function(node, live, path)
        return _NOTHING

    def _find(self, name: str, path: str, live: Any = None) -> Any:
        """What has this name among the environment's own; of other packages only what is there already."""
        if (value := find(name, self.roots)) is None and name_of(live) == name and find_anywhere(name) is live:
            value = live
        if value is None:
            raise NotExact(f"{path!r} needs {name.replace(':', '.')}, which is not there")
        return value

    def _module(self, name: str, path: str, live: Any) -> Any:
        if live is not sys.modules.get(name) and name.partition(".")[0] not in self.roots | LIBRARIES:
            raise NotExact(f"{path!r} needs the module {name}, which is not there")
        return sys.modules[name]

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
        if node["kind"] in ("tuple", "frozenset"):
            return _TYPES[node["kind"]](self._items(node, live, path))
        base: Any = _TYPES.get(node["kind"])
        if base is None:
            return _NOTHING
        kind = base if "class" not in node else self._extending(base, node, path)
        made: Any = base.__new__(kind)
        if base is collections.deque:
            base.__init__(made, (), node["maxlen"])
        elif base is collections.defaultdict:
            base.__init__(made, None)
        self.known[node["number"]] = made  # it may contain itself
        if base in MAPPINGS:
            self._fill(vars(made) if base is types.SimpleNamespace else made, node, live, path)
        else:
            (base.update if base is set else base.extend)(made, self._items(node, live, path))
        if base is collections.defaultdict:
            made.default_factory = self.read(node["factory"], getattr(live, "default_factory", None), path)
        if "class" in node:
            own, there = sorted(node["attributes"].items()), attributes(live)
            _set_attributes(made, {name: self.read(x, there.get(name), f"{path}.{name}") for name, x in own})
        return made

    def _extending(self, base: type, node: Node, path: str) -> Any:
        kind = self._find(node["class"], path)
        if not isinstance(kind, type) or not issubclass(kind, base) or not is_ordinary(kind, base):
            raise NotExact(f"{path!r} was of class {node['class'].replace(':', '.')}")
        return kind

    def _fill(self, made: dict[Any, Any], node: Node, live: Any, path: str) -> None:
        there = vars(live) if isinstance(live, types.SimpleNamespace) else live if isinstance(live, dict) else {}
        set_item = (
            collections.OrderedDict.__setitem__ if isinstance(made, collections.OrderedDict) else dict.__setitem__
        )
        for key_node, value_node in node["items"]:
            key = self.read(key_node, None, path)
            set_item(made, key, self.read(value_node, dict.get(there, key), f"{path}[{key}]"))

    def _items(self, node: Node, live: Any, path: str, key: str = "items") -> list[Any]:
        there = live if isinstance(live, list | tuple | collections.deque) else ()
        nodes = node[key]
        return [self.read(x, there[i] if i < len(there) else None, f"{path}[{i}]") for i, x in enumerate(nodes)]

    def _made(self, node: Node, live: Any, path: str) -> Any:
        match node["kind"]:
            case "value":
                return values.made(node["maker"], tuple(self._items(node, None, path, "parts")))
            case "partial":
                there = (live.func, live.args, live.keywords) if type(live) is functools.partial else ()
                function, positional, named = self._items(node, there, path, "parts")
                return functools.partial(function, *positional, **named)
            case "weak reference":
                to = self.read(node["to"], live() if type(live) is weakref.ref else None, path)
                return weakref.ref(to if to is not None else set())  # of a set that is gone at once
            case "iterator":
                apart = values.taken_apart(live) if type(live) in values.ITERATORS else None
                parts = tuple(self._items(node, apart and apart[1], path, "parts"))
                return values.made(node["maker"], parts, self.read(node["state"], apart and apart[2], path))
        return _NOTHING

    def _array(self, node: Node, live: Any, path: str) -> Any:
        if node["kind"] == "objects":
            return self._objects(node, live, path)
        if node["kind"] != "array":
            return _NOTHING
        dtype = dtype_of(node["dtype"])
        memory = self.memories.setdefault(node["memory"], np.array(self.arrays[node["memory"]], order="C"))
        if memory.dtype != np.uint8 and (dtype.kind not in "biuf" or dtype.itemsize > 8):
            raise NotExact(f"an array of the snapshot is of type {node['dtype']!r}: it must be one of numbers")
        if 0 in node["shape"]:
            return np.empty(node["shape"], dtype)
        if not memory.size:  # NumPy checks the layout against the memory, but not if that is empty
            raise NotExact(f"{path!r} needs an array of the snapshot that is empty")
        made = np.ndarray(node["shape"], dtype, memory, offset=node["offset"], strides=node["strides"])
        made.flags.writeable = node["set"]
        return made

    def _objects(self, node: Node, live: Any, path: str) -> Any:
        made = np.empty(node["shape"], object, node["order"])
        self.known[node["number"]] = made  # it may contain itself
        there = live.ravel(node["order"]).tolist() if isinstance(live, np.ndarray) and live.dtype == object else None
        flat = made.T.reshape(-1) if node["order"] == "F" else made.reshape(-1)
        for index, value in enumerate(self._items(node, there, path)):
            flat[index] = value
        return made

    def _random(self, node: Node, live: Any, path: str) -> Any:
        made: Any
        match node["kind"]:
            case "global generator":
                made = generators.OF_PYTHON if node["of"] == "Python" else generators.OF_NUMPY
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
        with_contacts = node.get("contacts", 1) > 0  # an earlier version did not say
        self.commits.append(lambda: simulation.set_data(live, state, content, with_contacts))
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


def _scalar(node: Node) -> Any:
    content, dtype = bytes.fromhex(node["bytes"]), dtype_of(node["dtype"])
    return np.frombuffer(content, dtype)[0] if dtype.itemsize else np.zeros((), dtype)[()]


def _set_attributes(value: Any, new: dict[str, Any]) -> None:
    for name in attributes(value).keys() - new.keys() - BUILT_WITH:
        object.__delattr__(value, name)
    for name, entry in new.items():
        object.__setattr__(value, name, entry)
