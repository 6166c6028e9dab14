"""Snapshots of host environments: everything that decides how they continue, as plain data.

docs/environments.md says what can be captured, what is refused, and by which two methods an environment can capture
itself.
"""

import importlib.metadata
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from sparserl.environments import shared, simulation
from sparserl.environments.capture import NotExact, Writer, roots_of
from sparserl.environments.rebuild import Reader
from sparserl.environments.registry import in_one_line
from sparserl.types import UserError

FORMAT = 1
Singles = list[gymnasium.Env[Any, Any]]


class Snapshot(NamedTuple):
    """A JSON document and the arrays that it names: numbers of at most 8 bytes, C-contiguous, one axis."""

    document: dict[str, Any]
    arrays: dict[str, np.ndarray]


def take(identifier: str, environments: Singles, num_steps: int, with_shared: bool = True) -> Snapshot:
    """A snapshot of `environments`, and of what they share with others of their classes.

    Raises `UserError`, one line, that names what cannot be captured exactly.
    """
    writer = Writer(roots_of(environments))
    try:
        nodes = [writer.write(single, f"environments[{index}]") for index, single in enumerate(environments)]
        beside = {"shared": shared.write(writer, environments)} if with_shared else {}
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # its own two methods may raise whatever they like
        reason = str(error) if isinstance(error, NotExact) else in_one_line(error)
        remedy = "two methods of its own can do that (docs/environments.md)"
        raise UserError(f"environment {identifier!r} cannot be captured exactly: {reason}; {remedy}") from error
    simulated = any(simulation.is_model(value) for _, value in writer.seen.values())
    packages = ("gymnasium", "numpy", *(("mujoco",) if simulated else ()))
    document = {
        **heading(identifier, len(environments), packages),
        "num_steps": num_steps,
        "environments": nodes,
        **beside,
    }
    return Snapshot(document, writer.arrays)


def restore(identifier: str, environments: Singles, snapshot: Snapshot) -> int:
    """Restore a snapshot into `environments`, which were built in the same way; returns its `num_steps`.

    Raises `UserError`, one line, if it is of other environments. These may be half restored then: reset or remake them.
    """
    document = snapshot.document
    try:
        check(identifier, len(environments), document)
        reader = Reader(roots_of(environments), snapshot.arrays)
        for index, single in enumerate(environments):
            reader.read(document["environments"][index], single, f"environments[{index}]")
        if "shared" in document:  # an earlier version did not know of it
            shared.restore(reader, document["shared"], environments)
        for commit in reader.commits:
            commit()
        return int(document["num_steps"])
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:
        reason = str(error) if isinstance(error, NotExact) else in_one_line(error)
        raise UserError(f"the snapshot does not fit environment {identifier!r} as it is built: {reason}") from error


def heading(identifier: str, num_envs: int, packages: tuple[str, ...]) -> dict[str, Any]:
    """The beginning of a document: which environments the snapshot is of, and which packages took it."""
    versions = {package: importlib.metadata.version(package) for package in packages}
    return {"format": FORMAT, "identifier": identifier, "num_envs": num_envs, "versions": versions}


def check(identifier: str, num_envs: int, document: dict[str, Any]) -> None:
    """Raises `UserError`, one line, if the heading is not what would be written here and now."""
    if document["format"] != FORMAT:
        raise UserError(f"the snapshot has format {document['format']}: this sparserl restores format {FORMAT}")
    if document["identifier"] != identifier:
        raise UserError(f"the snapshot is of environment {document['identifier']!r}, not of {identifier!r}")
    if document["num_envs"] != num_envs:
        raise UserError(f"the snapshot is of {document['num_envs']} environments {identifier!r}, not of {num_envs}")
    for package, version in document["versions"].items():
        if (here := importlib.metadata.version(package)) != version:
            raise UserError(
                f"the snapshot of environment {identifier!r} was taken with {package} {version}, here is {here}: "
                "only the same version goes on exactly"
            )
