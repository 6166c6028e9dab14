"""Live objects as plain data: a tree of JSON values, and the arrays that it names.

A node is a JSON value, or a dictionary with a "kind". Mutable objects have a "number": reached a second time, they are
only referred to, so that an object shared before is shared afterwards. Nothing is guessed: what these tables do not
cover is refused.
"""

import collections
import dataclasses
import enum
import hashlib
import math
import pathlib
import sys
import types
from random import Random
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec as Registration
from numpy import random

from sparserl.environments import simulation

Node = Any
HOOKS = ("sparserl_snapshot", "sparserl_restore")
CONTAINERS: dict[type, str] = {
    list: "list",
    set: "set",
    collections.deque: "deque",
    tuple: "tuple",
    frozenset: "frozenset",
}
BIT_GENERATORS = (random.PCG64, random.PCG64DXSM, random.MT19937, random.Philox, random.SFC64)
# The arguments an environment was built with; before a restore it is built with them again.
BUILT_WITH = {"_saved_kwargs", "_ezpickle_args", "_ezpickle_kwargs"}
_LIBRARIES = {"numpy", "math"}  # their functions and classes may be attributes
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType, np.ufunc, type(np.clip))


class NotExact(Exception):
    """Something that a snapshot cannot hold, or that does not fit the environment to be restored."""


