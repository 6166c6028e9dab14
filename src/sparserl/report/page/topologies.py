"""Topologies: which inputs the layers of a run listen to and how many live weights units have, over training."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.image
import numpy as np
from markupsafe import Markup

from sparserl import persistence
from sparserl.persistence import SIDES
from sparserl.report.page.curves import thinned
from sparserl.report.page.text import data_address, number

MOST_MOMENTS = 24  # of a run's evaluations, evenly over training, the first and the last included
MOST_COUNTS = 400_000  # of a page: units of all layers at all moments
_MOST_NAMED = 400  # inputs of a first layer that a table lists


class Side(NamedTuple):
    """The units that one layer reads (`input`) or makes (`output`): live weights `[moment, unit]` of so many each."""

    network: str
    layer: str
    side: str
    weights_per_unit: int
    live: np.ndarray


class Topologies(NamedTuple):
    """What a run's layers were at some moments of its training, the last one its end or its newest evaluation."""

    steps: list[int]
    sides: list[Side]

    @property
    def num_counts(self) -> int:
        """How much of a page's room they take."""
        return sum(side.live.size for side in self.sides)


def read(run_folder: Path, environment_steps: int) -> Topologies | None:
    """Those that diagnostics recorded; else the last ones, which a finished run keeps; None where there are neither.

    Raises UserError naming a damaged file.
    """
    if persistence.has_table(persistence.TOPOLOGY, run_folder):
        return recorded(persistence.read_topology(run_folder).to_pylist())
    if persistence.has_bundle(run_folder / "checkpoint"):
        return kept(persistence.read_bundle(run_folder / "checkpoint")[0], environment_steps)
    return None


def recorded(rows: Sequence[Mapping[str, Any]]) -> Topologies | None:
    """Those in rows of the topology table, thinned."""
    steps = thinned(np.unique([row["environment_steps"] for row in rows]), MOST_MOMENTS).tolist()
    layers: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["environment_steps"] in steps:
            layers.setdefault((row["network"], row["layer"], row["side"]), []).append(row)
    sides = [
        Side(*name, int(moments[0]["weights_per_unit"]), np.array([row["live_weights"] for row in moments], np.int32))
        for name, moments in layers.items()
        if len(moments) == len(steps) and len({len(row["live_weights"]) for row in moments}) == 1 and name[2] in SIDES
    ]
    return Topologies(steps, sorted(sides, key=_place)) if sides else None


def kept(arrays: Mapping[str, np.ndarray], environment_steps: int) -> Topologies | None:
    """The topology of a trained policy: by the layout of compressed kernels, by the mask of others, or dense."""
    sides = []
    for group, network, layer in _kernels(arrays):
        kernel = f"{group}/params/{network}/{layer}/kernel"
        if f"{kernel}/values" in arrays:
            counts = [np.diff(arrays[f"{kernel}/layout/{side}_starts"]) for side in SIDES]
            size = len(counts[0]) * len(counts[1])
        else:
            mask = arrays.get(f"{group}/optimizer_state/masks/{network}/{layer}")
            alive = np.ones(arrays[kernel].shape, bool) if mask is None else mask
            counts = [np.count_nonzero(alive, axis=_others(alive.ndim, axis)) for axis in (-2, -1)]
            size = alive.size
        for side, live in zip(SIDES, counts, strict=True):
            sides.append(Side(network, layer, side, size // max(len(live), 1), live[None].astype(np.int32)))
    return Topologies([environment_steps], sorted(sides, key=_place)) if sides else None


def _kernels(arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, str, str]]:
    """Group, network and layer of every kernel, as `agent/params/network/layer/kernel` spells it."""
    for name in arrays:
        path = name.removesuffix("/values")
        if path.endswith("/kernel") and "/params/" in path:
            group, _, rest = path.removesuffix("/kernel").partition("/params/")
            network, _, layer = rest.partition("/")
            yield group, network, layer


def _others(ndim: int, axis: int) -> tuple[int, ...]:
    return tuple(other for other in range(ndim) if other != axis % ndim)


def _place(side: Side) -> tuple[Any, ...]:
    """The order in which networks compute: convolutions, hidden layers, the output; inputs before outputs."""
    layer, numbers = side.layer, tuple(int(digits) for digits in re.findall(r"\d+", side.layer))
    kind = 0 if "conv" in layer else 2 if layer == "output" else 1
    return side.network, kind, numbers, layer, SIDES.index(side.side)


def heat(side: Side) -> Markup:
    """An image of a side, a row for each moment and a column for each unit: the darker, the more of it is alive."""
    buffer = io.BytesIO()
    share = side.live / max(side.weights_per_unit, 1)
    most = max(float(share.max(initial=0.0)), 1e-9)
    unsigned: Any = {"Software": None}  # nor dated: equal counts give equal bytes
    matplotlib.image.imsave(buffer, share, vmin=0, vmax=most, cmap="Blues", format="png", metadata=unsigned)
    return data_address("image/png", buffer.getvalue())


def in_words(side: Side, steps: Sequence[int]) -> str:
    """What the image of a side shows."""
    what = "inputs" if side.side == "input" else "outputs"
    over = f"over {len(steps)} evaluations" if len(steps) > 1 else f"at step {number(steps[0])}"
    return f"Live weights of the {side.live.shape[1]} {what} of {side.network}/{side.layer} {over}: {spread(side, -1)}."


def spread(side: Side, moment: int) -> str:
    """The least, the middle and the most live weights of the units at a moment, and how many have none."""
    live = side.live[moment]
    silent = int((live == 0).sum())
    none = f"; {silent:,} without any" if silent else ""
    return f"{live.min():,} to {live.max():,}, median {np.median(live):,.4g}{none}" if live.size else "no units"


def named_inputs(topologies: Topologies) -> list[tuple[str, list[tuple[str, int, int]]]]:
    """For each network's first layer, if its inputs are few enough, their names and live weights at first and last."""
    first: dict[str, Side] = {}
    for side in topologies.sides:
        if side.side == "input":
            first.setdefault(side.network, side)
    seen = first["actor"].live.shape[1] if "actor" in first else None
    tables = []
    for network, side in first.items():
        if side.live.shape[1] <= _MOST_NAMED:
            rows = enumerate(zip(side.live[0].tolist(), side.live[-1].tolist(), strict=True))
            named = [(_input_name(side, network, unit, seen), *counts) for unit, counts in rows]
            tables.append((f"{network}/{side.layer}", named))
    return tables


def _input_name(side: Side, network: str, unit: int, seen: int | None) -> str:
    """A critic sees the observation, as the actor does, and the action behind it."""
    if "conv" in side.layer:
        return f"channel {unit}"
    if network.startswith("critic") and seen is not None and unit >= seen:
        return f"action {unit - seen}"
    return f"observation {unit}"


def for_script(topologies: Topologies) -> dict[str, Any]:
    """What the viewer shows, as JSON has it."""
    sides = [{**side._asdict(), "live": side.live.tolist()} for side in topologies.sides]
    return {"steps": topologies.steps, "sides": sides}
