"""Live objects as plain data: a tree of JSON values, and the arrays that it names.

A node is a JSON value, or a dictionary with a "kind". Mutable objects have a "number": reached a second time, they are
only referred to, so that an object shared before is shared afterwards. Nothing is guessed: what these tables do not
cover is refused.
"""

import collections
import dataclasses
import enum
import functools
import hashlib
import logging
import math
import pathlib
import sys
import types
import weakref
from random import Random
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec as Registration
from numpy import random

from sparserl.environments import generators, simulation, values

Node = Any
HOOKS = ("sparserl_snapshot", "sparserl_restore")
CONTAINERS: dict[type, str] = {
    list: "list",
    set: "set",
    collections.deque: "deque",
    tuple: "tuple",
    frozenset: "frozenset",
}
MAPPINGS: dict[type, str] = {
    dict: "dict",
    collections.OrderedDict: "ordered dict",
    collections.defaultdict: "default dict",
    collections.Counter: "counter",
    types.SimpleNamespace: "namespace",
}
EXTENDED: tuple[type, ...] = (list, set, collections.deque, dict, collections.OrderedDict, collections.defaultdict)
"""Classes of C that classes of Python may extend, with attributes of their own."""
SCALARS = "biufcmMUS"  # kinds of NumPy's numbers, times and texts
BIT_GENERATORS = (random.PCG64, random.PCG64DXSM, random.MT19937, random.Philox, random.SFC64)
# The arguments an environment was built with; before a restore it is built with them again.
BUILT_WITH = {"_saved_kwargs", "_ezpickle_args", "_ezpickle_kwargs"}
LIBRARIES = {"numpy", "math", "operator", "_operator", "collections", "itertools", "fractions", "decimal"}
_FUNCTIONS = {"abs", "all", "any", "divmod", "len", "max", "min", "pow", "round", "sorted", "sum"}  # of Python itself
_CACHED = type(functools.lru_cache(int))
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType, np.ufunc, type(np.clip), _CACHED)


class NotExact(Exception):
    """Something that a snapshot cannot hold, or that does not fit the environment to be restored."""


