"""Identity: which process somebody is, told so that another process can see whether that one is still there."""

import os
import platform
from pathlib import Path
from typing import NamedTuple

from sparserl.processes.supervision import command_process


class Holder(NamedTuple):
    """A process that holds something; None is what this system does not tell."""

    host: str
    boot: str | None  # differs between machines, between starts of one, and between its containers
    process_id: int
    process_start: str | None


def this_process() -> Holder:
    """The process that asks."""
    return Holder(platform.node(), _boot(), os.getpid(), process_start(os.getpid()))


def this_command() -> Holder:
    """The process that people know the one that asks by: the parent of a supervised one, which dies with it."""
    number = command_process()
    return this_process()._replace(process_id=number, process_start=process_start(number))


def is_alive(holder: Holder) -> bool | None:
    """Whether a process is there still; None where that cannot be told, because it is, or was, on another machine."""
    if holder.boot is None or holder.boot != _boot() or holder.host != platform.node():
        return None
    try:
        os.kill(holder.process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return holder.process_start == process_start(holder.process_id)


def process_start(process_id: int) -> str | None:
    """When a process began, as process numbers are used again; None for one that has ended.

    In the kernel's ticks since the machine started. psutil tells the time of day instead, which moves with the clock:
    set it forward, and a process that lives looks like another one.
    """
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else fields[19]


def _boot() -> str | None:
    """What tells starts of machines, and containers on them, apart."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None
