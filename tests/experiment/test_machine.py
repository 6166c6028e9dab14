"""The machine class: what XLA compiles for is told apart, and a flag that changes it is seen."""

import os
import subprocess
import sys

import jax
import pytest

from sparserl.experiment import compiler_target, from_preset, machine_class, planned

ON_CPU = pytest.mark.skipif(jax.default_backend() != "cpu", reason="GPUs are told apart by their kind")
HELD_BACK = """
from sparserl.experiment import compiler_target
print(*compiler_target())
"""


@ON_CPU
def test_the_compiler_says_what_it_compiles_for():
    target = compiler_target()
    assert target is not None
    assert target.processor
    experiment = planned(from_preset("dqn", "static", "CartPole-v1"))
    assert machine_class(experiment)["compiled_for"] == f"{target.processor} {target.features}"


@ON_CPU
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the flag is for x86")
def test_a_flag_that_holds_the_compiler_back_gives_another_class():
    """SSE 4.2 is below every x86 processor that JAX supports, so the compiler is held back on all of them."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_max_isa=SSE4_2"
    said = subprocess.run(
        [sys.executable, "-c", HELD_BACK],
        env={**os.environ, "XLA_FLAGS": flags.strip()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() != list(compiler_target())
