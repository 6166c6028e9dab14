"""The machine class: everything but an experiment's choices that the bits of its runs depend on."""

import jax

from sparserl import linalg, persistence
from sparserl.experiment.choices import Experiment
from sparserl.experiment.plan import Plan, plan_of
from sparserl.foreign import compiler_target as compiler_target


def machine_class(experiment: Experiment | Plan, layout: str = persistence.ALONE) -> dict[str, str]:
    """What the bits of a run depend on beside its choices: device, processor, libraries, kernels, seeds beside it."""
    kernels = {"kernels": linalg.build_digest()} if plan_of(experiment).compressed_layers else {}
    target = compiler_target()
    compiler = {} if target is None else {"compiled_for": " ".join(target)}
    device = jax.devices()[0].device_kind
    return {**persistence.machine_class(), **compiler, **kernels, "device": device, "layout": layout}