@dataclasses.dataclass(frozen=True)
class Writer:
    """Writes objects whose classes come from the packages `roots`: those that define the environments."""

    roots: frozenset[str]
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    seen: dict[int, tuple[int, Any]] = dataclasses.field(
        default_factory=dict
    )  # holds the object too, so that its id is not reused
    memories: dict[int, tuple[str, np.ndarray]] = dataclasses.field(default_factory=dict)

    def write(self, value: Any, path: str) -> Node:
        """The node of `value`, which was reached by `path`. Raises `NotExact` for what cannot be captured exactly."""
        if value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value)):
            return value
        for write in (self._number, self._name, self._frozen):
            if (node := write(value, path)) is not None:
                return node
        identity = value._address if simulation.is_model(value) or simulation.is_data(value) else id(value)
        if identity in self.seen:
            return {"kind": "same", "number": self.seen[identity][0]}
        number = len(self.seen)
        self.seen[identity] = number, value
        for write in (self._container, self._array, self._random, self._simulation, self._object):
            if (node := write(value, path)) is not None:
                return {**node, "number": number}
        raise NotExact(f"its attribute {path!r} is {described(value)}")

    def _number(self, value: Any, path: str) -> Node:
        match value:
            case np.generic() if value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
                return {"kind": "scalar", "dtype": value.dtype.str, "bytes": value.tobytes().hex()}
            case float() if type(value) is float:
                return {"kind": "float", "value": value.hex()}
            case bytes() if type(value) is bytes:
                return {"kind": "bytes", "value": value.hex()}
            case np.dtype() if value.kind in "biuf":
                return {"kind": "dtype", "value": value.str}
            case pathlib.PosixPath() | pathlib.WindowsPath():
                return {"kind": "path", "value": str(value)}
        return None

    def _name(self, value: Any, path: str) -> Node:
        """Classes, functions and members of enumerations, which are looked up by name again."""
        if isinstance(value, Registration):
            return {"kind": "registration"}
        if isinstance(value, enum.Enum):
            if find(name_of(type(value)), self.roots) is not type(value):
                raise NotExact(f"its attribute {path!r} is {described(value)}")
            return {"kind": "member", "class": name_of(type(value)), "value": self.write(value.value, path)}
        if isinstance(value, _NAMED):
            return {"kind": "named", "name": name_of(value)} if find(name_of(value), self.roots) is value else None
        return None

    def _frozen(self, value: Any, path: str) -> Node:
        if type(value) in (tuple, frozenset):
            return {"kind": CONTAINERS[type(value)], "items": self._items(value, path)}
        if isinstance(value, tuple) and find(name_of(type(value)), self.roots) is type(value) and _is_named(value):
            return {"kind": "named tuple", "class": name_of(type(value)), "items": self._items(value, path)}
        if isinstance(value, types.MethodType) and _is_own_method(value):
            return {"kind": "method", "name": value.__name__, "of": self.write(value.__self__, f"{path}.__self__")}
        return None

    def _container(self, value: Any, path: str) -> Node:
        if type(value) is dict:
            pairs = [[self.write(key, f"{path} key"), self.write(value[key], f"{path}[{key}]")] for key in value]
            return {"kind": "dict", "items": pairs}
        if type(value) not in CONTAINERS:
            return None
        limit = {"maxlen": value.maxlen} if type(value) is collections.deque else {}
        return {"kind": CONTAINERS[type(value)], "items": self._items(value, path), **limit}

    def _items(self, values: Any, path: str) -> list[Node]:
        return [self.write(value, f"{path}[{index}]") for index, value in enumerate(values)]

    def _array(self, value: Any, path: str) -> Node:
        """An array as a view of its memory, so that arrays that share memory share it again."""
        if type(value) is not np.ndarray or value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
            return None
        owner = value
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        if not (owner.base is None or type(owner.base) is bytes) or type(owner) is not np.ndarray:
            raise NotExact(f"its attribute {path!r} is an array in memory {described(owner.base)}")
        low, high = np.lib.array_utils.byte_bounds(owner)
        if (owner.size and high - low != owner.nbytes) or not (owner.dtype.isnative and value.dtype.isnative):
            raise NotExact(f"its attribute {path!r} is an array with gaps, or of foreign byte order")
        start = value.__array_interface__["data"][0] - low if value.size else 0
        layout = {"offset": start, "shape": list(value.shape), "strides": list(value.strides)}
        memory = self._memory(owner, path)
        return {"kind": "array", "memory": memory, "dtype": value.dtype.str, **layout, "set": value.flags.writeable}

    def _memory(self, owner: np.ndarray, path: str) -> str:
        """The name in `arrays` of this array's content, in memory order."""
        if id(owner) not in self.memories:
            self.memories[id(owner)] = self._store(path, owner.ravel("K")), owner
        return self.memories[id(owner)][0]

    def _store(self, name: str, values: np.ndarray) -> str:
        """Put `values` into `arrays`, under `name` if that is still free; returns the name used."""
        while name in self.arrays:
            name += "'"
        self.arrays[name] = values.copy()
        return name

    def _random(self, value: Any, path: str) -> Node:
        if type(value) is Random:
            return {"kind": "random", "state": self.write(value.getstate(), path)}
        if type(value) is random.RandomState:
            return {"kind": "random state", "state": self.write(value.get_state(legacy=False), path)}
        if type(value) is random.Generator:
            return {"kind": "generator", "of": self.write(value.bit_generator, f"{path}.bit_generator")}
        if type(value) not in BIT_GENERATORS:
            return None
        seeds: Any = value.seed_seq
        seed = self.write(seeds.state, f"{path}.seed_seq") if type(seeds) is random.SeedSequence else None
        state = self.write(value.state, path)
        return {"kind": "bit generator", "name": type(value).__name__, "state": state, "seed": seed}

    def _simulation(self, value: Any, path: str) -> Node:
        if simulation.is_model(value):
            if why := simulation.obstacle(value):
                raise NotExact(f"its attribute {path!r} is {why}")
            digest = simulation.digest(value)
            content = self._store(f"{path}.content", simulation.model_bytes(value))
            return {"kind": "model", "digest": digest, "content": content}
        if not simulation.is_data(value):
            return None
        model = self.write(value.model, f"{path}.model")
        state, everything = simulation.data_arrays(value)
        arrays = [self._store(f"{path}.state", state), self._store(f"{path}.content", everything)]
        return {"kind": "data", "model": model, "arrays": arrays}

    def _object(self, value: Any, path: str) -> Node:
        kind, is_environment = type(value), isinstance(value, gymnasium.Env)
        if not is_ordinary(kind) or not (is_environment or find(name_of(kind), self.roots) is kind):
            return None
        if is_environment and not isinstance(value, gymnasium.Wrapper) and any(hasattr(kind, name) for name in HOOKS):
            return {"kind": "hook", "class": name_of(kind), "state": self._hook(value, path)}
        write = self._given if isinstance(value, gymnasium.Wrapper) else self.write
        own = sorted(attributes(value).items())  # in the order in which `Reader` reads them
        inside = {name: write(x, f"{path}.{name}") for name, x in own if name not in BUILT_WITH}
        return {"kind": "object", "class": name_of(kind), "attributes": inside}

    def _hook(self, environment: Any, path: str) -> Node:
        if missing := [name for name in HOOKS if not hasattr(type(environment), name)]:
            raise NotExact(f"{path!r} has {', '.join(set(HOOKS) - set(missing))} but no {missing[0]}")
        state = environment.sparserl_snapshot()
        if type(state) is not dict:
            raise NotExact(f"{path}.sparserl_snapshot() returned {described(state)}: a dict is needed")
        return self.write(state, f"{path}.sparserl_snapshot()")

    def _given(self, value: Any, path: str) -> Node:
        """A function that a wrapper was built with is captured as its place in the source and what it closes over."""
        if type(value) is not types.FunctionType or find(name_of(value), self.roots) is value:
            return self.write(value, path)
        cells = [self.write(cell.cell_contents, f"{path} closure") for cell in value.__closure__ or ()]
        defaults = self.write((value.__defaults__, value.__kwdefaults__, vars(value)), f"{path} defaults")
        return {"kind": "function", "code": code_digest(value), "cells": cells, "defaults": defaults}


