"""What holds for every test: one XLA thread on the CPU, strict ranks, nothing kept after the session."""

import os

# Before jax is imported: bits depend on the number of XLA threads, and tests run side by side.
os.environ["NPROC"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["MPLBACKEND"] = "agg"

import shutil
import tempfile

import hypothesis
import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")

# The same examples in every run, and no verdict that depends on how busy the machine is.
hypothesis.settings.register_profile(
    "sparserl",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("sparserl")


def pytest_configure(config: pytest.Config) -> None:
    """Compiled programs are kept in a folder of the session, shared by all test processes and what they start."""
    if not hasattr(config, "workerinput"):  # the main process: pytest-xdist's workers inherit its environment
        os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
        os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="sparserl-tests-")
    jax.config.update("jax_compilation_cache_dir", os.path.join(os.environ["XDG_CACHE_HOME"], "tests"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.02)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; leave out what needs the native kernels where they cannot be: no compiler."""
    items.sort(key=lambda item: item.path.name != "test_torture.py")
    marked = [item for item in items if item.get_closest_marker("kernels")]
    if not marked or shutil.which("g++") or shutil.which("clang++"):
        return
    from sparserl.linalg import unavailable_reason

    if reason := unavailable_reason():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))
