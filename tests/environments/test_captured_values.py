"""Values of Python's library in snapshots: each comes back as it was, iterators where they were."""

import array
import collections
import datetime
import decimal
import enum
import fractions
import functools
import gc
import itertools
import json
import logging
import math
import operator
import random
import types
import uuid
import weakref

import gymnasium
import jax
import numpy as np
import pytest

from sparserl.environments import HostEnvironment, Snapshot


class Grid(list):
    """A list with more to it."""


class Table(dict):
    __slots__ = ("title",)


class Flags(enum.Flag):
    LEFT = 1
    RIGHT = 2


class Holder(gymnasium.Env):
    """Holds one thing."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, thing):
        self.thing = thing

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}


def restored(thing, there=None):
    """The thing after a snapshot of it has been through JSON, in an environment that held `there`."""
    things = [thing, there]
    gymnasium.register("Holding-v0", lambda: Holder(things.pop(0)))
    try:
        source, target = (HostEnvironment("Holding-v0", 1) for _ in range(2))
    finally:
        del gymnasium.registry["Holding-v0"]
    source.reset(jax.random.key(0))
    document, arrays = source.snapshot()
    assert all(values.dtype.kind in "biuf" and values.ndim == 1 for values in arrays.values())
    target.restore(Snapshot(json.loads(json.dumps(document, allow_nan=False)), arrays))
    return target._environments[0].unwrapped.thing


VALUES = [
    *(1 + 2j, complex("nan"), decimal.Decimal("-0.10"), decimal.Decimal("sNaN1"), fractions.Fraction(1, 3)),
    *(range(3, 9, 2), slice(1, None, 2), uuid.UUID(int=5), bytearray(b"ab"), array.array("d", [1, 2]), 2 + 3j),
    *(datetime.date(2020, 1, 2), datetime.timedelta(3, 4, 5), datetime.time(1, 2)),
    datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    *(
        np.array(["a", "bcd"]),
        np.array([b"a"]),
        np.array(["2020-01-01"], "M8[D]"),
        np.array([1 + 1j]),
        np.zeros(0, "U0"),
    ),
    *(
        np.datetime64("2020-01-01"),
        np.timedelta64(3, "s"),
        np.str_("x"),
        np.str_(""),
        np.bytes_(b"y"),
        np.complex64(1j),
    ),
    *(np.longdouble(1) / 3, np.array([1], np.longdouble) / 3),
    np.array([(1, "a", (1.5, 2.5))], [("x", "i4"), ("y", "U3"), ("z", "f4", (2,))])[::-1],
    *(np.dtype([("x", "f4", (2,))]), np.dtype("U3"), np.array([["a", None], [{1: 2}, "b"]], object, order="F")),
    *(collections.OrderedDict(b=1, a=2), collections.Counter("aab"), types.SimpleNamespace(a=1, b=[2])),
    *(collections.defaultdict(list, {1: [2]}), collections.defaultdict(None, {})),
    *(math, np, len, max, operator.add, collections.OrderedDict, Flags.LEFT | Flags.RIGHT, Flags.LEFT),
    *(random.random, np.random.normal, random._inst, np.random.mtrand._rand, logging.getLogger("a.b")),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__} {value!r}"[:30])
def test_a_value_comes_back(value):
    again = restored(value)
    assert type(again) is type(value)
    if isinstance(value, np.ndarray):
        assert (again.dtype, again.shape, again.strides) == (value.dtype, value.shape, value.strides)
    assert repr(again) == repr(value)


@pytest.mark.parametrize("value", [json.dumps, json.JSONDecoder, functools.reduce, json])
def test_what_other_packages_define_comes_back_where_it_is_there_already(value):
    assert restored([value], [value]) == [value]


ITERATORS = {
    "list": lambda: iter([1, 2, 3, 4]),
    "tuple": lambda: iter((1, 2, 3, 4)),
    "text": lambda: iter("abcd"),
    "dict": lambda: iter({1: 2, 3: 4, 5: 6}),
    "values": lambda: iter({1: 2, 3: 4, 5: 6}.values()),
    "items": lambda: iter({1: 2, 3: 4, 5: 6}.items()),
    "set": lambda: iter({1, 2, 3}),
    "range": lambda: iter(range(9)),
    "long range": lambda: iter(range(2**70)),
    "deque": lambda: iter(collections.deque([1, 2, 3])),
    "backwards": lambda: reversed([1, 2, 3]),
    "enumerate": lambda: enumerate("abcd"),
    "zip": lambda: zip([1, 2, 3], "abc", strict=False),
    "map": lambda: map(abs, [-1, -2, -3]),
    "filter": lambda: filter(None, [1, 0, 2, 3]),
    "count": lambda: itertools.count(2.5, 0.5),
    "cycle": lambda: itertools.cycle([1, 2, 3]),
    "chain": lambda: itertools.chain([1, 2], (3, 4)),
    "chain of chains": lambda: itertools.chain.from_iterable([[1], [2, 3]]),
    "repeat": lambda: itertools.repeat("a", 4),
    "islice": lambda: itertools.islice(itertools.count(), 1, 9, 2),
    "accumulate": lambda: itertools.accumulate([1, 2, 3]),
    "product": lambda: itertools.product([1, 2], [3, 4]),
    "permutations": lambda: itertools.permutations([1, 2, 3]),
    "starmap": lambda: itertools.starmap(max, [(1, 2), (3, 4), (5, 6)]),
}


@pytest.mark.parametrize("steps", [0, 1, 2])
@pytest.mark.parametrize("name", ITERATORS)
def test_an_iterator_goes_on_where_it_was(name, steps):
    iterator = ITERATORS[name]()
    for _ in range(steps):
        next(iterator)
    again = restored(iterator)
    assert list(itertools.islice(again, 9)) == list(itertools.islice(iterator, 9))


def test_a_cycle_in_its_second_round_goes_on_where_it_was():
    cycle = itertools.cycle("abc")
    for _ in range(5):
        next(cycle)
    assert [next(restored(cycle)) for _ in range(2)] == ["c", "c"]


def test_an_iterator_still_reads_from_the_list_that_is_an_attribute():
    numbers = [1, 2]
    iterator = iter(numbers)
    next(iterator)
    again_numbers, again = restored([numbers, iterator])
    again_numbers.append(3)
    assert list(again) == [2, 3]


def test_classes_that_extend_containers_keep_both_their_content_and_their_attributes():
    grid, table, queue = Grid([1, [2]]), Table(a=1), collections.deque([1, 2], maxlen=2)
    grid.whole, table.title = grid, "T"
    again, again_table, again_queue, again_default = restored([grid, table, queue, collections.defaultdict(list)])
    assert (type(again), list(again), again.whole) == (Grid, [1, [2]], again)
    assert (type(again_table), again_table, again_table.title) == (Table, {"a": 1}, "T")
    again_queue.append(3)
    assert list(again_queue) == [2, 3]
    assert again_default["new"] == []


def test_methods_and_partial_functions_belong_to_what_they_belonged_to():
    numbers, generator = [1], np.random.default_rng(3)
    append, draw, add = numbers.append, generator.normal, functools.partial(operator.add, 3)
    again, again_append, again_draw, again_add = restored([numbers, append, draw, add])
    again_append(2)
    assert again == [1, 2]
    assert again_draw(size=3).tolist() == generator.normal(size=3).tolist()
    assert again_add(4) == 7


def test_weak_references_refer_again():
    class_of = Grid([1])
    gone = weakref.ref(Grid())
    gc.collect()
    strong, weak, dead = restored([class_of, weakref.ref(class_of), gone])
    assert weak() is strong
    assert dead() is None


@pytest.mark.parametrize("thing", [np.array([None, 1], object)[::2], memoryview(b"ab"), (x for x in "ab")])
def test_what_is_still_refused(thing):
    with pytest.raises(Exception, match="cannot be captured exactly"):
        restored(thing)
