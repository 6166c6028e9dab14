"""The games of the Arcade Learning Environment: their names and files; no game is loaded here."""

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sparserl.types import Discrete, EnvSpec, UserError

PREFIX = "atari:"
# The paper's games (appendix A.4): the three of every figure, then the twelve that were added.
ATARI_15 = tuple(
    PREFIX + name
    for name in (
        *("MsPacman", "Pong", "Qbert", "Assault", "Asterix", "BeamRider", "Boxing", "Breakout", "CrazyClimber"),
        *("DemonAttack", "Enduro", "FishingDerby", "SpaceInvaders", "Tutankham", "VideoPinball"),
    )
)
# The size of each game's minimal action set, so that experiments can be described without ale-py.
_NUM_ACTIONS: Mapping[str, int] = dict(zip(ATARI_15, (9, 6, 6, 7, 9, 9, 18, 4, 9, 6, 9, 18, 6, 8, 9), strict=True))
_FOR_TWO = ("combat", "joust", "maze_craze", "warlords")  # need two players
# Gymnasium's names over the years: ALE/Pong-v5, Pong-v0, PongNoFrameskip-v4, Pong-ramDeterministic-v4.
_CALLED = re.compile(r"(?:ALE/)?(\w+?)(?:-ram)?(?:NoFrameskip|Deterministic)?(?:-v\d+)?", re.IGNORECASE)


def names() -> tuple[str, ...]:
    """The identifiers of all games; none where ale-py is not installed."""
    return tuple(PREFIX + name for name in _roms())


def known_specification(environment: str) -> EnvSpec | None:
    """The specification of one of the paper's games, which needs no ale-py; None for all other environments."""
    if environment not in _NUM_ACTIONS:
        return None
    actions = Discrete(_NUM_ACTIONS[environment])
    return EnvSpec(environment, (84, 84, 4), np.dtype(np.uint8), actions, 27_000, stacked_frames=4)


def rom(identifier: str) -> Path:
    """The game's file. Raises `UserError`, one line, if there is no such game or ale-py is missing."""
    roms = _roms()
    if not roms:
        line = "it needs a package that is not installed: pip install 'sparserl[atari]'"
        raise UserError(line, field="environment", value=identifier)
    name = identifier.removeprefix(PREFIX)
    if name in roms:
        return roms[name]
    if meant := meant_by(name):
        raise UserError(f"it is asked for as {meant}", field="environment", value=identifier)
    line = "ale-py has no such game; `sparserl environments` lists all"
    raise UserError(line, field="environment", value=identifier, names=[PREFIX + known for known in roms])


def meant_by(name: str) -> str | None:
    """The identifier of the game that some Gymnasium called `name`, with or without version; None where none is."""
    called = _CALLED.fullmatch(name)
    known = {game.removeprefix(PREFIX).casefold(): game for game in (*ATARI_15, *names())}
    return known.get(called[1].replace("_", "").casefold()) if called else None


def _roms() -> dict[str, Path]:
    """The games' files by name; the file space_invaders.bin is SpaceInvaders."""
    package = importlib.util.find_spec("ale_py")
    if package is None or package.origin is None:
        return {}
    files = sorted((Path(package.origin).parent / "roms").glob("*.bin"))
    return {file.stem.title().replace("_", ""): file for file in files if file.stem not in _FOR_TWO}
