"""The machine class: everything but an experiment's choices that the bits of its runs depend on."""

import functools
import hashlib
import re
from typing import NamedTuple

import jax
import jax.numpy as jnp

from sparserl import linalg, persistence
from sparserl.experiment.choices import Experiment
from sparserl.experiment.plan import Plan, plan_of

# How a compiled program for CPUs names what it was compiled for: two strings with their lengths before them.
_TARGET = re.compile(
    rb"-unknown-[\w-]+\x12.(?P<processor>[\w.-]+)\x1a[\x80-\xff]*.(?P<features>[+-][\w.+,-]+)", re.DOTALL
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


def machine_class(experiment: Experiment | Plan, layout: str = persistence.ALONE) -> dict[str, str]:
    """What the bits of a run depend on beside its choices: device, processor, libraries, kernels, seeds beside it."""
    kernels = {"kernels": linalg.build_digest()} if plan_of(experiment).compressed_layers else {}
    target = compiler_target()
    compiler = {} if target is None else {"compiled_for": " ".join(target)}
    device = jax.devices()[0].device_kind
    return {**persistence.machine_class(), **compiler, **kernels, "device": device, "layout": layout}
