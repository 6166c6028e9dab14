"""The six networks that are trained for the same seconds, and what is chosen alike for all of them."""

import functools
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

from sparserl.errors import UserError
from sparserl.experiment import Experiment, from_preset, matched, plan_of, planned
from sparserl.networks import matched_width

HERE = Path(__file__).parent
ENVIRONMENTS = ("HalfCheetah-v5", "Walker2d-v5")
SPARSITY = 0.9
PRESET = "sb3"
SMALL = "dense, as many parameters"  # it decides the claim, so it comes first
NUM_EVALUATIONS = 12  # after the one before training
LAST_PART = 1 / 6  # of a run, over whose evaluations a final return is the mean


class Network(NamedTuple):
    """How a network is called, the method that trains it, and what its width follows from."""

    name: str
    method: str
    width: str = "full"  # or "parameters", "flops": those that are left of the full one at SPARSITY

    @property
    def num_evaluations(self) -> int:
        """Twice as many where steps become faster, so that the first ones are not far apart in seconds."""
        return NUM_EVALUATIONS * (2 if self.method == "prune" else 1)


NETWORKS = (
    Network(SMALL, "dense", "parameters"),
    Network("dense, as many FLOPs", "dense", "flops"),
    Network("dense, 256 units", "dense"),
    Network("static, 90 % sparse", "static"),
    Network("RigL, 90 % sparse", "rigl"),
    Network("pruned to 90 %", "prune"),
)
LOOKS = {
    NETWORKS[0].name: {"color": "#56B4E9", "marker": "o", "linestyle": "-"},
    NETWORKS[1].name: {"color": "#7B4FA3", "marker": "v", "linestyle": (0, (5, 1.5))},
    NETWORKS[2].name: {"color": "#3B3B3B", "marker": "h", "linestyle": "-"},
    NETWORKS[3].name: {"color": "#E69F00", "marker": "s", "linestyle": "-"},
    NETWORKS[4].name: {"color": "#D55E00", "marker": "^", "linestyle": "-"},
    NETWORKS[5].name: {"color": "#0072B2", "marker": "D", "linestyle": "-"},
}


def experiment(
    network: Network,
    environment: str,
    total_steps: int,
    learning_rate: float | None = None,
    share_of_evaluations: float = 1.0,
    **choices: Any,
) -> Experiment:
    """SAC with one of the networks, planned: about `total_steps`, as many as put the last evaluation at the end.

    learning_rate: of actor, critics and temperature, as in Stable-Baselines3; None: the preset's.
    """
    intervals = max(round(network.num_evaluations * share_of_evaluations), 1)
    interval_steps = max(total_steps // intervals, 1)
    every = {
        "total_steps": interval_steps * intervals,
        "network.hidden_units": (units(network.width, environment),) * 2,
        "evaluation.interval_steps": interval_steps,
        "evaluation.num_episodes": 10,
        "evaluation.final_fraction": _fraction(intervals),
        **choices,
    }
    if learning_rate is not None:
        every |= {"optimizer.learning_rate": learning_rate, "agent.temperature_learning_rate": learning_rate}
    if network.method != "dense":
        every["sparsity"] = SPARSITY
    changes = network.method in ("rigl", "prune")  # the others have no window in which their topology does
    known = {name: value for name, value in every.items() if changes or not name.startswith("method.")}
    return planned(from_preset("sac", network.method, environment, PRESET, **known))


def _fraction(intervals: int) -> float:
    """Of all evaluations, the one before training among them: as many as are LAST_PART of those that follow it."""
    return math.ceil(1_000 * num_last(intervals) / (intervals + 1)) / 1_000


def num_last(intervals: int) -> int:
    """How many evaluations a final return is the mean of."""
    return max(round(intervals * LAST_PART), 1)


@functools.cache
def units(width: str, environment: str) -> int:
    """The units of both hidden layers: of the preset, or as many as cost what is left of these at SPARSITY."""
    sparse = plan_of(from_preset("sac", "static", environment, PRESET, sparsity=SPARSITY))
    if width == "full":
        return int(sparse.experiment.network.hidden_units[0])
    if width == "parameters":
        hidden_units = matched(sparse).hidden_units
        assert hidden_units is not None
        return hidden_units
    live_macs = sum(layer.cost.live_macs for layer in sparse.layers.values())
    return matched_width(lambda number: _macs(number, environment), live_macs)


def _macs(hidden_units: int, environment: str) -> int:
    """Multiply-accumulates of a forward pass through actor and critics."""
    choices = {"network.hidden_units": (hidden_units,) * 2}
    plan = plan_of(from_preset("sac", "dense", environment, PRESET, **choices))
    return sum(layer.cost.macs for layer in plan.layers.values())


def label(network: str, environment: str) -> str:
    """What a network of this name is called where rates are measured."""
    return f"{network}, {environment}"


def read(name: str, how: str) -> dict[str, Any]:
    """A JSON document beside this file. Raises UserError saying how it is made."""
    path = HERE / name
    if not path.exists():
        raise UserError(f"{path} is not there: {how}")
    return json.loads(path.read_text())


def write(name: str, document: Any) -> None:
    """Write a JSON document beside this file."""
    (HERE / name).write_text(json.dumps(document, indent=1) + "\n")


def trained(
    network: Network, environment: str, scale: str, learning_rate: float | None, share: float = 1.0
) -> Experiment:
    """A network as it is trained at a scale, or for a share of its seconds, with that share of its evaluations."""
    if scale == "smoke":
        short = {"evaluation.num_episodes": 2, "method.window.interval_updates": 50}
        return experiment(network, environment, 600, learning_rate, 1 / 6, **short)
    cells = read("totals.json", "totals.py beside it makes it of rates.json")["cells"]
    times = {"quick": 1, "paper": 10}[scale]
    total_steps = int(cells[environment][network.name]["total_steps"] * times * share)
    return experiment(network, environment, total_steps, learning_rate, share)


def learning_rate(network: Network, scale: str) -> float | None:
    """The one that was chosen for a network; None: the preset's, at scale smoke."""
    if scale == "smoke":
        return None
    chosen = read("learning_rates.json", "choose.py beside it makes it of the study learning_rates")["chosen"]
    return float(chosen[network.name])
