"""Arguments: from words to a dataclass of options, whose type is the command line; a mistake becomes one line."""

import contextlib
import dataclasses
import io
import os
import re
import shutil
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import tyro

from sparserl.cli import HelpShown, output
from sparserl.errors import Field, UserError, choices_of, in_words, nearest, renaming, takes, within
from sparserl.processes.homes import at_home

Json = Annotated[
    bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Print one JSON document on standard output instead.")
]
LEAST_COLUMNS = 40
T = TypeVar("T")


class Option(NamedTuple):
    """An option as people type it, --agent.batch-size, and the type of its value."""

    name: str
    type: Any


OptionsByField = Mapping[str, Option]  # by the field that each stands for: agent.batch_size


def parse(options: T, words: Sequence[str], program: str, description: str) -> T:
    """`options` with the values that `words` give; raises UserError for the first mistake, HelpShown after help."""
    known, box = options_of(options), io.StringIO()
    streams = contextlib.redirect_stdout(output.stream()), contextlib.redirect_stderr(box)
    try:
        with streams[0], streams[1], _unchecked(), wide_enough():
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
            raise HelpShown from None
        raise _complaint(box.getvalue(), words, known) from None
    if left:
        raise _unknown(left[0], words, known, f"`{program} --help` lists all options")
    with in_options(known):
        return typing.cast(T, _checked(parsed))


@contextlib.contextmanager
def wide_enough() -> Iterator[None]:
    """Inside, terminals have LEAST_COLUMNS at least: for narrower ones help is laid out for ever."""
    given = os.environ.get("COLUMNS")
    if shutil.get_terminal_size().columns < LEAST_COLUMNS:
        os.environ["COLUMNS"] = str(LEAST_COLUMNS)
    try:
        yield
    finally:
        if given is not None:
            os.environ["COLUMNS"] = given
        else:
            os.environ.pop("COLUMNS", None)


def options_of(options: Any, place: str = "") -> dict[str, Option]:
    """The options that a dataclass stands for; place: where it is nested, as in "agent."."""
    hints = typing.get_type_hints(type(options))
    annotated = typing.get_type_hints(type(options), include_extras=True)
    known: dict[str, Option] = {}
    for field in dataclasses.fields(options):
        value, name = getattr(options, field.name), place + field.name
        if dataclasses.is_dataclass(value):
            known |= options_of(value, f"{name}.")
        else:
            known[name] = Option(_spelled(place, field.name, annotated[field.name]), hints[field.name])
    return known


def _spelled(place: str, name: str, hint: Any) -> str:
    """The name of an option: its field's, unless `tyro.conf.arg` gives another."""
    marks = (getattr(mark, "name", None) for mark in getattr(hint, "__metadata__", ()))
    last = next((other for other in marks if isinstance(other, str)), name)
    return f"--{place}{last}".replace("_", "-")


def in_options(known: OptionsByField) -> contextlib.AbstractContextManager[None]:
    """Let a UserError name options instead of fields: `total_steps is 0` becomes `--total-steps is 0`."""

    def renamed(field: Field) -> Field:
        if field.name not in known:
            return field
        option = known[field.name].name
        if field.value is ...:
            return Field(option)
        if not isinstance(field.value, bool):
            values = field.value if isinstance(field.value, tuple) else [field.value]
            return Field(" ".join(map(str, (option, *values))))
        *place, last = option.removeprefix("--").split(".")
        return Field(f"--{'.'.join([*place, last if field.value else f'no-{last}'])}")

    return renaming(renamed)


class _Unchecked(NamedTuple):
    """A dataclass that tyro would have made: `_checked` makes it, which knows where it is nested when that fails."""

    type: type
    values: dict[str, Any]


def _unchecked() -> contextlib.AbstractContextManager[None]:
    """Inside, tyro gives `_Unchecked` for dataclasses."""
    registry = tyro.constructors.ConstructorRegistry()
    asking: list[Any] = []  # the type that the rules behind this one are asked about

    @registry.struct_rule
    def rule(info: tyro.constructors.StructTypeInfo) -> tyro.constructors.StructConstructorSpec | None:
        if asking or not dataclasses.is_dataclass(info.type):
            return None  # as without this rule
        asking.append(info)
        try:
            spec = registry.get_struct_spec(info)
        finally:
            asking.clear()
        assert isinstance(spec, tyro.constructors.StructConstructorSpec)
        return dataclasses.replace(spec, instantiate=lambda **values: _Unchecked(info.type, values))

    return typing.cast(contextlib.AbstractContextManager[None], registry)


def _checked(value: Any) -> Any:
    if isinstance(value, Path):
        return at_home(value)
    if not isinstance(value, _Unchecked):
        return value
    values = {}
    for name, inner in value.values.items():
        with within(name):
            values[name] = _checked(inner)
    return value.type(**values)


def _complaint(box: str, words: Sequence[str], known: OptionsByField) -> UserError:
    """What tyro says in a box, in one line: the option, its value, and what it takes.

    tyro (1.0) tells what is wrong in print only, so this one text is read; the option in it is all that it takes.
    """
    text = " ".join(re.sub(r"[^\x20-\x7e]+", " ", box).split())
    by_name = {option.name: option.type for option in known.values()}
    name = next((name for name in re.findall(r"--[\w.-]+", text) if name in by_name), None)
    if name is None:
        return UserError(text)
    values = _values(name, words)
    if not values:
        return UserError(f"{name} needs a value: {in_words(by_name[name])}")
    given = " ".join(values)
    return UserError(takes(by_name[name], given), field=name, value=given, names=choices_of(by_name[name]))


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


def _unknown(word: str, words: Sequence[str], known: OptionsByField, advice: str) -> UserError:
    by_name = {option.name: option.type for option in known.values()}
    if word.startswith("--"):
        name = word.partition("=")[0].replace("_", "-")
        error = UserError(f"unknown option {word.partition('=')[0]}", value=name, names=by_name)
        error.nearest = tuple(near for near in error.nearest if _may_be(name, near))
        return error if error.nearest else UserError(f"{error}; {advice}")
    bare = word.lstrip("-").partition("=")[0].replace("_", "-")
    if f"--{bare}" in by_name or (word.startswith("-") and nearest(bare, by_name)):
        error = UserError(f"unexpected word {word!r}: options begin with --", value=bare, names=by_name)
        return error if error.nearest else UserError(f"{error}; {advice}")
    here = next(index for index, given in enumerate(words) if given == word or given.endswith(f"={word}"))
    before = [option for option in words[: here + 1] if option.startswith("--")]
    name = before[-1].partition("=")[0].replace("_", "-") if before else ""
    number = "no" if by_name.get(name) is bool else "one"
    told = f"{name} takes {number} value" if name in by_name else "options begin with --"
    return UserError(f"unexpected word {word!r}: {told}; {advice}")


def _may_be(word: str, near: str) -> bool:
    """Whether one option may be meant by another: one of a part, as --method.drop-fraction, is of it or so called."""
    place, last = word.rpartition(".")[::2]
    other, name = near.rpartition(".")[::2]
    return not place or place == other or last == name or not other
