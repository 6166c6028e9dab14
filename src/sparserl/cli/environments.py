"""`sparserl environments`: what there is to learn."""

import contextlib
import dataclasses
import io
import json
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from sparserl import environments
from sparserl.cli.arguments import Json, parse
from sparserl.cli.output import put
from sparserl.cli.tables import print_table
from sparserl.environments.games import PREFIX as _ATARI
from sparserl.errors import either
from sparserl.experiment import agents_for
from sparserl.types import Box, Discrete, Environment, UserError

_DESCRIPTION = """List the environments that this installation can make, and which agents learn them.

Those of other packages work as well, by the identifier under which they are registered in Gymnasium.

example:
  sparserl environments"""


@dataclasses.dataclass(frozen=True)
class EnvironmentsOptions:
    """The options of `environments`."""

    json: Json = False


def main(words: Sequence[str]) -> int:
    """List the environments."""
    options = parse(EnvironmentsOptions(), words, "sparserl environments", _DESCRIPTION)
    listed = list(_environments())
    if options.json:
        put(json.dumps({"environments": listed}, indent=2))
        return 0
    names = ("environment", "agents", "runs", "observation", "actions", "time limit in steps")
    rows = [
        (
            row["name"],
            " ".join(row["agents"]),
            row["runs"],
            _shape(row["observation_shape"]),
            _actions(row),
            _limit(row),
        )
        for row in listed
        if not row["name"].startswith(_ATARI)
    ]
    print_table(names, rows, numbers_from=4)
    if games := [row["name"].removeprefix(_ATARI) for row in listed if row["name"].startswith(_ATARI)]:
        learners = either(listed[-1]["agents"])  # the games are the last ones
        put(f"\nAtari, learned by {learners}, runs on the host; as {_ATARI}{games[0]}, of these {len(games)} games:")
        put(textwrap.fill(", ".join(games), 110, initial_indent="  ", subsequent_indent="  "))
    put("\ncompiled: inside the compiled program, many times faster; host: in Python.")
    return 0


def _environments() -> Iterator[dict[str, Any]]:
    """The compiled ones first; those that cannot be made here are left out.

    Of the Atari games only one is made, which takes a sixth of a second; how many actions the others have stays open.
    """
    names = environments.environment_names()
    games = [name for name in names if name.startswith(_ATARI)]
    for name in names[: len(names) - len(games)]:
        try:
            with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
                warnings.simplefilter("ignore")
                with _made(name) as environment:
                    row = _row(name, environment)
        except UserError:
            continue
        yield row
    if games:
        with _made(games[0]) as environment:
            row = _row(games[0], environment)
        yield from ({**row, "name": name, "num_actions": None} for name in games)


@contextlib.contextmanager
def _made(name: str) -> Iterator[Environment]:
    environment = environments.make(name, 1)
    try:
        yield environment
    finally:
        environments.close(environment)


def _row(name: str, environment: Environment) -> dict[str, Any]:
    spec, action = environment.spec, environment.spec.action
    return {
        "name": name,
        "agents": agents_for(spec),
        "runs": "compiled" if environment.compiled else "host",
        "observation_shape": list(spec.observation_shape),
        "num_actions": action.num_actions if isinstance(action, Discrete) else None,
        "action_shape": list(action.shape) if isinstance(action, Box) else None,
        "time_limit_steps": spec.time_limit_steps,
    }


def _actions(row: dict[str, Any]) -> str:
    discrete = row["num_actions"] is not None
    return f"{row['num_actions']} to choose from" if discrete else f"{_shape(row['action_shape'])} continuous"


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "number"


def _limit(row: dict[str, Any]) -> str:
    return "none" if row["time_limit_steps"] is None else f"{row['time_limit_steps']:,}"
