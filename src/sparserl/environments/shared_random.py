"""The random generators that a whole process shares: NumPy's, Python's, and PyTorch's where it is imported.

Environments that draw from them instead of their own would be reached by no seed, and disturb each other.
"""

import random
import sys
from typing import Any

import numpy as np

from sparserl.environments import generators
from sparserl.environments.capture import Node, Writer
from sparserl.environments.rebuild import Reader

NAME = "shared_random"  # in the document of a snapshot


def seed(number: int) -> None:
    """Seed all of them, for whatever is made next; `number` is cut to 32 bits, which is what NumPy takes."""
    _put_aside()
    np.random.seed(number % 2**32)
    random.seed(number)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(number)


class Stream:
    """The numbers that one batch of environments draws from the shared generators, whoever else draws in between.

    Begun by a seed, it is put in place when its environments act, and put aside when those of another stream do.
    """

    def __init__(self) -> None:
        self._aside: dict[str, Any] | None = None

    def begin(self, number: int) -> None:
        """Start over with a seed."""
        seed(number)
        self._aside = None
        self.use()

    def use(self) -> None:
        """Let the generators go on from where this stream was left."""
        global _in_place
        if _in_place is self:
            return
        _put_aside()
        if self._aside is not None:
            _set_states(self._aside)
        _in_place, self._aside = self, None

    def node(self, arrays: dict[str, np.ndarray]) -> Node:
        """Where the stream is, as `capture.Writer` writes it into a snapshot with these arrays."""
        self.use()
        return Writer(frozenset(), arrays).write(_states(), NAME)

    def restore(self, node: Node, arrays: dict[str, np.ndarray]) -> None:
        """Go on from a node. Raises an error where that is of none."""
        self.use()
        _set_states(Reader(frozenset(), arrays).read(node, None, NAME))


_in_place: Stream | None = None


def _put_aside() -> None:
    """Keep for the stream in place where it is; then none is in place."""
    global _in_place
    if _in_place is not None:
        _in_place._aside, _in_place = _states(), None


def _states() -> dict[str, Any]:
    states: dict[str, Any] = {"numpy": np.random.get_state(), "python": random.getstate()}
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state().numpy()
    return states


def _set_states(states: dict[str, Any]) -> None:
    name, numbers, position, has_gauss, gauss = states["numpy"]
    state = {"bit_generator": name, "state": {"key": numbers, "pos": position}}
    np.random.set_state(generators.checked({**state, "has_gauss": has_gauss, "gauss": gauss}))
    random.setstate(states["python"])
    if (torch := sys.modules.get("torch")) and "torch" in states:
        torch.set_rng_state(torch.from_numpy(np.array(states["torch"])))
