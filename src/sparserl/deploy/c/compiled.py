"""What was written as C, compiled here and called: how an export is verified, and what plays episodes with it."""

import ctypes
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sparserl.deploy.c.writing import PREFIX
from sparserl.deploy.place import scratch_folder
from sparserl.deploy.verification import Mismatch
from sparserl.types import UserError

COMPILERS = ("cc", "gcc", "clang")  # what is looked for where the variable CC names none
STANDARD = ("-std=c99", "-O2")
COMPILER_SECONDS = 1800.0  # for one file: megabytes of tables take minutes on small machines
TRIAL_SECONDS = 300.0  # for a few actions, which take far less than one
SCALAR = ("-DSPARSERL_POLICY_SCALAR",)
_TRIAL = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
print("loaded", flush=True)
getattr(library, sys.argv[2] + "_self_test")()
"""
SEAL = re.compile(rb"(?:/\*|#) SHA-256 of all before this line: ([0-9a-f]{64})(?: \*/)?\n")


class Compiled(NamedTuple):
    """A policy's C as functions of this process; observations are NumPy arrays `[batch, *shape]` of any type.

    action_shape: of one continuous action, None for discrete ones.
    """

    library: ctypes.CDLL
    prefix: str
    num_features: int
    num_outputs: int
    action_shape: tuple[int, ...] | None

    def outputs(self, observations: np.ndarray) -> np.ndarray:
        """What the network gives before an action is decided on, float32 `[batch, output]`."""
        return self._called("outputs", observations, np.empty((len(observations), self.num_outputs), np.float32))

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Actions: integers `[batch]`, or float32 `[batch, *action]`."""
        if self.action_shape is None:
            return self._called("act", observations, np.empty((len(observations), 1), np.int32))[:, 0]
        actions = self._called("act", observations, np.empty((len(observations), self.num_outputs), np.float32))
        return actions.reshape(len(observations), *self.action_shape)

    def self_test(self) -> float:
        """The largest difference from the golden vectors inside, as a share of the largest answer beyond 1."""
        function = getattr(self.library, f"{self.prefix}_self_test")
        function.restype = ctypes.c_float
        return float(function())

    def _called(self, name: str, observations: np.ndarray, results: np.ndarray) -> np.ndarray:
        """`results` `[batch, n]`, filled row by row."""
        function = getattr(self.library, f"{self.prefix}_{name}")
        function.restype, function.argtypes = None, (ctypes.c_void_p, ctypes.c_void_p)
        given = np.ascontiguousarray(observations, np.float32).reshape(len(results), self.num_features)
        first, step = given.ctypes.data, given.strides[0]
        first_result, result_step = results.ctypes.data, results.strides[0]
        for row in range(len(results)):
            function(first + row * step, first_result + row * result_step)
        return results


def compiled(
    folder: Path, action_shape: tuple[int, ...] | None, flags: Sequence[str] = (), prefix: str = PREFIX
) -> Compiled:
    """Compile the files of `writing.write` in a folder, which stays as it is, and load them.

    flags: for the compiler, such as "-march=native" or those of `SCALAR`. Raises UserError where there is no compiler,
    it refuses the files, or makes what cannot be loaded here, and Mismatch where a byte of them has changed or what
    they say crashes.
    """
    header, source = folder / f"{prefix}.h", folder / f"{prefix}.c"
    for file in (header, source, folder / "main.c", folder / "CMakeLists.txt"):
        check_seal(file)
    with scratch_folder() as scratch:
        made = scratch / f"{prefix}.so"
        build([source], made, flags)
        _try(made, prefix)
        library = ctypes.CDLL(str(made))  # stays loaded when its file goes
    text = header.read_text(encoding="ascii")
    sizes = [int(_constant(text, f"{prefix.upper()}_{name}")) for name in ("NUM_FEATURES", "NUM_OUTPUTS")]
    return Compiled(library, prefix, sizes[0], sizes[1], action_shape)


