"""The card of an export: what it holds, what it costs beside other ways to run the same policy, and where it is from.

Everything on it was counted or measured; what could not be is named with the reason. Losses stand as plainly as wins.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from sparserl import persistence
from sparserl.deploy.computing import computed
from sparserl.deploy.latency import Latency
from sparserl.deploy.memory import Memory
from sparserl.deploy.policy import Policy
from sparserl.deploy.steps import Convolution, Dense, weighted
from sparserl.types import UserError

VERSION = 1  # of the form of card.json; raised when a key changes its meaning
JSON_FILE, MARKDOWN_FILE = "card.json", "card.md"

Kind = Literal["exported", "dense", "library"]


class Way(NamedTuple):
    """One way to run the policy. exported: what was written; dense: the same with all weights kept, written and built
    alike; library: dense in another library. None: not counted or not measured, and a note of the card says why.
    """

    name: str
    kind: Kind
    memory: Memory | None = None
    instructions: float | None = None
    latency: Latency | None = None


class NetworkNumbers(NamedTuple):
    """Numbers of the exported network; one multiply-accumulate for each weight each time that it is used."""

    weights: int
    live_weights: int
    biases: int
    multiply_accumulates: int
    dense_multiply_accumulates: int


class Card(NamedTuple):
    """All that a card says. files: bytes by name. training, verification, returns, machine: plain data, as given."""

    format: str
    weights: str
    network: NetworkNumbers
    files: Mapping[str, int]
    training: Mapping[str, Any]
    verification: Mapping[str, Any]
    returns: Mapping[str, Any] | None
    machine: Mapping[str, Any]
    ways: tuple[Way, ...] = ()
    notes: tuple[str, ...] = ()


def network_of(policy: Policy) -> NetworkNumbers:
    """The numbers of a policy's network."""
    layers, uses = weighted(policy.steps), list(_uses(policy))
    live = [int(layer.live.sum()) for layer in layers]
    return NetworkNumbers(
        sum(layer.kernel.size for layer in layers),
        sum(live),
        sum(layer.bias.size for layer in layers),
        sum(each * times for each, times in zip(live, uses, strict=True)),
        sum(layer.kernel.size * times for layer, times in zip(layers, uses, strict=True)),
    )


def as_json(card: Card) -> dict[str, Any]:
    """The card as one JSON object."""
    ways = [
        {
            **way._asdict(),
            "memory": None if way.memory is None else way.memory.as_json(),
            "latency": None if way.latency is None else way.latency._asdict(),
        }
        for way in card.ways
    ]
    return {"card_version": VERSION, **card._asdict(), "network": card.network._asdict(), "ways": ways} | {
        "findings": list(findings(card.ways))
    }


def write(folder: Path, card: Card, markdown: str) -> None:
    """Write both forms of a card."""
    (folder / JSON_FILE).write_text(in_json(card), encoding="utf-8")
    (folder / MARKDOWN_FILE).write_text(markdown, encoding="utf-8")


def in_json(card: Card) -> str:
    """The card as the text of a file."""
    return json.dumps(as_json(card), indent=1, allow_nan=False) + "\n"


def keep(run: Path, card: Card) -> None:
    """Put a copy into the run's folder, where reports find it; a folder that cannot be written goes without."""
    with suppress(OSError, UserError):
        file = run / f"card-{card.format}-{card.weights}.json"
        persistence.write_atomically(file, in_json(card).encode())


def findings(ways: Sequence[Way]) -> Iterator[str]:
    """What the numbers say, one sentence each: the exported policy beside each other way, ahead or behind."""
    for way in ways:
        if way.kind != "exported":
            continue
        for other in ways:
            if other.kind == "exported" or (other.kind == "dense" and not _built_alike(way, other)):
                continue
            if way.instructions and other.instructions:
                yield _compared(way.name, other.name, other.instructions / way.instructions, "instructions")
            if way.latency and other.latency:
                ratio = other.latency.p50_seconds / way.latency.p50_seconds
                yield _compared(way.name, other.name, ratio, "time")


def _built_alike(way: Way, dense: Way) -> bool:
    """Whether a dense way differs from `way` in its weights alone, as "dense C, scalar" does from "C, scalar"."""
    return dense.name == f"dense {way.name}"


def _compared(name: str, other: str, ratio: float, what: str) -> str:
    if ratio >= 1:
        return f"{other} takes {ratio:.3g} times the {what} of {name}"
    return f"{name} loses: it takes {1 / ratio:.3g} times the {what} of {other}"


def _uses(policy: Policy) -> Iterator[int]:
    """How often each weight of a layer is used for one observation: once, or at every place of an image."""
    x = np.zeros((1, *policy.observation_shape), np.float32)
    for number, step in enumerate(policy.steps):
        if isinstance(step, Dense):
            yield 1
        elif isinstance(step, Convolution):
            yield int(np.prod(computed(policy.steps[: number + 1], x).shape[1:3]))
