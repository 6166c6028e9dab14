"""Trial: an environment of Gymnasium is drawn once in a process of its own, before anything is played.

What environments share is not touched by it, and a graphics driver that crashes ends another process than this one.
"""

import json
import os
import subprocess
import sys
from typing import Any

import gymnasium
import jax

from sparserl.calls import making
from sparserl.environments import closing, registry
from sparserl.environments.host import HostEnvironment
from sparserl.environments.pictures import offscreen
from sparserl.types import UserError

MODE = "rgb_array"
_PATIENCE_SECONDS = 180
_PROGRAM = "from sparserl.environments.pictures import trial; trial.answer({!r}, {})"


def draw_elsewhere(identifier: str) -> None:
    """Try it in a process of its own. Raises `UserError` where the environment cannot be drawn."""
    reading, writing = os.pipe()
    try:
        with making():
            ended = _ended(identifier, writing)
        os.close(writing)
        with open(reading, encoding="utf-8", closefd=False) as pipe:
            told = json.loads(pipe.read() or "{}")
    finally:
        os.close(reading)
    if "chosen" in told:
        offscreen.put_opengl(told["chosen"])
        return
    raise UserError(told.get("reason", f"environment {identifier!r} cannot be filmed: drawing it {ended}"))


def _ended(identifier: str, descriptor: int) -> str:
    """How the process ended, in words."""
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROGRAM.format(identifier, descriptor)],
            env={**os.environ, "PYTHONPATH": paths, "JAX_PLATFORMS": "cpu"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(descriptor,),
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"takes longer than {_PATIENCE_SECONDS} s"
    return f"ended its process with status {done.returncode}"


def answer(identifier: str, descriptor: int) -> None:
    """In that process: draw, and write what has become of it."""
    offscreen.without_screen()
    try:
        told = {"chosen": draw_here(identifier)}
    except UserError as error:
        told = {"reason": str(error)}
    os.write(descriptor, json.dumps(told).encode())
    os._exit(0)  # threads of an environment, and what its libraries do at the end, are of no interest


def draw_here(identifier: str) -> str | None:
    """Draw the first picture of an episode, and give what OpenGL was chosen for it. Raises `UserError`.

    First it is made without pictures: some cannot be made with those that they do not have.
    """
    registration = registry.find(identifier)
    try:
        single = registry.make(identifier, registration)
    except UserError:
        if os.environ.get(offscreen.OPENGL) and "mujoco" in str(registration.entry_point):
            offscreen.choose_opengl(identifier)  # MuJoCo cannot even be imported where it is set to what does not work
        raise
    try:
        _require_mode(identifier, single)
        chosen = offscreen.choose_opengl(identifier) if _is_of_mujoco(single) else None
    finally:
        closing.close_all(identifier, [single])
    environment = HostEnvironment(identifier, 1, MODE)
    try:
        environment.reset(jax.random.key(0))
        environment.picture()
    finally:
        environment.close()
    return chosen


def _require_mode(identifier: str, single: gymnasium.Env[Any, Any]) -> None:
    """Raises `UserError` where it has no such pictures."""
    modes = (getattr(single, "metadata", None) or {}).get("render_modes") or ()
    if MODE not in modes:
        others = f", only {' and '.join(map(repr, modes))}" if modes else ""
        line = f"it does not render: it has no render_mode {MODE!r}{others}"
        raise UserError(f"environment {identifier!r} cannot be filmed: {line}")


def _is_of_mujoco(single: gymnasium.Env[Any, Any]) -> bool:
    """Whether MuJoCo draws it, as it does all that have a model of it."""
    return type(getattr(single.unwrapped, "model", None)).__module__.startswith("mujoco")
