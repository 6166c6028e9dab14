"""Pictures of classic control: Gymnasium's own, drawn by its environments with our state put into them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sparserl.environments.host import drawn
from sparserl.environments.pictures.scene import Draw, Seen


def draws(environment: Any) -> Draw:
    """How scenes are drawn by `environment`, which is Gymnasium's of the same name with pictures.

    An observation tells the whole state, up to turns of an angle; unlike the state it is there for the last moment of
    an episode, too.
    """
    task = environment.unwrapped
    put = DRAWN[task.spec.id]

    def draw(seen: Seen) -> np.ndarray:
        put(task, np.asarray(seen.reached, np.float64), np.asarray(seen.action))
        return drawn(task, task.spec.id)

    return draw


def _put_observation(task: Any, observation: np.ndarray, action: np.ndarray) -> None:
    task.state = observation


def _put_acrobot(task: Any, observation: np.ndarray, action: np.ndarray) -> None:
    cos1, sin1, cos2, sin2, *velocities = observation.tolist()
    task.state = np.array([math.atan2(sin1, cos1), math.atan2(sin2, cos2), *velocities])


def _put_pendulum(task: Any, observation: np.ndarray, action: np.ndarray) -> None:
    cos, sin, velocity = observation.tolist()
    torque = float(np.clip(action[0], -task.max_torque, task.max_torque))
    task.state = np.array([math.atan2(sin, cos), velocity])
    task.last_u = None if math.isnan(torque) else torque  # the arrow's direction and length


DRAWN: dict[str, Callable[[Any, np.ndarray, np.ndarray], None]] = {
    "CartPole-v1": _put_observation,
    "Acrobot-v1": _put_acrobot,
    "MountainCar-v0": _put_observation,
    "Pendulum-v1": _put_pendulum,
}
