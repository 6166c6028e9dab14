"""Ambient: variables of the environment that would decide results, set aside or fixed before JAX is imported."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping

from sparserl.errors import UserError

# Of JAX's own variables only those that cannot move a number: where it computes, what it keeps, what it tells.
_KEPT = re.compile(
    r"JAX_(PLATFORMS|(CUDA|ROCM)_VISIBLE_DEVICES|(ENABLE_)?COMPILATION_CACHE(_DIR|_MAX_SIZE)?|LOG_COMPILES|LOGGING_LEVEL"
    r"|DEBUG_LOG_MODULES|EXPLAIN_CACHE_MISSES|TRACEBACK_FILTERING|DUMP_IR_TO|DUMP_IR_MODES)"
)
_DECIDES = re.compile(r"JAX_.*|NVIDIA_TF32_OVERRIDE|CUBLAS_WORKSPACE_CONFIG")
_ONE_THREAD = ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # sums depend on their number
_PLATFORMS = ("cpu", "cuda", "gpu", "rocm", "tpu")
_COMPLAINT = re.compile(r"^[EF]\d{4} .*?\] (.*)$", re.MULTILINE)  # how XLA says why it ends its process


def settled(environment: Mapping[str, str]) -> dict[str, str]:
    """The same variables without those that results must not depend on; one thread, no windows, the CPU by default."""
    kept = {name: value for name, value in environment.items() if not _decides(name)}
    platforms = kept.get("JAX_PLATFORMS", "").strip() or "cpu"
    return {**kept, **dict.fromkeys(_ONE_THREAD, "1"), "JAX_PLATFORMS": platforms, "MPLBACKEND": "agg"}


def settle() -> list[str]:
    """The same for this process, which must not have imported JAX yet; says in a line each what was set aside."""
    aside = sorted(name for name in os.environ if _decides(name))
    os.environ.update(settled(os.environ))
    for name in aside:
        del os.environ[name]
    return [_word(name) for name in aside]


def check() -> None:
    """Raise UserError, one line, where XLA would end the process because of its variables, or JAX finds no device.

    XLA reads its flags once and ends the process at the first that it does not know, so another process tries.
    """
    platforms, flags = os.environ.get("JAX_PLATFORMS", "cpu"), os.environ.get("XLA_FLAGS", "")
    if platforms == "cpu" and not flags:
        return
    program = [sys.executable, "-P", "-c", "import jax; jax.devices()"]
    tried = subprocess.run(program, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if tried.returncode == 0:
        return
    if "RuntimeError" in tried.stderr:
        raise UserError(
            "JAX cannot compute there on this machine; omit the variable, or give cpu",
            field="JAX_PLATFORMS",
            value=platforms,
            names=() if set(platforms.split(",")) <= set(_PLATFORMS) else _PLATFORMS,
        )
    complaint = _COMPLAINT.search(tried.stderr)
    raise UserError(complaint[1] if complaint else "XLA does not start with it", field="XLA_FLAGS", value=flags)


def _decides(name: str) -> bool:
    return _DECIDES.fullmatch(name) is not None and _KEPT.fullmatch(name) is None


def _word(name: str) -> str:
    if name in ("JAX_DEBUG_NANS", "JAX_DEBUG_INFS"):
        return f"{name} is set aside: training that is no longer finite ends as diverged, and says at what step"
    return f"{name} is set aside: the results of an experiment must not depend on it"
