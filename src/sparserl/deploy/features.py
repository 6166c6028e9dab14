"""Features: what each number of an observation or action is, where the environment or its manual says so."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sparserl.deploy.contract import Feature

Words = Sequence[tuple[str, str | None]]  # name and unit, in order

_CLASSIC: Mapping[str, Words] = {  # from the manual of Gymnasium's classic control
    "CartPole-v1": (
        ("cart position", "m"),
        ("cart velocity", "m/s"),
        ("pole angle from upright", "rad"),
        ("pole angular velocity", "rad/s"),
    ),
    "Acrobot-v1": (
        ("cosine of the first link's angle from hanging", None),
        ("sine of the first link's angle", None),
        ("cosine of the second link's angle to the first", None),
        ("sine of the second link's angle", None),
        ("angular velocity of the first link", "rad/s"),
        ("angular velocity of the second link", "rad/s"),
    ),
    "MountainCar-v0": (("position", None), ("velocity", None)),
    "MountainCarContinuous-v0": (("position", None), ("velocity", None)),
    "Pendulum-v1": (
        ("cosine of the angle from upright", None),
        ("sine of the angle", None),
        ("angular velocity", "rad/s"),
    ),
}
_CLASSIC_ACTIONS: Mapping[str, Words] = {
    "CartPole-v1": (("push the cart to the left", None), ("push the cart to the right", None)),
    "Acrobot-v1": (("torque of -1", "N m"), ("no torque", "N m"), ("torque of 1", "N m")),
    "MountainCar-v0": (
        ("accelerate to the left", None),
        ("do not accelerate", None),
        ("accelerate to the right", None),
    ),
    "MountainCarContinuous-v0": (("force on the car", None),),
    "Pendulum-v1": (("torque on the joint", "N m"),),
}
_FREE, _BALL, _SLIDE, _HINGE = range(4)  # kinds of MuJoCo's joints
_POSITIONS: Mapping[int, Words] = {
    _FREE: (("x", "m"), ("y", "m"), ("z", "m"), *((f"quaternion {axis}", None) for axis in "wxyz")),
    _BALL: tuple((f"quaternion {axis}", None) for axis in "wxyz"),
    _SLIDE: (("position", "m"),),
    _HINGE: (("angle", "rad"),),
}
_VELOCITIES: Mapping[int, Words] = {
    _FREE: (
        *((f"velocity {axis}", "m/s") for axis in "xyz"),
        *((f"angular velocity {axis}", "rad/s") for axis in "xyz"),
    ),
    _BALL: tuple((f"angular velocity {axis}", "rad/s") for axis in "xyz"),
    _SLIDE: (("velocity", "m/s"),),
    _HINGE: (("angular velocity", "rad/s"),),
}


def of_observations(identifier: str, environment: Any, num_features: int) -> tuple[Feature, ...] | None:
    """The features of an observation without noise features; None where nothing says what all of them are.

    environment: Gymnasium's, unwrapped, or None.
    """
    words = _CLASSIC.get(identifier) or _of_mujoco(environment)
    return _numbered(words) if words is not None and len(words) == num_features else None


def of_actions(identifier: str, environment: Any, num_actions: int) -> tuple[Feature, ...] | None:
    """The same of discrete actions, or of the dimensions of a continuous one."""
    words = _CLASSIC_ACTIONS.get(identifier) or _of_actuators(environment)
    return _numbered(words) if words is not None and len(words) == num_actions else None


def _numbered(words: Words) -> tuple[Feature, ...]:
    return tuple(Feature(place, name, unit) for place, (name, unit) in enumerate(words))


def _of_mujoco(environment: Any) -> Words | None:
    """Joints by name, and what follows them by the name of MuJoCo's array, where the environment tells its structure.

    It begins with positions and velocities of all joints, from which the first positions are left out.
    """
    structure, model = (getattr(environment, name, None) for name in ("observation_structure", "model"))
    if not isinstance(structure, dict) or not {"qpos", "qvel"} <= structure.keys() or model is None:
        return None
    positions = list(_of_joints(model, _POSITIONS))[structure.get("skipped_qpos", 0) :]
    velocities = list(_of_joints(model, _VELOCITIES))
    if (len(positions), len(velocities)) != (structure["qpos"], structure["qvel"]):
        return None
    others = [each for each in structure if each not in ("skipped_qpos", "qpos", "qvel")]
    return [*positions, *velocities, *((f"{name}[{i}]", None) for name in others for i in range(structure[name]))]


def _of_joints(model: Any, parts: Mapping[int, Words]) -> Iterator[tuple[str, str | None]]:
    for number, kind in enumerate(model.jnt_type):
        name = model.joint(number).name or f"joint {number}"
        yield from ((f"{name} {part}", unit) for part, unit in parts[int(kind)])


def _of_actuators(environment: Any) -> Words | None:
    """Actuators by name, or by the joint that they move."""
    model = getattr(environment, "model", None)
    if model is None or not hasattr(model, "actuator"):
        return None
    actuators = [model.actuator(number) for number in range(model.nu)]
    return [(each.name or model.joint(int(each.trnid[0])).name, None) for each in actuators]
