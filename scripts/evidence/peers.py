"""Peers: how many environment steps a second ours and other libraries train, from `reproduction/peers`.

Whose they are is told by names: `SB3` and `SBX`, dense; `dense` and `rigl`, ours.
"""

import collections
import json
import statistics
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
_MICROARCHITECTURES = {"AuthenticAMD family 26 model 2": "Zen 5"}  # by what processors tell of themselves
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
    machine = document["about"]["machine"]
    told = machine.get("cpu_generation")
    generation = _MICROARCHITECTURES.get(told, told)
    return f"{times}, on {processor_name({**machine, 'cpu_generation': generation})}"


def marks() -> str:
    """How many of the marks that were set are reached with all instructions, and how far the others are."""
    own = [mark for mark in _measured()["summary"]["marks"] if mark["instructions"] == "widest"]
    missed = [mark for mark in own if mark["reached"]["median"] < mark["aim"]]
    told = []
    for mark in missed:
        found, ours = mark["reached"], "at 90 %" if mark["sparsity"] else "dense"
        spread = f"{found['median']:.2f} ({found['lowest']:.2f} to {found['highest']:.2f}) of {mark['aim']:g}"
        told.append(f"{mark['task']} {ours} beside {mark['peer']}, {spread}")
    count = f"{len(own) - len(missed)} of {len(own)} marks are reached"
    return f"{count}, and missed is {' and '.join(told)}" if told else count


def _by_round(task: str, name: str) -> dict[int, float]:
    """Steps a second of the whole machine, round by round, in the faster layout and with all instructions."""
    layouts: dict[str, dict[int, float]] = {}
    wanted = {"part": "training", "instructions": "widest", "task": task, **_CANDIDATES[name]._asdict()}
    for cell in _measured()["cells"]:
        key = cell["key"]
        if all(key.get(part) == value for part, value in wanted.items()):
            layouts.setdefault(key["layout"], {})[key["round"]] = float(cell["values"]["steps_per_second"])
    return max(layouts.values(), key=lambda rates: statistics.median(rates.values()))


def rate(task: str, name: str) -> float:
    """The median of all rounds."""
    return statistics.median(_by_round(task, name).values())


def steps(task: str, name: str) -> Callable[[], str]:
    """Steps a second, as they are told: `2,249`."""
    return lambda: f"{rate(task, name):,.0f}"


def times(task: str, own: str, other: str, digits: int = 1) -> Callable[[], str]:
    """How many times as many steps a second, the median of single rounds, in which both took turns: `6.6`."""

    def told() -> str:
        ours, theirs = _by_round(task, own), _by_round(task, other)
        return f"{statistics.median(ours[each] / theirs[each] for each in ours.keys() & theirs.keys()):.{digits}f}"

    return told


def beside_peers() -> str:
    """Steps a second of ours, and as many times those of each peer, dense, in its faster layout."""
    lines = ["| | steps a second | by Stable-Baselines3 | by SBX |", "|---|---|---|---|"]
    for task, work in _WORK.items():
        for name, network in (("dense", "dense"), ("rigl", "RigL at 90 %")):
            told = " | ".join(times(task, name, peer)() for peer in ("SB3", "SBX"))
            lines.append(f"| {work}, {network} | {steps(task, name)()} | {told} |")
    return "\n".join(lines)
