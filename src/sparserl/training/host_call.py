"""Calls from compiled programs on the CPU back into Python, 60 us quicker than through `io_callback`.

XLA calls a handler of its foreign function interface with pointers to the operands and results. The handler here is a
Python function that reads them through `ctypes`, so it needs no compiler; the structures are those of
xla/ffi/api/c_api.h, against which a test holds them, and within a major version they grow at their ends only. Programs
with such calls are also kept in JAX's compilation cache, unlike those with `io_callback`. On a GPU, or with another
major version of the interface, `available` is False.
"""

import ctypes
import functools
import itertools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl import foreign
from sparserl.types import Array

TARGET = "sparserl_host_call"
MAJOR = 0  # version of the interface that has these structures; minor versions add to their ends
METADATA = 1  # type of the extension through which XLA asks a new handler for its version
MOST_VIEWS = 64  # sets of addresses for which arrays are kept; a loop has one set or two


class _Extension(ctypes.Structure):
    _fields_ = (("struct_size", ctypes.c_size_t), ("type", ctypes.c_int), ("next", ctypes.c_void_p))


class _Metadata(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("version_struct_size", ctypes.c_size_t),
        ("version_extension_start", ctypes.c_void_p),
        ("major", ctypes.c_int),
        ("minor", ctypes.c_int),
        ("traits", ctypes.c_uint32),
    )


class _MetadataExtension(ctypes.Structure):
    _fields_ = (("base", _Extension), ("metadata", ctypes.POINTER(_Metadata)))


class _Buffers(ctypes.Structure):  # operands, results
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("extension_start", ctypes.c_void_p),
        ("size", ctypes.c_int64),
        ("types", ctypes.c_void_p),
        ("values", ctypes.POINTER(ctypes.c_void_p)),
    )


class _Buffer(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("extension_start", ctypes.c_void_p),
        ("type", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("rank", ctypes.c_int64),
        ("dims", ctypes.c_void_p),
    )


class _CallFrame(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("extension_start", ctypes.c_void_p),
        ("api", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
        ("stage", ctypes.c_int),
        ("operands", _Buffers),
        ("results", _Buffers),
    )


DATA = _Buffer.data.offset
_calls: weakref.WeakValueDictionary[int, "HostCall"] = weakref.WeakValueDictionary()
_numbers = itertools.count()


class HostCall:
    """`function(operand, results)` as a part of compiled programs: it reads one array and writes into several.

    `results` are the shapes and types of what it writes. It must not raise. The arrays belong to the program and are
    valid during the call only. Call it only where `available()` is True.
    """

    def __init__(
        self,
        function: Callable[[np.ndarray, tuple[np.ndarray, ...]], None],
        operand: jax.ShapeDtypeStruct,
        results: Sequence[jax.ShapeDtypeStruct],
    ) -> None:
        self.function, self.operand, self.results = function, operand, tuple(results)
        self.views: dict[tuple[int, ...], tuple[np.ndarray, tuple[np.ndarray, ...]]] = {}
        self.number = next(_numbers)
        _calls[self.number] = self

    def __call__(self, operand: Array, number: Array | None = None) -> tuple[jax.Array, ...]:
        """The call, traced; calls are ordered by the data that they pass on to each other.

        number: of the call to make, where a program takes it as an argument, so that it serves others of these shapes.
        """
        _register()
        number = jnp.int32(self.number) if number is None else number
        operand = jnp.asarray(operand, self.operand.dtype).reshape(self.operand.shape)
        call = foreign.call(TARGET, self.results, has_side_effect=True)
        return tuple(call(number, operand))

    def run(self, addresses: tuple[int, ...]) -> None:
        """Call the function with the arrays at these addresses: that of the operand, then one for each result."""
        views = self.views.get(addresses)
        if views is None:
            if len(self.views) >= MOST_VIEWS:
                self.views.clear()
            operand, *results = (_view(*pair) for pair in zip(addresses, (self.operand, *self.results), strict=True))
            views = self.views[addresses] = (operand, tuple(results))
        self.function(*views)


def available() -> bool:
    """Whether programs can make such calls here; the answer comes from making one, once per process, untraced."""
    return jax.default_backend() == "cpu" and foreign.interface_version()[:1] == (MAJOR,) and _works()


@functools.cache
def _works() -> bool:
    floats = jax.ShapeDtypeStruct((3,), np.float32)
    flags = jax.ShapeDtypeStruct((2,), np.bool_)

    def function(operand: np.ndarray, results: tuple[np.ndarray, ...]) -> None:
        results[0][...] = operand + 1
        results[1][...] = (True, False)

    call = HostCall(function, floats, (floats, flags))
    try:
        sums, answers = jax.jit(call)(np.array([1, 2, 3], np.float32))
    except Exception:  # whatever the interface complains of: there is another way
        return False
    return np.array_equal(sums, [2, 3, 4]) and np.array_equal(answers, [True, False])


@functools.cache
def _register() -> None:
    foreign.register(TARGET, _handler)


@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
def _handler(address: int) -> None:
    """What XLA calls with the address of a call frame; to return None, a null pointer, is to report no error."""
    frame = _CallFrame.from_address(address)
    if frame.extension_start and _answered(frame.extension_start):
        return
    operands, results = frame.operands, frame.results
    if frame.struct_size < ctypes.sizeof(_CallFrame) or operands.size != 2:
        return  # `_works` will see that nothing was written
    values, written = operands.values, results.values
    number = ctypes.c_int32.from_address(_data(values[0])).value
    _calls[number].run((_data(values[1]), *[_data(written[i]) for i in range(results.size)]))


def _answered(address: int | None) -> bool:
    """Whether XLA only asked for the version; if so, it has been told."""
    while address:
        extension = _Extension.from_address(address)
        if extension.type == METADATA:
            metadata = _MetadataExtension.from_address(address).metadata.contents
            metadata.major, metadata.minor, metadata.traits = MAJOR, foreign.interface_version()[1], 0
            return True
        address = extension.next
    return False


def _data(buffer: Any) -> int:
    return ctypes.c_size_t.from_address(buffer + DATA).value


def _view(address: int, like: jax.ShapeDtypeStruct) -> np.ndarray:
    """The array at an address, without a copy; the memory stays the program's."""
    size = max(like.size * np.dtype(like.dtype).itemsize, 1)
    memory = (ctypes.c_char * size).from_address(address)
    return np.frombuffer(memory, like.dtype, like.size).reshape(like.shape)
