"""Outside: observations of floats that leave the bounds of their space. They are taken as they are, but not in silence.

Nothing here depends on these bounds, and many environments overstep them a little; 255 in a space from 0 to 1 is a
mistake all the same, which whoever made it wants to know.
"""

import logging

import numpy as np

from sparserl.environments.registry import in_one_line
from sparserl.environments.spaces import Observations

WATCHED = 1_000  # steps and resets; afterwards it costs no time any more
_told: set[str] = set()  # names of environments, each once in a process


class Watch:
    """Looks at what environments of one name show at first, and tells of a number that is out of bounds."""

    def __init__(self, identifier: str, observations: Observations) -> None:
        space = observations.space
        bounded = space.dtype.kind == "f" and bool(np.isfinite([space.low, space.high]).any())
        self._identifier, self._space, self._num_left = identifier, space, WATCHED if bounded else 0
        with np.errstate(over="ignore"):
            bounds = [bound.astype(np.float32) for bound in (space.low, space.high)]
        self._low, self._high = (np.moveaxis(b, 0, -1) if observations.channels_first else b for b in bounds)

    def look(self, observation: np.ndarray) -> None:
        """An observation `[...]`, or several `[env, ...]`, as agents see them."""
        if not self._num_left:
            return
        self._num_left -= 1
        if self._identifier in _told:
            self._num_left = 0
        elif (wrong := np.argwhere((observation < self._low) | (observation > self._high))).size:
            _told.add(self._identifier)
            at = wrong[0].tolist()
            line = f"its observation has {observation[tuple(at)]:g} at {at[observation.ndim - self._low.ndim :]}"
            logging.getLogger("sparserl").warning(
                "environment %r: %s, outside of its space %s; floats are taken as they are",
                self._identifier,
                line,
                in_one_line(self._space),
            )
