"""Filmed environments: those that evaluations play in, with a picture of the first place whenever one is asked for."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from sparserl.environments import registry
from sparserl.environments.atari import AtariEnvironment
from sparserl.environments.console import FRAME_SKIP
from sparserl.environments.host import HostEnvironment
from sparserl.environments.minatar import MinAtarEnvironment
from sparserl.environments.pictures import classic, minatar, offscreen, playground, trial
from sparserl.environments.pictures.scene import Draw, Scene, seen_in
from sparserl.environments.playground import PlaygroundEnvironment
from sparserl.environments.turns import MOST_AT_ONCE, InTurns
from sparserl.types import Environment, EnvState, UserError

USUAL_FRAMES_PER_SECOND = 30.0  # where an environment does not tell; Gymnasium's recorder takes as many
_ATARI_FRAMES_PER_SECOND = 60.0 / FRAME_SKIP

Kind = Callable[[str, int], Environment]


class Filmed(NamedTuple):
    """An environment that plays as it would unfilmed, and how its first place looks.

    `picture` takes the state of the environment, or of what surrounds it, and gives uint8 `[y, x, 3]`: where the first
    place's episode has just ended, its last moment, or None where that is lost. `frames_per_second` of pictures, one
    for each step, show it as fast as it is.
    """

    environment: Environment
    picture: Callable[[EnvState], np.ndarray | None]
    frames_per_second: float


def filmed(identifier: str, num_envs: int, kind: Kind) -> Filmed:
    """`num_envs` environments of this kind. Raises `UserError` where they cannot be made or drawn."""
    offscreen.without_screen()
    if kind is HostEnvironment:
        in_turns = num_envs > MOST_AT_ONCE
        host = (
            InTurns(identifier, num_envs, trial.MODE) if in_turns else HostEnvironment(identifier, num_envs, trial.MODE)
        )
        return Filmed(host, lambda state: host.picture(), frames_per_second(host.metadata))
    if kind is AtariEnvironment:
        consoles = AtariEnvironment(identifier, num_envs, filmed=True)
        return Filmed(consoles, lambda state: consoles.picture(), _ATARI_FRAMES_PER_SECOND)
    environment = kind(identifier, num_envs)
    draw, rate = _drawing(environment, identifier)
    return Filmed(Scene(environment), lambda state: draw(seen_in(state)), rate)


def try_pictures(identifier: str, kind: Kind) -> None:
    """Draw one picture, in environments of its own. Raises `UserError`, in one line, where it cannot be drawn."""
    if kind is HostEnvironment:
        trial.draw_elsewhere(identifier)
        return
    if kind is PlaygroundEnvironment:
        offscreen.choose_opengl(identifier)
    environment, picture, _ = filmed(identifier, 1, kind)
    state, _ = environment.reset(jax.random.key(0))
    picture(state)


def _drawing(environment: Environment, identifier: str) -> tuple[Draw, float]:
    """How a compiled environment is drawn, and how many pictures make a second."""
    if isinstance(environment, MinAtarEnvironment):
        return minatar.draw, minatar.FRAMES_PER_SECOND
    if isinstance(environment, PlaygroundEnvironment):
        return playground.drawing(environment)
    if identifier not in classic.DRAWN:
        raise UserError("it is a program of one's own, which has no pictures", field="environment", value=identifier)
    drawn_by = registry.make(identifier, registry.find(identifier), trial.MODE)
    return classic.draws(drawn_by), frames_per_second(drawn_by.metadata)


def frames_per_second(metadata: Mapping[str, Any]) -> float:
    """What an environment tells of the pace of its pictures, or the usual one."""
    told = metadata.get("render_fps")
    pace = float(told) if isinstance(told, int | float | np.number) else math.nan
    return pace if 0 < pace < math.inf else USUAL_FRAMES_PER_SECOND
