"""Instructions of one action, counted by valgrind's callgrind: the same at every run, on a busy machine too.

What a program does once cancels out: it runs with N calls and with 2 N, and the difference is what N calls take.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence

from sparserl.types import UserError

CALLS = 64
_COUNTED = re.compile(r"Collected\s*:\s*(\d+)")


def unavailable_reason() -> str | None:
    """Why none can be counted here, in one line, or None."""
    return None if shutil.which("valgrind") else "valgrind is not installed: apt-get install valgrind"


def an_action(command: Sequence[str], calls: int = CALLS) -> float:
    """Instructions of one call of what `command` runs as often as the number behind it says.

    Raises `UserError` where the program does not run under valgrind, which does not know all instructions.
    """
    words = (f"{number:09d}" for number in (calls, 2 * calls))  # of one length, as each digit takes some
    once, twice = (_counted([*command, word]) for word in words)
    return (twice - once) / calls


def _counted(command: Sequence[str]) -> int:
    """Instructions of a whole program."""
    if reason := unavailable_reason():
        raise UserError(reason)
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    done = subprocess.run(valgrind, capture_output=True, text=True, errors="replace")
    counted = _COUNTED.search(done.stderr)
    if done.returncode or counted is None:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise UserError(f"valgrind could not run {command[0]}: {last}")
    return int(counted[1])
