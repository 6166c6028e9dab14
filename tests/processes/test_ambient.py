"""Ambient variables: those that would decide results reach no run, others do, and what cannot start is one line."""

import os

import pytest

from sparserl.errors import UserError
from sparserl.processes import ambient

DECIDING = {
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_RANDOM_SEED_OFFSET": "3",
    "JAX_ENABLE_X64": "nonsense",
    "JAX_DISABLE_JIT": "1",
    "JAX_DEBUG_NANS": "1",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16",
    "JAX_A_FLAG_OF_THE_FUTURE": "1",
    "NVIDIA_TF32_OVERRIDE": "1",
}
HARMLESS = {
    "JAX_PLATFORMS": "cuda,cpu",
    "JAX_COMPILATION_CACHE_DIR": "/cache",
    "JAX_LOG_COMPILES": "1",
    "JAX_TRACEBACK_FILTERING": "off",
    "CUDA_VISIBLE_DEVICES": "1",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "MY_JAX_ENABLE_X64": "1",
}


@pytest.fixture
def surrounded(monkeypatch):
    for name, value in (DECIDING | HARMLESS | {"OMP_NUM_THREADS": "7"}).items():
        monkeypatch.setenv(name, value)


def test_what_decides_results_is_set_aside_by_name_and_what_does_not_stays(surrounded, monkeypatch):
    for name in ("NPROC", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "5")
    told = ambient.settle()
    assert {line.split()[0] for line in told} == DECIDING.keys()
    assert not DECIDING.keys() & os.environ.keys()
    assert {name: os.environ[name] for name in HARMLESS} == HARMLESS
    assert {os.environ[name] for name in ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {"1"}
    assert "ends as diverged" in next(line for line in told if "JAX_DEBUG_NANS" in line)
    assert ambient.settle() == []


@pytest.mark.parametrize("said", [{}, {"JAX_PLATFORMS": ""}, {"JAX_PLATFORMS": " "}])
def test_an_empty_platform_is_none_at_all(said):
    assert ambient.settled(said)["JAX_PLATFORMS"] == "cpu"


@pytest.mark.processes
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("JAX_PLATFORMS", "cbu", "did you mean 'cpu'"),
        ("XLA_FLAGS", "--xla_cpu_no_such_flag=1", "Unknown flag"),
        ("XLA_FLAGS", "--xla_cpu_enable_fast_math=perhaps", "perhaps"),
    ],
)
def test_what_xla_or_jax_cannot_start_with_is_one_line_that_names_the_variable(name, value, words, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=rf"^{name} is '{value}': ") as caught:
        ambient.check()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
