"""Peers: how many environment steps a second ours and other libraries train, from `reproduction/peers`.

For every task there are numbers by the names `sac, SB3`, `sac, SBX`, `sac, dense`, `sac, rigl` (steps a second of a
whole machine), `sac, rigl, by SBX` (as many times those of a peer) and `sac, rigl, by dense`.
"""

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from evidence.kept import REPRODUCTION


class _Candidate(NamedTuple):
    project: str
    sparsity: float


_WORK = {
    "dqn": "DQN on CartPole, 2 x 512",
    "sac": "SAC on HalfCheetah, 2 x 256",
    "ppo": "PPO on HalfCheetah, 2 x 64",
    "pixels": "DQN on Atari's pixels",
}
_PEERS = {"SB3": _Candidate("stable-baselines3", 0.0), "SBX": _Candidate("sbx", 0.0)}
_OURS = {"dense": _Candidate("sparserl", 0.0), "rigl": _Candidate("sparserl", 0.9)}


def rate(task: str, candidate: _Candidate) -> float:
    """Median steps a second in the faster layout, with all instructions of the processor."""
    summary = json.loads((REPRODUCTION / "peers" / "peers.json").read_text(encoding="utf-8"))["summary"]
    wanted = ("widest", task, *candidate)
    keys = ("instructions", "task", *_Candidate._fields)
    return max(
        float(row["steps_per_second"]["median"])
        for row in summary["rates"]
        if tuple(row[key] for key in keys) == wanted
    )


def by_name() -> Iterator[tuple[str, Callable[[], str]]]:
    """Every number of every task, by its name."""
    for task in _WORK:
        for name, candidate in {**_PEERS, **_OURS}.items():
            yield f"{task}, {name}", _steps(task, candidate)
        for name, own in _OURS.items():
            for peer, other in _PEERS.items():
                yield f"{task}, {name}, by {peer}", _times(task, own, other, 1)
        yield f"{task}, rigl, by dense", _times(task, _OURS["rigl"], _OURS["dense"], 2)


def _steps(task: str, candidate: _Candidate) -> Callable[[], str]:
    return lambda: f"{rate(task, candidate):,.0f}"


def _times(task: str, own: _Candidate, other: _Candidate, digits: int) -> Callable[[], str]:
    return lambda: f"{rate(task, own) / rate(task, other):.{digits}f}"


def beside_peers() -> str:
    """Steps a second of ours, and as many times those of each peer, dense, in its faster layout."""
    networks = {"dense": "dense", "rigl": "RigL at 90 %"}
    lines = ["| | steps a second | by Stable-Baselines3 | by SBX |", "|---|---|---|---|"]
    for task, work in _WORK.items():
        for name, network in networks.items():
            own = rate(task, _OURS[name])
            told = " | ".join(f"{own / rate(task, other):.1f}" for other in _PEERS.values())
            lines.append(f"| {work}, {network} | {own:,.0f} | {told} |")
    return "\n".join(lines)
