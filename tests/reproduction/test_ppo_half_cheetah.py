"""Paths through a network, and that what its page says of them and of SET that moves follows from what is kept."""

import csv
import json

import numpy as np
import pytest
import scipy.stats
from scripts_of import REPRODUCTION, scripts_of

PLACE = REPRODUCTION / "ppo_half_cheetah"
PAGE = " ".join((PLACE / "README.md").read_text().split())


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    with scripts_of("ppo_half_cheetah", tmp_path_factory.mktemp("scripts")) as modules:
        yield modules.paths


def test_inputs_and_outputs_count_where_a_path_joins_them(paths):
    """Inputs 0 and 2 reach unit 1, which goes on to output 2; input 1 ends in unit 0, output 0 begins in unit 2."""
    first, second = np.zeros((3, 3)), np.zeros((3, 4))
    first[0, 1] = first[2, 1] = first[1, 0] = -0.5
    second[1, 2] = second[2, 0] = 2.0
    assert paths.reach([first, second]) == (2, 1)
    second[1, 2] = 0
    assert paths.reach([first, second]) == (0, 0)


def test_masks_are_drawn_with_as_many_live_weights_each_as_likely(paths):
    generator = np.random.default_rng(0)
    masks = np.array([paths.drawn(generator, (4, 5), 3) for _ in range(2_000)])
    assert set(masks.sum(axis=(1, 2))) == {3}
    assert masks.mean(axis=0) == pytest.approx(np.full((4, 5), 3 / 20), abs=0.04)


def test_the_page_has_what_is_drawn_and_what_runs_ended_with(paths):
    assert all(row in PAGE for row in paths.of_random())
    ends = {}
    for row in _rows("paths.csv"):
        ends.setdefault((row["method"], row["sparsity"]), []).append((row[_OBSERVATIONS], row[_ACTIONS]))
    assert len(ends) == 12
    assert all(ends["static", sparsity] == ends["set", sparsity] for sparsity in ("0.9", "0.95", "0.99"))
    for method, name in (("static", "static, and SET"), ("rigl", "RigL"), ("prune", "pruned")):
        observations, actions = (", ".join(side) for side in zip(*ends[method, "0.99"], strict=True))
        assert f"| {name} | 99 % | {observations} | {actions} |" in PAGE


def test_the_page_and_the_verdict_have_what_set_that_moves_returns():
    moves = np.array([float(row["final_return"]) for row in _rows("set_that_moves.csv")])
    rigl, small = _final_returns("rigl", 0.99), _final_returns("dense", 0.0, (6, 6))
    assert f"returns are {_interval(moves)}: RigL's are {_interval(rigl)}, " in PAGE
    assert f"of as many parameters {_interval(small)}." in PAGE
    verdict = " ".join((REPRODUCTION / "README.md").read_text().split())
    assert f"returns are {_interval(moves)}. By pairs of seeds that is {_interval(rigl - moves)} below RigL" in verdict
    assert f"and {_interval(small - moves)} below the dense network of as many parameters" in verdict
    reached = [(int(row[_OBSERVATIONS]), int(row[_ACTIONS])) for row in _rows("set_that_moves.csv")]
    (fewest, most), (least, all_of_them) = ((min(side), max(side)) for side in zip(*reached, strict=True))
    assert f"{fewest} to {most} observations reach {least} to {all_of_them} actions in the end" in PAGE


_OBSERVATIONS, _ACTIONS = "observations_that_reach_an_action", "actions_reached"


def _rows(name):
    with (PLACE / name).open() as file:
        return list(csv.DictReader(file))


def _final_returns(method, sparsity, hidden_units=(64, 64)):
    """Those of the runs that are kept, by seed; read without the code that wrote the page."""
    for folder in (PLACE / "results").glob(f"ppo-{method}-*"):
        choices = json.loads((folder / "experiment.json").read_text())["choices"]
        if choices["sparsity"] == sparsity and tuple(choices["network"]["hidden_units"]) == hidden_units:
            ends = [json.loads((folder / f"seed={seed}/status.json").read_text()) for seed in range(5)]
            return np.array([end["final_return"] for end in ends])
    raise AssertionError(f"no {method} at {sparsity}")


def _interval(values):
    low, high = scipy.stats.ttest_1samp(values, 0).confidence_interval()
    return f"{values.mean():,.0f} ({low:,.0f} to {high:,.0f})"
