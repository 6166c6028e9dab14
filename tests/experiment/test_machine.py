"""The machine class: what XLA compiles for is told apart, and a flag that changes it is seen."""

import os
import subprocess
import sys

import jax
import pytest

from sparserl import linalg
from sparserl.errors import UserError
from sparserl.experiment import build, compiler_target, from_preset, machine_class, planned
from sparserl.linalg import native

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


@pytest.fixture
def optimise():
    """Tells XLA to optimise as usual, or little."""
    name = "jax_disable_most_optimizations"
    before = jax.config.read(name)
    yield lambda usual: jax.config.update(name, not usual)
    jax.config.update(name, before)


def test_flags_that_change_code_are_in_the_class_and_those_that_only_tell_are_not(monkeypatch, tmp_path, optimise):
    experiment = planned(from_preset("dqn", "static", "CartPole-v1", storage="masked"))
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    optimise(True)
    plain = machine_class(experiment)
    assert "xla_flags" not in plain  # as in checkpoints of earlier versions
    file = tmp_path / "flags"
    file.write_text("--xla_cpu_enable_fast_math=true\n--xla_a=2\n")
    for given in (str(file), "--xla_dump_to=/tmp  --xla_a=1 --xla_cpu_enable_fast_math=true --xla_a=2"):
        monkeypatch.setenv("XLA_FLAGS", given)
        assert machine_class(experiment) == plain | {"xla_flags": "--xla_a=2 --xla_cpu_enable_fast_math=true"}
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=/tmp --xla_log_hlo_text=1")
    assert machine_class(experiment) == plain
    optimise(False)
    assert machine_class(experiment)["xla_flags"] == "jax_disable_most_optimizations"


@pytest.mark.kernels
def test_kernels_held_to_fewer_instructions_are_another_class(monkeypatch):
    experiment = planned(from_preset("dqn", "static", "CartPole-v1", sparsity=0.95, storage="compressed"))
    digest = native.build_digest()
    features = machine_class(experiment)["cpu_features"]
    for instructions, said in ((features, digest), ("portable", f"{digest} portable")):
        monkeypatch.setattr(linalg, "instruction_set", lambda name=instructions: name)
        assert machine_class(experiment)["kernels"] == said


@pytest.mark.parametrize(
    ("name", "value", "usual"),
    [
        ("jax_default_prng_impl", "rbg", "threefry2x32"),
        ("jax_threefry_partitionable", False, True),
        ("jax_enable_x64", True, False),
        ("jax_disable_jit", True, False),
        ("jax_debug_nans", True, False),
        ("jax_numpy_dtype_promotion", "strict", "standard"),
    ],
)
def test_settings_in_code_that_would_give_other_results_are_refused_by_name(name, value, usual):
    jax.config.update(name, value)
    try:
        with pytest.raises(UserError, match=rf"^{name} is '?{value}'?: .*, {usual!r}\), or omit .* {name.upper()}$"):
            build(from_preset("dqn", "static", "CartPole-v1"))
    finally:
        jax.config.update(name, usual)
