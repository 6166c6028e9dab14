"""Calls between compiled programs and other code: everything of JAX for it that changes from version to version."""

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
from jax.experimental import io_callback

Shapes = jax.ShapeDtypeStruct | Sequence[jax.ShapeDtypeStruct]


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
