"""Compiled programs and what is outside of them: everything of JAX for it that changes from version to version."""

import functools
import hashlib
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import io_callback
from jax.extend.core import Primitive
from jax.extend.random import define_prng_impl, threefry_prng_impl
from jax.interpreters import ad, batching, mlir

ResultShapes = jax.ShapeDtypeStruct | Sequence[jax.ShapeDtypeStruct]
BatchingRule = Callable[[Sequence[jax.Array], Sequence[int | None]], tuple[jax.Array, int]]

# How a compiled program for CPUs names what it was compiled for: two strings with their lengths before them.
_TARGET = re.compile(
    rb"-unknown-[\w-]+\x12.(?P<processor>[\w.-]+)\x1a[\x80-\xff]*.(?P<features>[+-][\w.+,-]+)", re.DOTALL
)

# Settings of JAX that move numbers or keys, or with which none of our programs runs, as results are promised for them.
_SETTINGS: Mapping[str, Any] = {
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
    "jax_random_seed_offset": 0,
    "jax_high_dynamic_range_gumbel": False,
    "jax_enable_x64": False,
    "jax_numpy_dtype_promotion": "standard",
    "jax_default_matmul_precision": None,
    "jax_disable_jit": False,
    "jax_debug_nans": False,  # a state says NaN where nothing is known yet
    "jax_transfer_guard": None,
}
_TELLING_FLAGS = re.compile(r"--xla_(dump|log|hlo_profile|vlog).*")


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


def call(target: str, results: ResultShapes, **options: Any) -> Callable[..., Any]:
    """A registered function as a part of programs; `options` are those of `jax.ffi.ffi_call`."""
    return jax.ffi.ffi_call(target, results, **options)


def callback(function: Callable[..., Any], results: Any, *operands: Any) -> Any:
    """A function of Python as a part of programs, on any device; its order is that of the data it takes and gives."""
    return io_callback(function, results, *operands, ordered=False)


def batched_by(name: str, function: Callable[..., jax.Array], rule: BatchingRule) -> Callable[..., jax.Array]:
    """A function of arrays to one array that `jax.vmap` batches by a rule, and that is its body for all else.

    rule: of the operands and the axis of each that is batched, or None; gives the result and its batched axis. Unlike
    `jax.custom_batching.custom_vmap` it has reverse derivatives, whichever of `grad` and `vmap` is inside the other.
    """
    primitive = Primitive(name)
    primitive.def_impl(jax.jit(function))

    def abstract(*operands: Any) -> Any:
        result = jax.eval_shape(function, *(jax.ShapeDtypeStruct(each.shape, each.dtype) for each in operands))
        return jax.core.ShapedArray(result.shape, result.dtype)

    def derivative(primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        moving = [i for i, t in enumerate(tangents) if type(t) is not ad.Zero and t.dtype != jax.dtypes.float0]

        def of_moving(*given: Any) -> jax.Array:
            instead = dict(zip(moving, given, strict=True))
            return function(*(instead.get(i, x) for i, x in enumerate(primals)))

        return jax.jvp(of_moving, [primals[i] for i in moving], [tangents[i] for i in moving])

    primitive.def_abstract_eval(abstract)
    ad.primitive_jvps[primitive] = derivative
    batching.primitive_batchers[primitive] = rule
    mlir.register_lowering(primitive, mlir.lower_fun(function, multiple_results=False))
    bound: Callable[..., jax.Array] = primitive.bind
    return bound


def threefry(name: str, bits: Callable[[jax.Array, tuple[int, ...]], jax.Array]) -> Any:
    """A kind of keys that differs from JAX's own in who computes `bits`, uint32 of a shape, of key data `[2]`."""

    def random_bits(key: jax.Array, width: int, shape: tuple[int, ...]) -> jax.Array:
        if width > 32 or math.prod(shape) > 2**32 or not jax.config.values["jax_threefry_partitionable"]:
            return threefry_prng_impl.random_bits(key, width, shape)
        return bits(key, tuple(shape)).astype(f"uint{width}")

    return define_prng_impl(
        key_shape=(2,),
        seed=threefry_prng_impl.seed,
        split=threefry_prng_impl.split,
        random_bits=random_bits,
        fold_in=threefry_prng_impl.fold_in,
        name=name,
        tag=name,
    )


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


def altered_settings() -> dict[str, tuple[Any, Any]]:
    """The settings of JAX in this process that results depend on and that are altered: what each is, and should be."""
    given = {name: getattr(jax.config, name, jax.config.values.get(name, wanted)) for name, wanted in _SETTINGS.items()}
    plain = {name: getattr(value, "value", value) for name, value in given.items()}
    return {name: (value, _SETTINGS[name]) for name, value in plain.items() if value != _SETTINGS[name]}


def compiler_flags() -> str:
    """The flags of XLA_FLAGS, or of the file that it names, but for those by which XLA only tells of its work.

    And JAX's one that lets XLA optimise little: the same numbers, rounded otherwise.
    """
    flags = os.environ.get("XLA_FLAGS", "").strip()
    if flags and not flags.startswith("-"):
        flags = Path(flags).read_text()
    last = {flag.partition("=")[0]: flag for flag in flags.split() if not _TELLING_FLAGS.fullmatch(flag)}
    little = ["jax_disable_most_optimizations"] if jax.config.values.get("jax_disable_most_optimizations") else []
    return " ".join([*(last[name] for name in sorted(last)), *little])
