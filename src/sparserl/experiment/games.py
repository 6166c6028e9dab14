"""The paper's Atari games: what an agent may know of them, so that they can be described without ale-py."""

from collections.abc import Mapping

import numpy as np

from sparserl.types import Discrete, EnvSpec

PREFIX = "atari:"
# Graesser et al. 2022, appendix A.4: the first three with figure 2, and how many actions each takes (its minimal set).
NUM_ACTIONS: Mapping[str, int] = {
    "MsPacman": 9,
    "Pong": 6,
    "Qbert": 6,
    "Assault": 7,
    "Asterix": 9,
    "BeamRider": 9,
    "Boxing": 18,
    "Breakout": 4,
    "CrazyClimber": 9,
    "DemonAttack": 6,
    "Enduro": 9,
    "FishingDerby": 18,
    "SpaceInvaders": 6,
    "Tutankham": 8,
    "VideoPinball": 9,
}
ATARI_GAMES = tuple(PREFIX + game for game in NUM_ACTIONS)  # as environments are called


def known_specification(environment: str) -> EnvSpec | None:
    """What the agent may know of one of these games; None for all other environments."""
    if environment not in ATARI_GAMES:
        return None
    actions = Discrete(NUM_ACTIONS[environment.removeprefix(PREFIX)])
    return EnvSpec(environment, (84, 84, 4), np.dtype(np.uint8), actions, 27_000, stacked_frames=4)
