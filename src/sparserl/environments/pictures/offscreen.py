"""Off screen: how pygame and MuJoCo draw where there is no screen, and what to install where they cannot."""

import os
import subprocess
import sys

from sparserl.calls import making
from sparserl.types import UserError

OPENGL = "MUJOCO_GL"
_BACKENDS = ("egl", "osmesa")
_PATIENCE_SECONDS = 60  # a graphics driver may hang
_TRY = "import mujoco; context = mujoco.GLContext(8, 8); context.make_current(); context.free()"
INSTALL = "an OpenGL library that needs no screen: apt-get install libegl1 libgl1-mesa-dri (or libosmesa6)"


def without_screen() -> None:
    """Have pygame draw into memory and keep quiet, unless somebody has said otherwise."""
    for name, value in (
        ("SDL_VIDEODRIVER", "dummy"),
        ("SDL_AUDIODRIVER", "dummy"),
        ("PYGAME_HIDE_SUPPORT_PROMPT", "1"),
    ):
        os.environ.setdefault(name, value)


def choose_opengl(identifier: str) -> str:
    """Have MuJoCo draw by what works here, tried in a process of its own, as a failure cannot be taken back.

    A choice in MUJOCO_GL stays. Raises UserError where nothing works.
    """
    given = os.environ.get(OPENGL)
    working = next((name for name in ((given,) if given else _BACKENDS) if _works(name)), None)
    if working is None:
        asked = f" by {OPENGL}={given}" if given else ""
        line = f"MuJoCo cannot draw here{asked}; it needs {INSTALL}, and pip install 'sparserl[mujoco]'"
        raise UserError(f"environment {identifier!r} cannot be filmed: {line}")
    put_opengl(working)
    return working


def put_opengl(chosen: str | None) -> None:
    """Have MuJoCo draw by this from now on, if by anything."""
    if chosen is not None:
        os.environ[OPENGL] = chosen


def _works(backend: str) -> bool:
    try:
        with making():
            done = subprocess.run(
                [sys.executable, "-P", "-c", _TRY],
                env={**os.environ, OPENGL: backend},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_PATIENCE_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
