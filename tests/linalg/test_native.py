"""The native library: it is there where it can be, and says why where it is not."""

import os
import shutil
import subprocess
import sys

import jax
import pytest

from sparserl import foreign
from sparserl.linalg import native, unavailable_reason
from sparserl.types import UserError


def reason_of(path):
    program = "from sparserl.linalg import unavailable_reason; print(unavailable_reason())"
    environment = {"SPARSERL_NATIVE_LIBRARY": str(path), "PATH": "", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="no compiler, so there may be none")
def test_where_there_is_a_compiler_there_are_kernels():
    """An install goes on without kernels, so that only this test tells when they silently stop to compile."""
    assert unavailable_reason() is None
    assert native.instruction_set() in ("avx512", "avx2", "neon", "portable")


@pytest.mark.parametrize("content", [None, b"not a library"])
def test_a_library_that_cannot_be_used_is_one_line_and_no_traceback(content, tmp_path):
    path = tmp_path / "_native.so"
    if content is not None:
        path.write_bytes(content)
    reason = reason_of(path)
    assert str(path) in reason
    assert "reinstall sparserl" in reason
    assert "\n" not in reason


def test_what_is_missing_is_told_where_kernels_are_asked_for(monkeypatch):
    monkeypatch.setattr(native, "_native", lambda: native.Native(None, "no compiler"))
    with pytest.raises(UserError, match="compressed storage is not available: no compiler"):
        native.instruction_set()


@pytest.mark.kernels
@pytest.mark.parametrize(("installed", "said"), [((), "has an unknown version;"), ((1, 3), "1.3"), ((0, -1), "0.-1")])
def test_a_jaxlib_that_would_refuse_the_kernels_is_told_with_both_versions(installed, said, monkeypatch):
    """Asked before they are registered: XLA does not start at all with a handler that is newer than itself."""
    kernels = native._native().library
    assert native._interface_mismatch(kernels) is None
    monkeypatch.setattr(foreign, "interface_version", lambda: installed)
    assert said in native._interface_mismatch(kernels)


@pytest.mark.kernels
def test_operands_of_wrong_ranks_and_sizes_are_refused_by_the_handler():
    """Nothing malformed is computed with, also where somebody calls the target by its name."""
    call = native.call("sparserl_select", jax.ShapeDtypeStruct((5,), bool))
    with pytest.raises(Exception, match="sparserl_select"):
        jax.block_until_ready(call(jax.numpy.zeros(4, "uint32"), jax.numpy.int32(1)))


@pytest.mark.kernels
@pytest.mark.parametrize("asked", ["avx51", "sse", "512"])
def test_instructions_that_kernels_do_not_have_are_refused_with_those_that_they_have(asked, monkeypatch):
    kernels = native._native().library
    monkeypatch.setenv(native.INSTRUCTION_SET, asked)
    with pytest.raises(UserError, match=rf"^SPARSERL_INSTRUCTION_SET is '{asked}': .*choose .*portable"):
        native._refuse_other_instructions(kernels)
    monkeypatch.setenv(native.INSTRUCTION_SET, "")
    native._refuse_other_instructions(kernels)


@pytest.mark.kernels
@pytest.mark.processes
def test_kernels_are_held_to_the_instructions_that_are_asked_for():
    program = "from sparserl.linalg import instruction_set; print(instruction_set())"
    environment = {**os.environ, "SPARSERL_INSTRUCTION_SET": "portable"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "portable"
