"""Benchmarks over seeds: programs take turns, and what they cost is told round by round."""

import json

import pytest

from benchmarks import turns


def test_programs_take_turns_and_ratios_are_those_of_a_round(capsys):
    """Dense takes 1, 2 and 3 seconds, RigL 2, 2 and 12: the median of ratios is 2, that of times would give 1."""
    order, now, takes = [], [0.0], {"dense": [1.0, 2.0, 3.0], "rigl": [2.0, 2.0, 12.0]}

    def program(name):
        order.append(name)
        now[0] += takes[name][order.count(name) - 1]

    programs = {name: (lambda name=name: program(name)) for name in takes}
    seconds = turns.seconds_in_turn(programs, 3, clock=lambda: now[0])
    assert (seconds, order) == (takes, ["dense", "rigl"] * 3)
    assert turns.over_dense(seconds, "rigl") == [2.0, 1.0, 4.0]
    assert turns.median_over_dense(seconds, "rigl") == 2.0
    turns.print_json([{"a": 1}], task="cartpole")
    document = json.loads(capsys.readouterr().out)
    assert (document["task"], document["rows"]) == ("cartpole", [{"a": 1}])
    assert document["device"]


def test_options_of_all_benchmarks_over_seeds(capsys):
    parser = turns.parser_of("what", "updates", 640, repeats=7)
    found = parser.parse_args(["--seeds", "2", "3"])
    assert (found.seeds, found.updates, found.repeats, found.json) == ([2, 3], 640, 7, False)
    with pytest.raises(SystemExit):
        parser.parse_args(["--repeats", "0"])
    assert "'0' is no whole number of at least 1" in capsys.readouterr().err
