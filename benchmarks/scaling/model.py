"""The work of an update by live weights and batch, and the least time that a machine's roofline leaves it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.scaling.machine import Machine

FLOAT = 4  # bytes
ADAM_ARRAYS = 7  # a gradient, a weight and two moments are read, a weight and two moments written


class Layer(NamedTuple):
    """A kernel; `index_bytes` of each live weight where it is compressed, 0 where it is dense."""

    inputs: int
    outputs: int
    live: int
    index_bytes: int


class Use(NamedTuple):
    """One pass of a network forward in an update, and which gradients follow."""

    network: str
    weights: bool = False
    inputs: bool = False


USES: Mapping[str, Sequence[Use]] = {
    "dqn_update": (Use("q"), Use("q", weights=True)),  # the target's values; the loss
    "sac_update": (
        *(Use(name) for name in ("actor", "critic_1", "critic_2")),  # what is aimed at
        *(Use(name, weights=True) for name in ("critic_1", "critic_2", "actor")),  # the losses
        *(Use(name, inputs=True) for name in ("critic_1", "critic_2")),  # how the actor is judged
    ),
}
AVERAGED = {"sac_update": ("critic_1", "critic_2")}  # targets of every update; DQN copies its one seldom


class Work(NamedTuple):
    """What an update must do at least: operations, bytes that pass once, bytes that sparse products gather."""

    flop: float
    streamed_bytes: float  # weights, activations, moments and targets, each once for each product that needs it
    gathered_bytes: float  # a row of activations for each live weight of compressed layers
    resident_bytes: float  # all of it together: what has to lie in a cache

    def bounds(self, machine: Machine) -> dict[str, float]:
        """The least seconds by each limit; gathered rows may lie in the first level, where kernels put them."""
        first_level = max(rate for _, rate in machine.bandwidth)
        return {
            "arithmetic": self.flop / machine.peak_flop_per_second,
            "memory": self.streamed_bytes / machine.bytes_per_second(self.resident_bytes),
            "gathering": self.gathered_bytes / first_level,
        }

    def seconds(self, machine: Machine) -> float:
        """The roofline: no update is faster than its slowest limit."""
        return max(self.bounds(machine).values())


def work_of(update: str, networks: Mapping[str, Sequence[Layer]], batch_size: int) -> Work:
    """The work of one update of one seed."""
    flop = streamed = gathered = 0.0
    for layer, products in _products(update, networks):
        flop += 2.0 * products * layer.live * batch_size
        streamed += products * (layer.live * (FLOAT + layer.index_bytes) + _activations(layer, batch_size))
        gathered += products * layer.live * batch_size * FLOAT if layer.index_bytes else 0.0
    resident = 0.0
    for name, layers in networks.items():
        averaged = name in AVERAGED.get(update, ())
        live = sum(layer.live for layer in layers)
        streamed += live * FLOAT * (ADAM_ARRAYS + 3 * averaged)
        resident += sum(layer.live * (4 * FLOAT + 3 * layer.index_bytes) for layer in layers)
        resident += sum(_activations(layer, batch_size) for layer in layers)
    return Work(flop, streamed, gathered, resident)


def _products(update: str, networks: Mapping[str, Sequence[Layer]]) -> Iterator[tuple[Layer, int]]:
    """Each layer of each use, and how many products it needs; inputs of a first layer are no one's weights."""
    for use in USES[update]:
        for place, layer in enumerate(networks[use.network]):
            back = use.inputs or (use.weights and place > 0)
            yield layer, 1 + use.weights + back


def _activations(layer: Layer, batch_size: int) -> float:
    return FLOAT * batch_size * (layer.inputs + layer.outputs)
