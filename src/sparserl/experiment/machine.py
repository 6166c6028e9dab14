"""The machine class: everything but an experiment's choices that the bits of its runs depend on."""

import jax

from sparserl import linalg, persistence
from sparserl.experiment.choices import Experiment
from sparserl.experiment.plan import Plan, plan_of
from sparserl.foreign import altered_settings, compiler_flags
from sparserl.foreign import compiler_target as compiler_target
from sparserl.types import UserError


def machine_class(experiment: Experiment | Plan, layout: str = persistence.ALONE) -> dict[str, str]:
    """What the bits of a run depend on beside its choices: device, processor, libraries, kernels, seeds beside it."""
    here, target, flags = persistence.machine_class(), compiler_target(), compiler_flags()
    kernels = {"kernels": _kernels(here["cpu_features"])} if plan_of(experiment).compressed_layers else {}
    compiler = {"xla_flags": flags} if flags else {}
    if target is not None:
        compiler["compiled_for"] = " ".join(target)
    device = jax.devices()[0].device_kind
    return {**here, **compiler, **kernels, "device": device, "layout": layout}


def _kernels(cpu_features: str) -> str:
    """Which build of them, and which instructions they use where these are not the widest of the processor."""
    instructions = linalg.instruction_set()
    return linalg.build_digest() + ("" if instructions == cpu_features else f" {instructions}")


def refuse_altered_settings() -> None:
    """Raise UserError, one line, where JAX is set, in code or by a variable, to what would give other results."""
    for name, (value, wanted) in altered_settings().items():
        why = "results are promised without it"
        if name == "jax_debug_nans":
            why = "a state holds NaN where nothing is known yet, and a run that is no longer finite raises Divergence"
        remedy = f"jax.config.update({name!r}, {wanted!r}), or omit the variable {name.upper()}"
        raise UserError(f"{why}: {remedy}", field=name, value=value)
