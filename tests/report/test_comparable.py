"""Which policies are compared under noise, on numbers whose answer can be seen."""

from sparserl.report.comparable import comparable, reference_score

SCORES = {
    "dense": {"a": 20.0, "b": 12.0, "c": 9.5, "d": 3.0},
    "RigL": {"e": 10.0, "f": 8.0, "g": -5.0},
    "SET": {"h": 30.0},
}


def test_the_reference_is_reached_by_the_best_of_every_group():
    assert reference_score(SCORES) == 10.0  # RigL's best is the lowest of 20, 10 and 30


def test_the_nearest_of_each_group_are_chosen():
    assert comparable(SCORES) == {"dense": ("c", "b", "d"), "RigL": ("e", "f", "g"), "SET": ("h",)}
    assert comparable(SCORES, most_policies=1) == {"dense": ("c",), "RigL": ("e",), "SET": ("h",)}


def test_of_equally_near_ones_the_better_then_the_first_is_taken():
    scores = {"one": {"low": 8.0, "high": 12.0, "again": 12.0}, "other": {"only": 10.0}}
    assert comparable(scores, 2)["one"] == ("high", "again")


def test_groups_without_policies_are_left_out():
    assert comparable({"one": {}, "other": {"only": 1.0}}) == {"other": ("only",)}
    assert comparable({"one": {}}) == {}
