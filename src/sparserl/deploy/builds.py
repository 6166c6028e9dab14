"""Builds of a written C policy together with the harness that times and repeats its calls."""

import ctypes
import platform
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sparserl.deploy.c.compiled import compiler
from sparserl.deploy.c.writing import PREFIX
from sparserl.deploy.latency import Calls
from sparserl.deploy.policy import Policy
from sparserl.types import UserError

HARNESS = Path(__file__).with_name("harness.c")


class Build(NamedTuple):
    """How a policy is compiled, and in what way its instructions are counted, as valgrind knows none of AVX-512."""

    name: str
    flags: tuple[str, ...]
    flags_for_counting: tuple[str, ...]


ALWAYS = ("-std=c99", "-ffp-contract=fast")  # without the second, ISO C keeps GCC from fused multiply-adds
SMALL = (*ALWAYS, "-O2", "-fno-tree-vectorize", f"-D{PREFIX.upper()}_SCALAR")
WIDE = (*ALWAYS, "-O3", "-march=native")
SCALAR = Build("scalar", SMALL, SMALL)
VECTOR = Build("vector", WIDE, (*ALWAYS, "-O3", "-mavx2", "-mfma") if platform.machine() == "x86_64" else WIDE)
BUILDS = (SCALAR, VECTOR)


class Harness(NamedTuple):
    """A compiled policy with its harness, as a library and as a program."""

    library: Path
    program: Path
    num_features: int

    def timed(self, observations: np.ndarray) -> Calls:
        """Calls in C with observations `[number, *shape]`, each timed there: what ctypes takes is not counted."""
        library, rows = ctypes.CDLL(str(self.library)), _rows(observations)

        def calls(count: int) -> np.ndarray:
            nanoseconds = np.zeros(count, np.int64)
            library.harness_time(_pointer(rows), _integer(len(rows)), _integer(count), _pointer(nanoseconds))
            return nanoseconds * 1e-9

        return calls

    def repeated(self, observations: np.ndarray) -> Callable[[int], None]:
        """A function that makes as many calls as it is told to, in C."""
        library, rows = ctypes.CDLL(str(self.library)), _rows(observations)
        return lambda count: library.harness_call(_pointer(rows), _integer(len(rows)), _integer(count))

    def command(self, observations: np.ndarray) -> list[str]:
        """The program, which makes as many calls as the word behind these says."""
        rows = _rows(observations)
        file = self.program.with_suffix(".observations")
        file.write_bytes(rows.tobytes())
        return [str(self.program), str(file), str(len(rows))]


def built(policy: Policy, source: Path, flags: Sequence[str], folder: Path) -> Harness:
    """The policy that `source` was written from, compiled with its harness into `folder`.

    Raises `UserError` where it does not compile, or where there is no compiler.
    """
    discrete = policy.decision == "greatest"
    defined = {
        "POLICY_HEADER": f'"{source.with_suffix(".h").name}"',
        "POLICY_ACT": f"{source.stem}_act",
        "NUM_FEATURES": policy.num_features,
        "ACTION": "int32_t" if discrete else "float",
        "NUM_ACTIONS": 1 if discrete else policy.num_outputs,
    }
    folder.mkdir(parents=True, exist_ok=True)
    objects = [folder / "policy.o", folder / "harness.o"]
    names = [f"-D{name}={value}" for name, value in defined.items()]
    compile_ = [*compiler(), *flags, "-fPIC", f"-I{source.parent}", "-c"]
    _run([*compile_, str(source), "-o", str(objects[0])])
    _run([*compile_, *names, str(HARNESS), "-o", str(objects[1])])
    harness = Harness(folder / "policy.so", folder / "policy", policy.num_features)
    link = [*compiler(), *map(str, objects), "-lm"]
    _run([*link, "-shared", "-o", str(harness.library)])
    _run([*link, "-o", str(harness.program)])
    return harness


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise UserError(f"{command[0]} failed: {last}")


def _rows(observations: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(observations.reshape(len(observations), -1), np.float32)


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _integer(value: int) -> ctypes.c_int64:
    return ctypes.c_int64(value)
