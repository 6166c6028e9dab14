"""What holds for every test: one XLA thread on the CPU, strict ranks, compiled programs shared by all processes."""

# ruff: noqa: E402
import os

from sparserl.processes import ambient

ambient.settle()  # before jax is imported, as in every worker
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["MPLBACKEND"] = "agg"

import shutil
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import jax
import pytest
from jax._src import compiler

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


ROUNDING = {  # rooms, and files of others, whose tests are marked `machine`
    *("agents", "deploy", "diagnostics", "golden", "linalg", "networks", "optimizer", "sparsity"),
    *("test_machine.py", "test_plan.py", "test_seeds_in_one_program.py"),
}
# Rooms and files whose tests compare programs with derivations and with each other, in one process: there XLA optimises
# little and emits the code of an operation without generating MLIR first, which takes two fifths of the time. Golden
# digests and other processes compile as everywhere else.
BRIEFLY_COMPILED = {
    *("agents", "bench", "cli", "deploy", "diagnostics", "environments", "examples", "experiment", "linalg"),
    *("networks", "optimizer", "persistence", "sparsity", "study", "training", "worker"),
    *("test_docs.py", "test_docs_commands.py"),
}
BRIEFLY = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}
if jax.__version_info__ >= (0, 11):
    BRIEFLY = {}  # an option that XLA no longer knows fails every compilation
BRIEF = "jax_disable_most_optimizations"
LARGEST_KEPT_BYTES = 10**9  # of compiled programs; a session makes a tenth


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="all cases of tests of which some cover each kind once")
    parser.addoption("--clients", action="store_true", help="also what needs other packages; scripts/check-clients")


@pytest.fixture(autouse=True, scope="module")
def _compiler_effort(request: pytest.FixtureRequest) -> None:
    """Let XLA optimise as the room's tests need it, and never run a program of the other kind."""
    where = {request.path.parent.name, request.path.name}
    brief = bool(where & BRIEFLY_COMPILED) and not request.config.getoption("thorough")
    if jax.config.read(BRIEF) != brief:
        jax.config.update(BRIEF, brief)
        jax.clear_caches()


_compile_options = compiler.get_compile_options


def _brief_options(*words: Any, **named: Any) -> Any:
    options = _compile_options(*words, **named)
    if jax.config.read(BRIEF):
        options.env_option_overrides = [*options.env_option_overrides, *BRIEFLY.items()]
    return options


compiler.get_compile_options = _brief_options  # XLA_FLAGS would hold for all rooms, and for processes that are started


def pytest_configure(config: pytest.Config) -> None:
    """All test processes, and what they start, share their compiled programs, and with the next session, too.

    An entry is found by its program, compiler and options, so that a change of ours is compiled anew. Whatever else is
    kept in the user's cache is a folder of this session.
    """
    if not hasattr(config, "workerinput"):  # the main process: pytest-xdist's workers inherit its environment
        session = tempfile.mkdtemp(prefix="sparserl-tests-")
        kept = getattr(config, "cache", None)
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(_compiled(kept.mkdir("compiled") if kept else Path(session)))
        os.environ["XDG_CACHE_HOME"] = session
    jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.02)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def _compiled(home: Path) -> Path:
    """The folder of programs compiled for this machine, below `home`: without damaged entries, and not too large."""
    from sparserl.worker.compilation import use_compilation_cache

    if sum(entry.stat().st_size for entry in home.rglob("*") if entry.is_file()) > LARGEST_KEPT_BYTES:
        shutil.rmtree(home)
    os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
    os.environ["XDG_CACHE_HOME"] = str(home)
    return use_compilation_cache()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest; leave out what needs the native kernels where they cannot be: no compiler.

    What waits for other processes comes first and what computes for long after it, so that the first worker of
    pytest-xdist does the one while the second does the other, and quick ones are left to even out the end.
    """
    for option in ("thorough", "clients"):
        if not config.getoption(option):
            left_out = [item for item in items if item.get_closest_marker(option)]
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in set(left_out)]
    items.sort(key=_rank)
    for item in items:
        if item.path.parent.name in ROUNDING or item.path.name in ROUNDING:
            item.add_marker(pytest.mark.machine)
    marked = [item for item in items if item.get_closest_marker("kernels")]
    if not marked or shutil.which("g++") or shutil.which("clang++"):
        return
    from sparserl.linalg import unavailable_reason

    if reason := unavailable_reason():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))


def _rank(item: pytest.Item) -> tuple[bool, bool, bool]:
    marked = lambda mark: item.get_closest_marker(mark) is None
    return item.path.name != "test_torture.py", marked("processes"), marked("slow")
