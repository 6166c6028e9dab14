"""Peers: how many environment steps a second ours and other libraries train, from `reproduction/peers`.

Whose they are is told by names: `SB3` and `SBX`, dense; `dense` and `rigl`, ours.
"""

import collections
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from evidence.kept import REPRODUCTION
from sparserl.persistence import processor_name


class _Candidate(NamedTuple):
    project: str
    sparsity: float


_WORK = {
    "dqn": "DQN on CartPole, 2 x 512",
    "sac": "SAC on HalfCheetah, 2 x 256",
    "ppo": "PPO on HalfCheetah, 2 x 64",
    "pixels": "DQN on Atari's pixels",
}
_CANDIDATES: Mapping[str, _Candidate] = {
    "SB3": _Candidate("stable-baselines3", 0.0),
    "SBX": _Candidate("sbx", 0.0),
    "dense": _Candidate("sparserl", 0.0),
    "rigl": _Candidate("sparserl", 0.9),
}


def _measured() -> Any:
    return json.loads((REPRODUCTION / "peers" / "peers.json").read_text(encoding="utf-8"))


def rounds_and_machine() -> str:
    """How often each rate was measured, and on what."""
    document = _measured()
    keys = [cell["key"] for cell in document["cells"]]
    keys = [key for key in keys if key["part"] == "training" and key["instructions"] == "widest"]
    turns = collections.Counter(tuple(value for name, value in key.items() if name != "round") for key in keys)
    times = "once each" if min(turns.values()) == 1 else f"medians of {min(turns.values())} rounds"
    return f"{times}, on {processor_name(document['about']['machine'])}"


def rate(task: str, name: str) -> float:
    """Median steps a second of the whole machine in the faster layout, with all instructions of the processor."""
    summary = _measured()["summary"]
    wanted = ("widest", task, *_CANDIDATES[name])
    keys = ("instructions", "task", *_Candidate._fields)
    return max(
        float(row["steps_per_second"]["median"])
        for row in summary["rates"]
        if tuple(row[key] for key in keys) == wanted
    )


def steps(task: str, name: str) -> Callable[[], str]:
    """Steps a second, as they are told: `2,249`."""
    return lambda: f"{rate(task, name):,.0f}"


def times(task: str, own: str, other: str, digits: int = 1) -> Callable[[], str]:
    """How many times as many steps a second: `6.6`."""
    return lambda: f"{rate(task, own) / rate(task, other):.{digits}f}"


def beside_peers() -> str:
    """Steps a second of ours, and as many times those of each peer, dense, in its faster layout."""
    lines = ["| | steps a second | by Stable-Baselines3 | by SBX |", "|---|---|---|---|"]
    for task, work in _WORK.items():
        for name, network in (("dense", "dense"), ("rigl", "RigL at 90 %")):
            told = " | ".join(times(task, name, peer)() for peer in ("SB3", "SBX"))
            lines.append(f"| {work}, {network} | {steps(task, name)()} | {told} |")
    return "\n".join(lines)
