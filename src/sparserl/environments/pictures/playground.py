"""Pictures of MuJoCo Playground: MuJoCo's own renderer, with a simulation's positions put into it."""

import atexit
import importlib
from typing import Any

import numpy as np

from sparserl.environments.pictures.scene import Draw, Seen
from sparserl.environments.playground import PlaygroundEnvironment, task_of

_SIDE_PIXELS = 480


def drawing(environment: PlaygroundEnvironment) -> tuple[Draw, float]:
    """How scenes are drawn, and how many pictures make a second.

    The last moment of an episode is not drawn: its state has made room for that of the next.
    """
    mujoco: Any = importlib.import_module("mujoco")
    task = task_of(environment.identifier)
    model = task.dynamics.mj_model
    model.vis.global_.offwidth = max(model.vis.global_.offwidth, _SIDE_PIXELS)
    model.vis.global_.offheight = max(model.vis.global_.offheight, _SIDE_PIXELS)
    renderer, data = mujoco.Renderer(model, _SIDE_PIXELS, _SIDE_PIXELS), mujoco.MjData(model)
    atexit.register(renderer.close)  # later than this it would fail, and say so
    camera = 0 if model.ncam else -1

    def draw(seen: Seen) -> np.ndarray | None:
        if bool(seen.ended):
            return None
        simulated = seen.state.simulation.data
        for name in ("qpos", "qvel", "mocap_pos", "mocap_quat"):
            getattr(data, name)[...] = np.asarray(getattr(simulated, name)[0])
        mujoco.mj_forward(model, data)
        renderer.update_scene(data, camera)
        picture: np.ndarray = renderer.render()
        return picture

    return draw, 1 / (float(task.dynamics.dt) * task.action_repeat)