def roots_of(environments: list[gymnasium.Env[Any, Any]]) -> frozenset[str]:
    """The packages that define the classes of the environments and of their wrappers."""
    packages, waiting = set(), list(environments)
    while waiting:
        environment: Any = waiting.pop()
        packages |= {base.__module__.partition(".")[0] for base in type(environment).__mro__}
        if isinstance(environment, gymnasium.Wrapper):
            waiting.append(environment.env)
    return frozenset(packages - {"builtins", "typing"})


def name_of(value: Any) -> str:
    """The name by which `find` looks up a class or a function: `module:name`."""
    return f"{getattr(value, '__module__', None)}:{getattr(value, '__qualname__', None)}"


def find(name: str, roots: frozenset[str]) -> Any:
    """The object of this name in an imported module of `roots` or of a library; None where there is none."""
    module, _, path = name.partition(":")
    if module.partition(".")[0] not in roots | _LIBRARIES | {"builtins"}:
        return None
    value: Any = sys.modules.get(module)
    for part in path.split("."):
        value = getattr(value, part, None)
    return value if module != "builtins" or isinstance(value, type) else None


def attributes(value: Any) -> dict[str, Any]:
    """The attributes of an ordinary object, from its dictionary and its slots."""
    slots = {name: getattr(value, name) for name in _slots(type(value)) if hasattr(value, name)}
    return {**slots, **getattr(value, "__dict__", {})}


def is_ordinary(kind: type) -> bool:
    """Whether attributes are all the state of such objects: no base written in C, no memory of other kinds."""
    written_in_python = 1 << 9  # Py_TPFLAGS_HEAPTYPE
    if any(base is not object and not base.__flags__ & written_in_python for base in kind.__mro__):
        return False
    extra = [name for name in ("__dict__", "__weakref__") if hasattr(kind, name)]
    room = type("Room", (), {"__slots__": [*(f"slot_{i}" for i in range(len(_slots(kind)))), *extra]})
    return not kind.__itemsize__ and kind.__basicsize__ <= room.__basicsize__


def code_digest(function: types.FunctionType) -> str:
    """A digest of a function's name, place and code, without what it closes over."""
    code = function.__code__
    constants = [x for x in code.co_consts if not isinstance(x, types.CodeType | frozenset)]
    what = (name_of(function), code.co_firstlineno, code.co_code, code.co_names, constants, list(code.co_positions()))
    return hashlib.sha256(repr(what).encode()).hexdigest()


def described(value: Any) -> str:
    """A value's type in words; of a function also its name."""
    kind = name_of(type(value)).removeprefix("builtins:").replace(":", ".")
    return f"{kind} {value.__qualname__}" if isinstance(value, types.FunctionType) else f"of type {kind}"


def _slots(kind: type) -> list[str]:
    is_slot = lambda value: isinstance(value, types.MemberDescriptorType)
    return [name for base in kind.__mro__ for name, value in vars(base).items() if is_slot(value)]


def _is_named(value: tuple[Any, ...]) -> bool:
    return tuple in type(value).__bases__ and hasattr(type(value), "_fields") and not hasattr(value, "__dict__")


def _is_own_method(method: types.MethodType) -> bool:
    return getattr(type(method.__self__), method.__name__, None) is method.__func__
