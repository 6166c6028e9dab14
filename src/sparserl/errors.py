"""What every room may raise, without a library behind it: rooms that never see JAX import no more than this."""

import contextlib
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

_IN_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a word",
    bool: "True or False",
    Path: "a path",
    types.NoneType: "None",
}
_AS_NEAR = 0.05  # names whose likeness to a word differs by less are told together
_SHORTEST = 3  # letters of a word that may be the beginning of a name
_ELSEWHERE = {  # by what a choice or a command is called here: what it is called by other libraries
    "environment": ("env", "env-id", "env-name", "game", "gym", "task"),
    "total-steps": ("steps", "timesteps", "total-timesteps", "num-steps", "train-steps", "max-steps", "iterations"),
    "num-seeds": ("seeds", "n-seeds", "number-of-seeds", "nseeds"),
    "num-episodes": ("episodes", "n-episodes", "n-eval-episodes", "eval-episodes"),
    "num-workers": ("workers", "n-workers", "jobs", "n-jobs", "cores", "processes"),
    "learning-rate": ("lr", "learning-rate-schedule"),
    "discount": ("gamma",),
    "target-step-size": ("tau", "polyak"),
    "replay-capacity-steps": ("buffer-size", "buffer", "replay-size", "memory-size"),
    "warmup-steps": ("learning-starts", "start-steps"),
    "hidden-units": ("hidden", "hidden-sizes", "hidden-layers", "net-arch", "layers", "units"),
    "output": ("out", "outdir", "out-dir", "output-dir", "logdir", "log-dir", "save-dir", "results-dir", "dir"),
    "device": ("gpu", "cuda", "cpu"),
    "gpu": ("cuda",),
    "compressed": ("sparse",),
    "train": ("run", "fit", "learn", "start"),
    "evaluate": ("eval", "test", "play", "enjoy", "rollout"),
    "report": ("plot", "plots", "show", "view", "figures", "results"),
    "study": ("studies", "sweep", "experiments"),
    "describe": ("info", "summary", "inspect"),
    "methods": ("algorithms", "algos"),
    "environments": ("envs", "games", "tasks", "list"),
}
_UNIONS = (types.UnionType, typing.Union)  # the latter where a Literal is part of it
_PLURALS = {int: "a list of whole numbers", float: "a list of numbers", str: "a list of words"}


class Field(NamedTuple):
    """A choice by its name, which is dotted where it is nested; part of a message that mentions one."""

    name: str
    value: Any = ...  # the value that the message proposes, if any
    outer: bool = False  # a choice of the whole experiment, mentioned by something that is nested in it


class UserError(Exception):
    """A mistake of the person who asks, told in one line: what, where, what is allowed, the nearest valid name.

    It is data. `UserError("it must be at least 1", field="total_steps", value=0)` reads "total_steps is 0: it must be
    at least 1", and the command line, which knows the field, says --total-steps instead. A message is made of strings
    and of the `Field`s that it mentions.

    field: name of the choice that is wrong, dotted where it is nested, or None; value: what it is (... where the
    message gives none); allowed: the names to choose from, listed in the message; nearest: those most like the value;
    where: in what file it was met. names: candidates for `nearest` that are too many to list.
    """

    def __init__(
        self,
        *message: str | Field,
        field: str | None = None,
        value: Any = ...,
        allowed: Iterable[Any] = (),
        names: Iterable[str] = (),
    ) -> None:
        super().__init__(*message)
        self.where, self.field, self.value, self.allowed = "", field, value, tuple(map(str, allowed))
        self.nearest = nearest(value, (*self.allowed, *names))

    def __str__(self) -> str:
        head = "" if self.field is None else _told(Field(self.field, self.value), " is ")
        message = "".join(part if isinstance(part, str) else _told(part, "=") for part in self.args)
        choose = f"choose {either(self.allowed)}" if self.allowed else ""
        told = [part for part in (head, message, choose) if part]
        text = f"{told[0]}: {'; '.join(told[1:])}" if told[1:] else "".join(told)
        near = f"; did you mean {either(map(repr, self.nearest))}?" if self.nearest else ""
        return f"{self.where}{text}{near}"

    def rename(self, renamed: Callable[[Field], Field]) -> None:
        """Name its fields otherwise: from further outside, or as options."""
        if self.field is not None:
            self.field = renamed(Field(self.field)).name
        self.args = tuple(part if isinstance(part, str) else renamed(part) for part in self.args)

    def locate(self, where: str) -> None:
        """Say where it was met, as in a file and its line, in front of everything else."""
        self.where = f"{where}: {self.where}"


class DiskFull(UserError):
    """A disk without room, told in one line. There may be room again: what met it is worth another try."""


class Divergence(Exception):
    """Training that has led to numbers that are not finite, told in one line: a result, and nobody's mistake."""


@contextlib.contextmanager
def renaming(renamed: Callable[[Field], Field]) -> Iterator[None]:
    """Rename the fields of a UserError that is raised inside."""
    try:
        yield
    except UserError as error:
        error.rename(renamed)
        raise


