"""Compiled programs and what is outside of them: everything of JAX for it that changes from version to version."""

import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import io_callback

Shapes = jax.ShapeDtypeStruct | Sequence[jax.ShapeDtypeStruct]

# How a compiled program for CPUs names what it was compiled for: two strings with their lengths before them.
_TARGET = re.compile(
    rb"-unknown-[\w-]+\x12.(?P<processor>[\w.-]+)\x1a[\x80-\xff]*.(?P<features>[+-][\w.+,-]+)", re.DOTALL
)


@functools.cache
def interface_version() -> tuple[int, ...]:
    """Major and minor version of jaxlib's foreign function interface; empty where its header is missing."""
    header = Path(jax.ffi.include_dir()) / "xla" / "ffi" / "api" / "c_api.h"
    text = header.read_text(encoding="utf-8") if header.is_file() else ""
    parts = [re.search(rf"#define XLA_FFI_API_{part} (\d+)", text) for part in ("MAJOR", "MINOR")]
    return tuple(int(number[1]) for number in parts if number)


def register(target: str, handler: Any) -> None:
    """Tell XLA of a function in C that programs for the CPU may call by the name `target`."""
    jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(handler), platform="cpu")


def call(target: str, results: Shapes, **options: Any) -> Callable[..., Any]:
    """A registered function as a part of programs; `options` are those of `jax.ffi.ffi_call`."""
    return jax.ffi.ffi_call(target, results, **options)


def callback(function: Callable[..., Any], results: Any, *operands: Any) -> Any:
    """A function of Python as a part of programs, on any device; its order is that of the data it takes and gives."""
    return io_callback(function, results, *operands, ordered=False)


class Target(NamedTuple):
    """The processor that XLA compiles for, as LLVM names it ("znver4"), and a digest of the instructions it may use."""

    processor: str
    features: str


@functools.cache
def compiler_target() -> Target | None:
    """What XLA compiles for in this process, its flags considered; None where the device is no CPU, or it is not said.

    Two processors with the same vector instructions may get different programs, which round differently, so it is the
    compiler that is asked: a small program is compiled, and says for what.
    """
    device = jax.devices()[0]
    if device.platform != "cpu":
        return None
    program = jax.jit(lambda x: x + 1).lower(jnp.float32(0)).compile().runtime_executable()
    told = None if program is None else _TARGET.search(program.serialize())
    if told is None:
        return None
    features = hashlib.sha256(told["features"]).hexdigest()[:8]
    return Target(told["processor"].decode(), features)
