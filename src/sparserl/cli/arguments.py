"""Arguments: from words to a dataclass of options, whose type is the command line; a mistake becomes one line."""

import contextlib
import dataclasses
import difflib
import io
import re
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from sparserl.errors import UserError

Json = Annotated[
    bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Print one JSON document on standard output instead.")
]
T = TypeVar("T")
Hints = Mapping[str, Any]  # the type of each option, by its name: {"--agent.batch-size": int}

_MEANINGS = {int: "a whole number", float: "a number", str: "a word", Path: "a path"}
_PLURALS = {int: "whole numbers", float: "numbers", str: "words"}


def parse(options: T, words: Sequence[str], program: str, description: str) -> T:
    """`options` with the values that `words` give; raises UserError for the first mistake, SystemExit after help."""
    hints, box = option_types(options), io.StringIO()
    try:
        with in_options(hints), contextlib.redirect_stderr(box):
            parsed, left = tyro.cli(
                type(options),
                args=list(words),
                default=options,
                prog=program,
                description=description,
                return_unknown_args=True,
            )
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise UserError(_complaint(box.getvalue(), words, hints)) from None
    if left:
        raise UserError(f"{_unknown(left[0], words, hints)}; `{program} --help` lists all options")
    return parsed


def choose(what: str, word: str, names: Collection[str]) -> str:
    """`word`, which must be one of `names`; UserError with the nearest of them otherwise."""
    if word in names:
        return word
    raise UserError(f"unknown {what} {word!r}: choose {_either(names)}{_nearest(word, names)}")


def option_types(options: Any, prefix: str = "--") -> dict[str, Any]:
    """The type of every option that a dataclass stands for, by its name on the command line."""
    hints = typing.get_type_hints(type(options))
    annotated = typing.get_type_hints(type(options), include_extras=True)
    found: dict[str, Any] = {}
    for field in dataclasses.fields(options):
        value, name = getattr(options, field.name), prefix + _spelled(field.name, annotated[field.name])
        found |= option_types(value, f"{name}.") if dataclasses.is_dataclass(value) else {name: hints[field.name]}
    return found


def _spelled(name: str, hint: Any) -> str:
    """The name of an option: its field's, unless `tyro.conf.arg` gives another."""
    given = (getattr(mark, "name", None) for mark in getattr(hint, "__metadata__", ()))
    return next((other for other in given if isinstance(other, str)), name).replace("_", "-")


@contextlib.contextmanager
def in_options(hints: Hints) -> typing.Iterator[None]:
    """Let a UserError name options as one types them: `total_steps is 0` becomes `--total-steps is 0`."""
    try:
        yield
    except UserError as error:
        raise UserError(_spoken(str(error), hints)) from error


def _spoken(message: str, hints: Hints) -> str:
    by_leaf: dict[str, list[str]] = {}
    for option in hints:
        by_leaf.setdefault(_leaf(option), []).append(option)

    def name(match: re.Match[str]) -> str:
        options = by_leaf.get(match["leaf"].replace("_", "-"), [])
        return options[0] if len(options) == 1 else match[0]

    # Fields with an underscore are no English words; the others only where a value is told.
    return re.sub(
        r"(?<![\w./-])(?:[a-z_]+\.)*(?P<leaf>[a-z]+(?:_[a-z]+)+|[a-z]+(?= is | = ))(?![\w./-])", name, message
    )


def _leaf(option: str) -> str:
    return option.removeprefix("--").rpartition(".")[2]


def _complaint(box: str, words: Sequence[str], hints: Hints) -> str:
    """What tyro says in a box, in one line: the option, its value, and what it takes."""
    text = " ".join(re.sub(r"[^\x20-\x7e]+", " ", box).split())
    option = next((name for name in re.findall(r"--[\w.-]+", text) if name in hints), None)
    if option is None:
        return text
    values, takes = _values(option, words), _meaning(hints[option])
    if not values:
        return f"{option} needs a value: {takes}"
    allowed = [name for name in typing.get_args(hints[option]) if isinstance(name, str)]
    return f"{option} is {' '.join(values)!r}: it takes {takes}{_nearest(values[0], allowed)}"


def _values(option: str, words: Sequence[str]) -> list[str]:
    """The words given for an option, the last time it occurs."""
    values: list[str] = []
    current = ""
    for word in words:
        if word.startswith("--"):
            current, equals, _ = word.replace("_", "-").partition("=")
            if current == option:
                values = [word.partition("=")[2]] if equals else []
        elif current == option:
            values.append(word)
    return values


def _unknown(word: str, words: Sequence[str], hints: Hints) -> str:
    if word.startswith("--"):
        name = word.partition("=")[0].replace("_", "-")
        spellings = {**{f"--{_leaf(option)}": option for option in hints}, **{option: option for option in hints}}
        nearest = difflib.get_close_matches(name, spellings, n=1)
        hint = f": the nearest is {spellings[nearest[0]]}" if nearest else ""
        return f"unknown option {word.partition('=')[0]}{hint}"
    here = next(index for index, given in enumerate(words) if given == word or given.endswith(f"={word}"))
    before = [option for option in words[: here + 1] if option.startswith("--")]
    option = before[-1].partition("=")[0].replace("_", "-") if before else ""
    takes = f": {option} takes {_meaning(hints[option])}" if option in hints else ": options begin with --"
    return f"unexpected word {word!r}{takes}"


def _meaning(hint: Any) -> str:
    """What an option of this type takes, in words."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return _either(arguments)
    if typing.get_origin(hint) is tuple:
        return _PLURALS.get(arguments[0], "words")
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:  # the latter of a Literal
        return _meaning(arguments[0])
    return "no value" if hint is bool else _MEANINGS.get(hint, "a value")


def _either(names: Collection[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def _nearest(word: str, names: Collection[str]) -> str:
    nearest = difflib.get_close_matches(word, names, n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