@dataclasses.dataclass(frozen=True)
class Writer:
    """Writes objects; `roots` are the packages that define the environments, and `classes` those of what it met."""

    roots: frozenset[str]
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    seen: dict[int, tuple[int, Any]] = dataclasses.field(
        default_factory=dict
    )  # holds the object too, so that its id is not reused
    memories: dict[int, tuple[str, np.ndarray]] = dataclasses.field(default_factory=dict)
    classes: set[type] = dataclasses.field(default_factory=set)

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
        for write in (self._container, self._made, self._array, self._random, self._simulation, self._object):
            if (node := write(value, path)) is not None:
                return {**node, "number": number}
        raise NotExact(f"its attribute {path!r} is {described(value)}")

    def _number(self, value: Any, path: str) -> Node:
        match value:
            case np.generic() if value.dtype.kind in SCALARS:
                return {"kind": "scalar", "dtype": value.dtype.str, "bytes": value.tobytes().hex()}
            case float() if type(value) is float:
                return {"kind": "float", "value": value.hex()}
            case bytes() if type(value) is bytes:
                return {"kind": "bytes", "value": value.hex()}
            case np.dtype() if (name := dtype_name(value)) is not None:
                return {"kind": "dtype", "value": name}
            case pathlib.PosixPath() | pathlib.WindowsPath():
                return {"kind": "path", "value": str(value)}
        return None

    def _name(self, value: Any, path: str) -> Node:
        """Classes, functions, modules and members of enumerations, which are looked up by name again."""
        if isinstance(value, Registration):
            return {"kind": "registration"}
        if isinstance(value, enum.Enum):
            if find_anywhere(name_of(type(value))) is not type(value):
                raise NotExact(f"its attribute {path!r} is {described(value)}")
            return {"kind": "member", "class": name_of(type(value)), "value": self.write(value.value, path)}
        if type(value) is types.ModuleType:
            return {"kind": "module", "name": value.__name__} if sys.modules.get(value.__name__) is value else None
        if type(value) in (logging.Logger, logging.RootLogger):
            return {"kind": "logger", "name": value.name} if logging.getLogger(value.name) is value else None
        if isinstance(value, _NAMED) and not _is_bound(value):
            return {"kind": "named", "name": name_of(value)} if find_anywhere(name_of(value)) is value else None
        return None

    def _frozen(self, value: Any, path: str) -> Node:
        if type(value) in (tuple, frozenset):
            return {"kind": CONTAINERS[type(value)], "items": self._items(value, path)}
        if isinstance(value, tuple) and find_anywhere(name_of(type(value))) is type(value) and _is_named(value):
            return {"kind": "named tuple", "class": name_of(type(value)), "items": self._items(value, path)}
        if _is_bound(value) and _is_own_method(value):
            return {"kind": "method", "name": value.__name__, "of": self.write(value.__self__, f"{path}.__self__")}
        if type(value) is weakref.ref:
            return {"kind": "weak reference", "to": self.write(value(), f"{path}()")}
        if (parts := values.FIXED.get(type(value))) is not None:
            return {"kind": "value", "maker": type(value).__name__, "parts": self._items(parts(value), path)}
        return None

    def _container(self, value: Any, path: str) -> Node:
        base: Any = type(value)
        if base not in CONTAINERS and base not in MAPPINGS:
            if (base := self._extended(type(value))) is None:
                return None
            own = {name: self.write(x, f"{path}.{name}") for name, x in sorted(attributes(value).items())}
            more = {"class": name_of(type(value)), "attributes": own}
        else:
            more = {}
        if base is types.SimpleNamespace:
            return {"kind": "namespace", "items": self._pairs(vars(value), path)}
        if base is collections.defaultdict:
            more["factory"] = self.write(value.default_factory, f"{path}.default_factory")
        if base is collections.deque:
            more["maxlen"] = value.maxlen
        if base in MAPPINGS:
            return {"kind": MAPPINGS[base], "items": self._pairs(value, path), **more}
        return {"kind": CONTAINERS[base], "items": self._items(base.__iter__(value), path), **more}

    def _pairs(self, mapping: dict[Any, Any], path: str) -> list[list[Node]]:
        items = dict.items(mapping)
        return [[self.write(key, f"{path} key"), self.write(value, f"{path}[{key}]")] for key, value in items]

    def _extended(self, kind: type) -> type | None:
        """The container of Python's that a class extends; None where it is none, or has memory of another kind."""
        base = next((base for base in kind.__mro__ if base in EXTENDED), None)
        if base is None or find(name_of(kind), self.roots) is not kind or not is_ordinary(kind, base):
            return None
        self.classes.update(kind.__mro__)
        return base

    def _made(self, value: Any, path: str) -> Node:
        """What is made anew of other values: iterators where they are, partial functions, byte arrays."""
        kind = type(value)
        if kind is functools.partial and not vars(value):
            return {"kind": "partial", "parts": self._items((value.func, value.args, value.keywords), path)}
        if (parts := values.CHANGING.get(kind)) is not None:
            return {"kind": "value", "maker": kind.__name__, "parts": self._items(parts(value), path)}
        if kind not in values.ITERATORS or (apart := values.taken_apart(value)) is None:
            return None
        maker, inside, state = apart
        node = {"kind": "iterator", "maker": maker, "parts": self._items(inside, path)}
        return {**node, "state": self.write(state, path)}

    def _items(self, values: Any, path: str) -> list[Node]:
        return [self.write(value, f"{path}[{index}]") for index, value in enumerate(values)]

    def _array(self, value: Any, path: str) -> Node:
        """An array as a view of its memory, so that arrays that share memory share it again."""
        if type(value) is not np.ndarray:
            return None
        if value.dtype == object:
            return self._objects(value, path)
        if (dtype := dtype_name(value.dtype)) is None:
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
        return {"kind": "array", "memory": memory, "dtype": dtype, **layout, "set": value.flags.writeable}

    def _objects(self, value: np.ndarray, path: str) -> Node:
        """An array of objects that has its memory to itself."""
        if value.base is not None or not (value.flags.c_contiguous or value.flags.f_contiguous):
            raise NotExact(f"its attribute {path!r} is an array of objects that is a view of another one")
        order: Any = "C" if value.flags.c_contiguous else "F"
        items = self._items(value.ravel(order).tolist(), path)
        return {"kind": "objects", "shape": list(value.shape), "order": order, "items": items}

    def _memory(self, owner: np.ndarray, path: str) -> str:
        """The name in `arrays` of this array's content, in memory order."""
        if id(owner) not in self.memories:
            content = owner.ravel("K")
            is_number = owner.dtype.kind in "biuf" and owner.dtype.itemsize <= 8
            self.memories[id(owner)] = self._store(path, content if is_number else _bytes_of(content)), owner
        return self.memories[id(owner)][0]

    def _store(self, name: str, values: np.ndarray) -> str:
        """Put `values` into `arrays`, under `name` if that is still free; returns the name used."""
        while name in self.arrays:
            name += "'"
        self.arrays[name] = values.copy()
        return name

    def _random(self, value: Any, path: str) -> Node:
        if value is generators.OF_PYTHON or value is generators.OF_NUMPY:
            return {"kind": "global generator", "of": "Python" if value is generators.OF_PYTHON else "NumPy"}
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
        return {"kind": "data", "model": model, "arrays": arrays, "contacts": int(value.ncon)}

    def _object(self, value: Any, path: str) -> Node:
        kind, is_environment = type(value), isinstance(value, gymnasium.Env)
        if not is_ordinary(kind) or not (is_environment or find(name_of(kind), self.roots) is kind):
            return None
        self.classes.update(kind.__mro__)
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
        if type(value) is not types.FunctionType or find_anywhere(name_of(value)) is value:
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
    if module.partition(".")[0] not in roots | LIBRARIES | {"builtins"}:
        return None
    value: Any = sys.modules.get(module)
    for part in path.split("."):
        value = getattr(value, part, None)
    return value if module != "builtins" or isinstance(value, type) or path in _FUNCTIONS else None


