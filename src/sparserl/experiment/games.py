"""The paper's Atari games: what an agent may know of them, so that they can be described without ale-py."""

from collections.abc import Mapping

import numpy as np

from sparserl.environments import ATARI_15
from sparserl.types import Discrete, EnvSpec

# How many actions each takes (its minimal set), in the order of the paper's appendix A.4.
NUM_ACTIONS: Mapping[str, int] = dict(zip(ATARI_15, (9, 6, 6, 7, 9, 9, 18, 4, 9, 6, 9, 18, 6, 8, 9), strict=True))


def known_specification(environment: str) -> EnvSpec | None:
    """What the agent may know of one of these games; None for all other environments."""
    if environment not in NUM_ACTIONS:
        return None
    actions = Discrete(NUM_ACTIONS[environment])
    return EnvSpec(environment, (84, 84, 4), np.dtype(np.uint8), actions, 27_000, stacked_frames=4)
