"""Commands: what makes a run again, quoted for the shell."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

_NAMED = {"agent": "name", "method": "name", "network": "name"}  # given by name, and then choice by choice
_NO_OPTION = ("results_version",)
_IN_CATALOGUE = re.compile(r"(figure|table)_\d+(_[a-z_]+)?")  # as the parts of the paper are called
_WIDEST = 100  # characters of a line


def train_command(choices: Mapping[str, Any], preset: str | None, seed: int, diagnostics: bool = False) -> str:
    """The `sparserl train` that trains one seed of an experiment, every choice spelled out, so that no default counts.

    choices: as `experiment.json` has them.
    """
    agent, method, network = (choices[name]["name"] for name in _NAMED)
    words = [f"sparserl train {shlex.quote(str(agent))} {shlex.quote(str(method))}"]
    words.append(_option("environment", [choices["environment"]]))
    words.append(_option("preset", [preset]) if preset else "")
    words.append(_option("network", [network]))
    words += _options({name: value for name, value in choices.items() if name not in ("environment", *_NO_OPTION)})
    words.append(_option("seed", [seed]))
    words.append("--diagnostics" if diagnostics else "")
    return _in_lines([word for word in words if word])


def study_command(name: str, scale: str, preset: str | None) -> str:
    """The `sparserl study run` that works through a study: one of the catalogue by name, any other by its file."""
    file = name if _IN_CATALOGUE.fullmatch(name) else f"{name}.py"
    words = ["sparserl study run", shlex.quote(file), _option("scale", [scale])]
    return _in_lines([*words, *([_option("preset", [preset])] if preset not in (None, "paper") else [])])


def _options(choices: Mapping[str, Any], place: str = "") -> Iterator[str]:
    for name, value in choices.items():
        if isinstance(value, Mapping):
            inner = {key: each for key, each in value.items() if key != _NAMED.get(name)}
            yield from _options(inner, f"{place}{name}.")
        elif isinstance(value, bool):
            *front, last = f"{place}{name}".split(".")
            yield f"--{'.'.join([*front, last if value else f'no-{last}'])}".replace("_", "-")
        elif isinstance(value, list | tuple):
            yield _option(f"{place}{name}", value)
        else:
            yield _option(f"{place}{name}", [value])


def _option(name: str, values: Any) -> str:
    option, words = f"--{name}".replace("_", "-"), [shlex.quote(str(value)) for value in values]
    if len(words) == 1 and str(values[0]).startswith("-") and isinstance(values[0], str):
        return f"{option}={words[0]}"  # or it would be taken for an option
    return " ".join([option, *words])


def _in_lines(words: list[str]) -> str:
    """The words in lines that end in a backslash, none far beyond `_WIDEST`."""
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) < _WIDEST:
            lines[-1] += f" {word}"
        else:
            lines.append(f"    {word}")
    return " \\\n".join(lines)
