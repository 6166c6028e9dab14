"""Memory of a compiled policy: what it takes of flash and RAM, as the compiler's own tools count it."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sparserl.types import UserError

_SIZES = re.compile(r"^\s*text\s+data\s+bss\s.*\n\s*(\d+)\s+(\d+)\s+(\d+)\s", re.MULTILINE)  # Berkeley's form
_FRAME = re.compile(r"\t(\d+)\t(?:static|dynamic,bounded)$", re.MULTILINE)


class Memory(NamedTuple):
    """Bytes of an object file: `text` is code and constants, weights among them; `data` and `bss` are variables.

    stack: the frames of all its functions together, which no call can exceed, as none is recursive; None where the
    compiler does not tell.
    """

    text_bytes: int
    data_bytes: int
    bss_bytes: int
    stack_bytes: int | None = None

    @property
    def flash_bytes(self) -> int:
        """What has to be kept without power: data begin as they are in flash, too."""
        return self.text_bytes + self.data_bytes

    @property
    def ram_bytes(self) -> int:
        """What has to be written to."""
        return self.data_bytes + self.bss_bytes + (self.stack_bytes or 0)

    def as_json(self) -> dict[str, int | None]:
        return {**self._asdict(), "flash_bytes": self.flash_bytes, "ram_bytes": self.ram_bytes}


def unavailable_reason(size: str = "size") -> str | None:
    """Why bytes cannot be counted here, in one line, or None."""
    return None if shutil.which(size) else f"{size} is not installed: apt-get install binutils"


def memory_of(compiler: Sequence[str], source: Path, folder: Path, size: str = "size") -> Memory:
    """What `source` takes when it is compiled by `compiler`, a command with its flags, into `folder`.

    Raises `UserError` where it does not compile, and where `size`, the tool of that compiler, is not here or cannot
    read the result.
    """
    if reason := unavailable_reason(size):
        raise UserError(reason)
    compiled = folder / f"{source.stem}.o"
    command = [*compiler, "-c", str(source), "-o", str(compiled)]
    frames = compiled.with_suffix(".su")
    if _run([*command, "-fstack-usage"]).returncode:
        frames.unlink(missing_ok=True)
        if (done := _run(command)).returncode:
            raise UserError(f"{source.name} does not compile: {_last(done.stderr)}")
    done = _run([size, str(compiled)])
    if done.returncode:
        raise UserError(f"{size} cannot read {compiled.name}: {_last(done.stderr)}")
    found = _SIZES.search(done.stdout)
    if found is None:
        raise UserError(f"{size} says nothing of {compiled.name} that is known here: {_last(done.stdout)}")
    text, data, bss = map(int, found.groups())
    stack = sum(map(int, _FRAME.findall(frames.read_text()))) if frames.exists() else None
    return Memory(text, data, bss, stack)


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, errors="replace")


def _last(words: str) -> str:
    return (words.strip().splitlines() or ["it says nothing"])[-1]
