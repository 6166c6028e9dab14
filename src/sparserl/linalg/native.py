"""The native kernels: their library, why it may be missing, and calls of them in compiled programs."""

import ctypes
import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from sparserl import foreign
from sparserl.types import UserError

LIBRARY = Path(__file__).with_name("_native.so")
MISSING = Path(__file__).with_name("_native_missing.txt")  # the install writes one of the two: CMakeLists.txt
TARGETS = (
    "sparserl_product",
    "sparserl_transposed_product",
    "sparserl_sampled_product",
    "sparserl_gradients",
    "sparserl_compress",
    "sparserl_select",
    "sparserl_random_bits",
)
QUESTIONS = ("sparserl_instruction_set", "sparserl_interface")
INSTRUCTION_SET = "SPARSERL_INSTRUCTION_SET"  # the variable that holds the kernels to instructions of this name


class Native(NamedTuple):
    """The loaded library, or why there is none; one of the two is None."""

    library: ctypes.CDLL | None
    reason: str | None


def unavailable_reason() -> str | None:
    """One line that says why compressed storage is not available here; None where it is.

    The environment variable SPARSERL_NATIVE_LIBRARY names another build of the library. Raises UserError where
    SPARSERL_INSTRUCTION_SET names instructions that this processor or build does not have.
    """
    return _native().reason


def instruction_set() -> str:
    """What the kernels run on: avx512, avx2, neon or portable. Raises UserError where there are none.

    The environment variable SPARSERL_INSTRUCTION_SET, read once, lowers it.
    """
    return _instruction_set(_available())


@functools.cache
def build_digest() -> str:
    """What tells builds of the kernels apart: the beginning of their library's SHA-256; "none" where there is none."""
    path = _path()
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else "none"


def call(target: str, results: foreign.ResultShapes) -> Callable[..., Any]:
    """A kernel, one of `TARGETS`, as a part of compiled programs. Raises UserError where there are none.

    Under `jax.vmap` it takes leading axes of length 1 or n for each operand.
    """
    _register()
    return foreign.call(target, results, vmap_method="expand_dims")


@functools.cache
def _register() -> None:
    kernels = _available()
    for name in TARGETS:
        foreign.register(name, getattr(kernels, name))


def _available() -> ctypes.CDLL:
    library, reason = _native()
    if library is None:
        raise UserError(f"compressed storage is not available: {reason}")
    return library


@functools.cache
def _native() -> Native:
    path = _path()
    if not path.is_file():
        return Native(None, _why_missing(path))
    try:
        kernels = ctypes.CDLL(str(path))
    except OSError as error:
        return Native(None, f"the native kernels do not load ({' '.join(str(error).split())}); reinstall sparserl")
    absent = [name for name in (*TARGETS, *QUESTIONS) if not hasattr(kernels, name)]
    if absent:
        return Native(None, f"{path} is of another version of sparserl: it has no {absent[0]}; reinstall sparserl")
    if reason := _interface_mismatch(kernels):
        return Native(None, reason)
    _refuse_other_instructions(kernels)
    return Native(kernels, None)


def _refuse_other_instructions(kernels: ctypes.CDLL) -> None:
    """The library takes the widest instructions where it does not have those that are asked for."""
    asked, widest = os.environ.get(INSTRUCTION_SET), _instruction_set(kernels)
    if asked and asked != widest:
        narrower = {"avx512": ("avx512", "avx2"), "avx2": ("avx2",), "neon": ("neon",)}.get(widest, ())
        raise UserError(
            "the kernels cannot run on these here", field=INSTRUCTION_SET, value=asked, allowed=(*narrower, "portable")
        )


def _instruction_set(kernels: ctypes.CDLL) -> str:
    ask = kernels.sparserl_instruction_set
    ask.restype = ctypes.c_char_p
    return str(ask().decode())


def _path() -> Path:
    return Path(os.environ.get("SPARSERL_NATIVE_LIBRARY") or LIBRARY)


def _why_missing(path: Path) -> str:
    if path == LIBRARY and MISSING.is_file():
        return MISSING.read_text(encoding="utf-8").strip()
    return f"there is no file {path}; reinstall sparserl"


def _interface_mismatch(kernels: ctypes.CDLL) -> str | None:
    """Why XLA would refuse the kernels: it takes those of its own major version that are not newer than itself."""
    built, installed = (kernels.sparserl_interface(0), kernels.sparserl_interface(1)), foreign.interface_version()
    if len(installed) == 2 and built[0] == installed[0] and built[1] <= installed[1]:
        return None
    versions = [".".join(map(str, version)) or "an unknown version" for version in (built, installed)]
    return (
        f"the native kernels were built for version {versions[0]} of XLA's interface and jaxlib has {versions[1]}; "
        "reinstall sparserl with pip install --no-build-isolation"
    )
