"""A UserError is data: its line, its fields named from where one stands, its way through a pickle."""

import pickle
import typing
from pathlib import Path
from typing import Literal

import pytest

from sparserl.errors import DiskFull, Field, UserError, choices_of, either, in_words, nearest, renaming, takes, within


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("no such folder"), "no such folder"),
        (UserError(), ""),
        (UserError("it must be at least 1", field="total_steps", value=0), "total_steps is 0: it must be at least 1"),
        (UserError("give one", field="sizes", value=()), "sizes is empty: give one"),
        (UserError("give one", field="name", value=""), "name is '': give one"),
        (UserError("it may not be None", field="name", value=None), "name is None: it may not be None"),
        (UserError("it is missing", field="name"), "name: it is missing"),
        (
            UserError(field="kind", value="bar", allowed=("line", "bars")),
            "kind is 'bar': choose line or bars; did you mean 'bars'?",
        ),
        (
            UserError("it has none", field="kind", value="pie", allowed=("line", "bars", "dots")),
            "kind is 'pie': it has none; choose line, bars or dots",
        ),
        (
            UserError("unknown command 'runn'", value="runn", allowed=("run", "plan")),
            "unknown command 'runn': choose run or plan; did you mean 'run'?",
        ),
        (
            UserError("there is no such run", field="run", value="abc1", names=("abc2", "abc3", "xyz")),
            "run is 'abc1': there is no such run; did you mean 'abc3' or 'abc2'?",
        ),
        (
            UserError("lower ", Field("warmup"), " or choose ", Field("huber", False), field="steps", value=1),
            "steps is 1: lower warmup or choose huber=False",
        ),
    ],
)
def test_its_line(error, line):
    assert str(error) == line


def test_its_data():
    error = UserError("no", field="kind", value="bar", allowed=("line", "bars"))
    assert (error.field, error.value, error.allowed, error.nearest) == ("kind", "bar", ("line", "bars"), ("bars",))
    assert (UserError("no").field, UserError("no").value) == (None, ...)


def test_each_place_adds_its_name():
    with pytest.raises(UserError) as caught, within("method"), within("window"):
        raise UserError(
            "between ", Field("start"), " and the end of ", Field("steps", outer=True), field="stop", value=2
        )
    assert caught.value.field == "method.window.stop"
    assert str(caught.value) == "method.window.stop is 2: between method.window.start and the end of steps"


def test_a_place_leaves_other_mistakes_alone():
    with pytest.raises(UserError, match=r"^no such folder$"), within("agent"):
        raise UserError("no such folder")
    with pytest.raises(ValueError, match=r"^another$"), within("agent"):
        raise ValueError("another")


def test_words_that_look_like_fields_stay():
    with pytest.raises(UserError) as caught, renaming(lambda field: Field(f"--{field.name}")):
        raise UserError("batch_size is a folder", field="batch_size", value="batch_size")
    assert str(caught.value) == "--batch_size is 'batch_size': batch_size is a folder"


def test_places_in_files_are_told_in_front_and_leave_the_data():
    error = UserError("no", field="steps", value=0)
    error.locate("experiments[3]")
    error.locate("mine.py:7")
    assert (str(error), error.field) == ("mine.py:7: experiments[3]: steps is 0: no", "steps")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("kind", [UserError, DiskFull])
def test_it_survives_a_pickle(kind):
    error = kind("lower ", Field("warmup", 3), field="steps", value=0.5, allowed=("1", "2"), names=("a",))
    with pytest.raises(kind) as caught, within("agent"):
        raise error
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is kind
    assert str(copy) == str(error) == "agent.steps is 0.5: lower agent.warmup=3; choose 1 or 2"
    assert vars(copy) == vars(error)
    assert pickle.loads(pickle.dumps(UserError("no"))).value is ...


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("pong", ("Pong",)),
        ("batch_size", ("agent.batch_size",)),
        ("agent.batchsize", ("agent.batch_size",)),
        ("network.widht", ("network.width",)),
        ("--batch_siz", ("agent.batch_size",)),
        ("hiden_1", ("q/hidden_1",)),
        ("zzzzzz", ()),
        (3, ()),
    ],
)
def test_the_nearest_name(word, near):
    names = ["Pong", "agent.batch_size", "agent.discount", "network.width", "q/hidden_1", "q/output"]
    assert nearest(word, names) == near


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("--seeds", ("--num-seeds",)),  # and not --seed, which is more like it
        ("--seed", ("--seed",)),
        ("n_seeds", ("--num-seeds",)),
        ("--lr", ("--optimizer.learning-rate",)),
        ("--env", ("--environment",)),
        ("--envir", ("--environment",)),
        ("--gamma", ()),  # there is no discount here
        ("en", ()),
    ],
)
def test_what_other_libraries_call_it_and_beginnings_of_names(word, near):
    names = ["--environment", "--seed", "--num-seeds", "--optimizer.learning-rate", "--total-steps"]
    assert nearest(word, names) == near


@pytest.mark.parametrize(
    ("hint", "value", "words"),
    [
        (int, "1e5", "it takes a whole number, as in 100000"),
        (int, "100k", "it takes a whole number, as in 100000"),
        (int, "1,000,000", "it takes a whole number, as in 1000000"),
        (int, 1e5, "it takes a whole number, as in 100000"),
        (int, "5.5", "it takes a whole number"),
        (int, True, "it takes a whole number"),
        (float, "90%", "it takes a number, as in 0.9"),
        (float, "0,95", "it takes a number, as in 0.95"),
        (float, "nan", "it takes a number"),
        (float, "%", "it takes a number"),
        (int | None, "2e3", "it takes a whole number or None, as in 2000"),
        (Literal["a", "b"], "1e5", "it takes a or b"),
    ],
)
def test_numbers_in_other_spellings_are_told_as_they_are_to_be_typed(hint, value, words):
    assert takes(hint, value) == words


def test_a_whole_name_is_nearer_than_a_last_part():
    assert nearest("width", ["network.width", "width", "critic.width"]) == ("width",)


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "a whole number"),
        (Path, "a path"),
        (float | None, "a number or None"),
        (tuple[int, ...], "a list of whole numbers"),
        (Literal["a", "b", "c"], "a, b or c"),
        (typing.Optional[Literal["a", "b"]], "a, b or None"),  # noqa: UP045
        (Field, "a value of type Field"),
    ],
)
def test_types_in_words(hint, words):
    assert in_words(hint) == words


def test_choices_that_a_type_names():
    assert choices_of(Literal["a", "b"]) == choices_of(typing.Optional[Literal["a", "b"]]) == ("a", "b")  # noqa: UP045
    assert choices_of(int) == choices_of(float | None) == choices_of(tuple[int, ...]) == ()


def test_either():
    assert [either(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a or b", "a, b or c"]
