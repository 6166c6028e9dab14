"""Options from dataclasses: a mistake is named by the option of the very field that is wrong, from data alone."""

import dataclasses
import os
from typing import Annotated, Literal

import pytest
import tyro

from sparserl.cli.arguments import in_options, options_of, parse, wide_enough
from sparserl.errors import Field, UserError


@dataclasses.dataclass(frozen=True)
class Net:
    """Nested twice below, so that its type does not tell where it is."""

    num_units: int = 8
    squash: bool = True

    def __post_init__(self) -> None:
        if self.num_units < 1:
            raise UserError(
                "at least 1, or choose ",
                Field("squash", False),
                " and ",
                Field("speed", "slow", outer=True),
                field="num_units",
                value=self.num_units,
            )


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two networks."""

    actor: Net = Net()
    critic: Net = Net(16)


@dataclasses.dataclass(frozen=True)
class Choices:
    """What a command is told; `what_speed` is called otherwise on the command line."""

    pair: Pair = Pair()
    speed: Literal["slow", "fast"] | None = "fast"
    what_seed: Annotated[int, tyro.conf.arg(name="seed")] = 0
    widths: tuple[int, ...] = (3, 4)

    def __post_init__(self) -> None:
        if self.what_seed < 0:
            raise UserError("not below 0", field="what_seed", value=self.what_seed)


def read(*words):
    return parse(Choices(), words, "program", "What it does.")


def test_words_become_nested_values():
    assert read() == Choices()
    words = (
        "--pair.critic.num-units",
        "5",
        "--pair.actor.no-squash",
        "--seed",
        "3",
        "--widths",
        "1",
        "--speed",
        "None",
    )
    assert read(*words) == Choices(Pair(Net(squash=False), Net(5)), None, 3, (1,))


def test_every_field_has_its_option():
    assert {name: option.name for name, option in options_of(Choices()).items()} == {
        "pair.actor.num_units": "--pair.actor.num-units",
        "pair.actor.squash": "--pair.actor.squash",
        "pair.critic.num_units": "--pair.critic.num-units",
        "pair.critic.squash": "--pair.critic.squash",
        "speed": "--speed",
        "what_seed": "--seed",
        "widths": "--widths",
    }


@pytest.mark.parametrize("which", ["actor", "critic"])
def test_a_nested_mistake_names_its_own_option_and_those_beside_it(which):
    with pytest.raises(UserError) as caught:
        read(f"--pair.{which}.num-units", "0")
    assert (caught.value.field, caught.value.value) == (f"--pair.{which}.num-units", 0)
    advice = f"at least 1, or choose --pair.{which}.no-squash and --speed slow"
    assert str(caught.value) == f"--pair.{which}.num-units is 0: {advice}"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--seed", "-1"], "--seed is -1: not below 0"),
        (["--seed"], "--seed needs a value: a whole number"),
        (["--seed", "x"], "--seed is 'x': it takes a whole number"),
        (["--widths", "1", "x"], "--widths is '1 x': it takes a list of whole numbers"),
        (["--speed", "fsat"], "--speed is 'fsat': it takes slow, fast or None; did you mean 'fast'?"),
        (["--num-unit", "3"], "unknown option --num-unit; did you mean '--pair.critic.num-units'?"),
        (["--zzz"], "unknown option --zzz; `program --help` lists all options"),
        (["--seed", "1", "2"], "unexpected word '2': --seed takes one value; `program --help` lists all options"),
        (["5"], "unexpected word '5': options begin with --; `program --help` lists all options"),
    ],
)
def test_mistakes_in_words(words, line):
    with pytest.raises(UserError) as caught:
        read(*words)
    assert str(caught.value) == line


def test_what_is_no_field_stays_as_it_is_written():
    known = options_of(Choices())
    for error in (UserError("what_seed is what it is"), UserError("speed", field="weather", value="what_seed")):
        line = str(error)
        with pytest.raises(UserError) as caught, in_options(known):
            raise error
        assert str(caught.value) == line


@pytest.mark.parametrize(("given", "inside"), [("1", "40"), ("39", "40"), ("41", "41"), ("200", "200")])
def test_terminals_too_narrow_for_words_are_taken_for_wider_ones(given, inside, monkeypatch):
    monkeypatch.setenv("COLUMNS", given)
    with wide_enough():
        assert os.environ["COLUMNS"] == inside
    assert os.environ["COLUMNS"] == given