def within(place: str) -> contextlib.AbstractContextManager[None]:
    """Name the fields of something nested from outside: inside `within("agent")`, batch_size is agent.batch_size."""
    return renaming(lambda field: field if field.outer else field._replace(name=f"{place}.{field.name}"))


def nearest(word: Any, names: Iterable[Any]) -> tuple[str, ...]:
    """The name most like `word`, and up to two that are as near; none where no name is like it.

    The last part of a name stands for all of it: width for network.width. A word by which other libraries know a name
    is like it, too, as lr is learning_rate, and the beginning of a name is like the name.
    """
    if not isinstance(word, str):
        return ()
    word, whole = _plain(word), {_plain(name): name for name in map(str, names)}
    spellings = {_last_part(spelling): name for spelling, name in whole.items()} | whole
    if word not in whole and (meant := _called_elsewhere(word, spellings) or _continued(word, spellings)):
        return meant
    for spelling in dict.fromkeys((word, _last_part(word))):
        if near := get_close_matches(spelling, spellings):
            likeness = [SequenceMatcher(None, each, spelling).ratio() for each in near]
            as_near = (each for each, like in zip(near, likeness, strict=True) if like > likeness[0] - _AS_NEAR)
            return tuple(dict.fromkeys(spellings[each] for each in as_near))
    return ()


def _continued(word: str, spellings: Mapping[str, str]) -> tuple[str, ...]:
    """The names that begin with this word, where they are few."""
    if len(word) < _SHORTEST or word in spellings:
        return ()
    longer = {name: len(spelling) for spelling, name in spellings.items() if spelling.startswith(word)}
    shortest_first = sorted(sorted(longer, reverse=True), key=lambda name: longer[name])  # of versions the latest
    return tuple(shortest_first) if len(longer) <= 3 else ()


def _called_elsewhere(word: str, spellings: Mapping[str, str]) -> tuple[str, ...]:
    """The name of what other libraries call by this word."""
    other = _last_part(word).replace("_", "-")
    known_as = lambda spelling: _ELSEWHERE.get(spelling.replace("_", "-"), ())
    return tuple(name for spelling, name in spellings.items() if other in known_as(spelling))[:1]


def takes(hint: Any, value: Any) -> str:
    """`it takes a whole number, as in 100000`: what a choice of this type takes, in the words of the value if it can.

    `1e5` is the whole number 100000, `90%` is 0.9, `0,9` is 0.9, `100,000` and `100k` are 100000.
    """
    kinds = typing.get_args(hint) or (hint,)  # a number may be None as well
    meant = next((number for kind in kinds if (number := _number_meant(value, kind)) is not None), None)
    return f"it takes {in_words(hint)}" + (f", as in {meant}" if meant is not None else "")


def _number_meant(value: Any, kind: Any) -> str | None:
    """A number of this type, int or float, as it is to be typed; None where the value is none in any spelling."""
    if not isinstance(value, str | float):
        return None
    plain = str(value).strip().casefold()
    if re.fullmatch(r"[-+]?\d{1,3}([,_' ]\d{3})+", plain):
        plain = re.sub(r"[,_' ]", "", plain)
    scale = {"%": 0.01, "k": 1e3, "m": 1e6}.get(plain[-1:], 1.0)
    try:
        number = round(float(plain.rstrip("%km ").replace(",", ".")) * scale, 12)
    except ValueError:
        return None
    if kind is int:
        return str(int(number)) if math.isfinite(number) and number == int(number) else None
    return f"{number:.12g}" if kind is float and math.isfinite(number) else None


def either(names: Iterable[Any]) -> str:
    """Several names in words: a, b or c."""
    *first, last = map(str, names)
    return f"{', '.join(first)} or {last}" if first else last


def in_words(hint: Any) -> str:
    """What a choice of this type takes, in words."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return either(arguments)
    if typing.get_origin(hint) is tuple:
        return _PLURALS.get(arguments[0], "a list")
    if typing.get_origin(hint) in _UNIONS:
        return either(words for kind in arguments for words in (choices_of(kind) or [in_words(kind)]))
    return _IN_WORDS.get(hint, f"a value of type {getattr(hint, '__name__', hint)}")


def choices_of(hint: Any) -> tuple[Any, ...]:
    """The values that a type names one by one: those of a Literal, alone or among alternatives."""
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)
    kinds = typing.get_args(hint) if typing.get_origin(hint) in _UNIONS else ()
    return tuple(value for kind in kinds for value in choices_of(kind))


def _told(field: Field, joint: str) -> str:
    if field.value is ...:
        return field.name
    if isinstance(field.value, tuple | list) and not field.value:
        return f"{field.name}{joint}empty"
    return (
        f"{field.name}{joint}{field.value!r}" if isinstance(field.value, str) else f"{field.name}{joint}{field.value}"
    )


def _plain(name: str) -> str:
    return name.casefold().lstrip("-")


def _last_part(name: str) -> str:
    return name.replace("/", ".").replace(":", ".").rpartition(".")[2]