def find_anywhere(name: str) -> Any:
    """The object of this name in any imported module; None where there is none."""
    module, _, path = name.partition(":")
    value: Any = sys.modules.get(module)
    for part in path.split("."):
        value = getattr(value, part, None)
    return value


def dtype_name(dtype: np.dtype[Any]) -> Any:
    """A type of numbers, texts or times, or of structures of them, in JSON; None of another one."""
    if dtype.kind in SCALARS:
        return dtype.str if np.dtype(dtype.str) == dtype else None
    if dtype.kind != "V" or not dtype.names or dtype.hasobject:
        return None
    descr = _as_json(np.lib.format.dtype_to_descr(dtype))
    return descr if dtype_of(descr) == dtype else None


def _as_json(part: Any) -> Any:
    return [_as_json(x) for x in part] if isinstance(part, list | tuple) else part


def dtype_of(name: Any) -> np.dtype[Any]:
    """The inverse of `dtype_name`. Raises `NotExact` for types whose bytes are addresses, and for no type at all."""

    def descr(part: Any) -> Any:
        return [(x[0], descr(x[1]), *map(tuple, x[2:])) for x in part] if isinstance(part, list) else part

    try:
        dtype = np.dtype(descr(name))
    except (TypeError, ValueError, SyntaxError, IndexError):
        raise NotExact(f"an array of the snapshot is of type {name!r}, which there is not") from None
    if dtype.hasobject or not (dtype.kind in SCALARS or dtype.names):
        raise NotExact(f"an array of the snapshot is of type {name!r}: it must be one of numbers")
    return dtype


def attributes(value: Any) -> dict[str, Any]:
    """The attributes of an ordinary object, from its dictionary and its slots."""
    slots = {name: getattr(value, name) for name in _slots(type(value)) if hasattr(value, name)}
    return {**slots, **getattr(value, "__dict__", {})}


def is_ordinary(kind: type, container: type = object) -> bool:
    """Whether attributes, and what is in a `container`, are all the state of such objects: no other memory of C's."""
    written_in_python = 1 << 9  # Py_TPFLAGS_HEAPTYPE
    if any(base not in container.__mro__ and not base.__flags__ & written_in_python for base in kind.__mro__):
        return False
    extra = [name for name in ("__dict__", "__weakref__") if hasattr(kind, name) and not hasattr(container, name)]
    slots = [f"slot_{i}" for i in range(len(_slots(kind)) - len(_slots(container)))]
    room = type("Room", (container,), {"__slots__": [*slots, *extra]})
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


def _bytes_of(content: np.ndarray) -> np.ndarray:
    return content.view(np.uint8) if content.nbytes else np.empty(0, np.uint8)


def _slots(kind: type) -> list[str]:
    is_slot = lambda value: isinstance(value, types.MemberDescriptorType)
    return [name for base in kind.__mro__ for name, value in vars(base).items() if is_slot(value)]


def _is_named(value: tuple[Any, ...]) -> bool:
    return tuple in type(value).__bases__ and hasattr(type(value), "_fields") and not hasattr(value, "__dict__")


def _is_bound(value: Any) -> bool:
    """Whether this is a method of an object, written in Python or in C."""
    of_c = isinstance(value, types.BuiltinMethodType) and not isinstance(value.__self__, types.ModuleType | None)
    return isinstance(value, types.MethodType) or of_c


def _is_own_method(method: Any) -> bool:
    if isinstance(method, types.MethodType):
        return getattr(type(method.__self__), method.__name__, None) is method.__func__
    return not isinstance(method.__self__, type) and getattr(method.__self__, method.__name__, None) == method