def require_golden(written: Compiled, folder: Path) -> None:
    """Raises Mismatch where the self-test returns more than the header allows."""
    text = (folder / f"{written.prefix}.h").read_text(encoding="ascii")
    limit, difference = float(_constant(text, f"{written.prefix.upper()}_SELF_TEST_LIMIT")), written.self_test()
    if not difference <= limit:
        raise Mismatch(f"the self-test of the written C returns {difference:.3g}, more than {limit:.3g}")


def build(sources: Sequence[Path], library: Path, flags: Sequence[str] = ()) -> None:
    """A shared library of C sources. Raises UserError, in one line, where there is none."""
    command = [*compiler(), *STANDARD, "-shared", "-fPIC", *flags, "-o", str(library), *map(str, sources)]
    name = sources[0].name
    try:
        done = _ended(command, COMPILER_SECONDS)
    except subprocess.TimeoutExpired:
        raise UserError(f"{command[0]} did not end within {COMPILER_SECONDS:g} seconds of compiling {name}") from None
    except OSError as error:
        raise UserError(f"{command[0]} cannot be run as a C compiler: {error.strerror}") from error
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise UserError(f"{command[0]} could not compile {name}: {(told or [_told(done.returncode)])[0].strip()}")
    if not library.exists():
        raise UserError(f"{command[0]} made nothing of {name}, though it says that all is well")


def compiler() -> list[str]:
    """The C compiler as the beginning of a command. Raises UserError where there is none, with how to install it."""
    try:
        asked = shlex.split(os.environ.get("CC", ""))
    except ValueError as error:
        raise UserError(f"the variable CC is no command: {error}", value=os.environ["CC"]) from None
    for command in [asked] if asked else [[name] for name in COMPILERS]:
        if shutil.which(command[0]):
            return command
    missing = f"the variable CC names {asked[0]!r}, which is not here" if asked else "there is no C compiler here"
    raise UserError(f"{missing}: what is written is verified with one; install it (apt install gcc) or name it in CC")


def _try(library: Path, prefix: str) -> None:
    """Load a library and run its self-test in a process of its own: code that crashes, or never ends, would take ours
    with it. Raises UserError where it cannot be loaded here, and Mismatch where its test comes to no result.
    """
    try:
        done = _ended([sys.executable, "-I", "-S", "-c", _TRIAL, str(library), prefix], TRIAL_SECONDS)
    except subprocess.TimeoutExpired:
        raise Mismatch(f"the self-test of the written C did not end within {TRIAL_SECONDS:g} seconds") from None
    if done.returncode == 0:
        return
    if done.stdout.startswith("loaded"):
        raise Mismatch(f"the self-test of the written C {_told(done.returncode)}")
    told = (done.stderr.strip().splitlines() or [_told(done.returncode)])[-1].removeprefix("OSError: ")
    remedy = "name a compiler for this machine in CC, or a folder that programs may be loaded from in TMPDIR"
    raise UserError(f"what {compiler()[0]} makes cannot be loaded here: {told}; {remedy}")


def _ended(command: Sequence[str], seconds: float) -> "subprocess.CompletedProcess[str]":
    """A command that reads nothing, once it has ended."""
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
    )


def _told(status: int) -> str:
    """How a process ended."""
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def check_seal(file: Path) -> None:
    """Raises Mismatch where a file is not as `writing.write` left it."""
    text = file.read_bytes()
    body, _, last = text.removesuffix(b"\n").rpartition(b"\n")
    seal = SEAL.fullmatch(last + b"\n") if text.endswith(b"\n") else None
    if seal is None or hashlib.sha256(body + b"\n").hexdigest().encode() != seal[1]:
        raise Mismatch(f"{file.name} has changed since it was written: its digest is another")


def _constant(text: str, name: str) -> str:
    defined = re.search(rf"^#define {name} ([^f ]+)", text, re.MULTILINE)
    assert defined is not None, name
    return defined[1]
