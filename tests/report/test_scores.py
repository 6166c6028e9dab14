"""Human-normalized scores: the table's ends, a hand-made aggregate, and what has no score."""

import json
import pathlib

import numpy as np
import pytest

from sparserl.report.scores import SCORES, human_normalized, over_games

GAMES = json.loads((pathlib.Path(__file__).parents[1] / "data" / "expected_counts.json").read_text())[
    "atari_minimal_action_counts"
]
# Wang et al. 2016, typed from its text and not from the table under test.
KNOWN = {"Pong": (-20.7, 14.6), "MsPacman": (307.3, 6951.6), "Qbert": (163.9, 13455.0), "Breakout": (1.7, 30.5)}


def test_all_games_of_the_suite_are_there():
    assert len(SCORES) == 57
    assert set(GAMES) < set(SCORES)
    assert all(scores.human > scores.random for scores in SCORES.values())


@pytest.mark.parametrize("game", GAMES)
def test_random_is_0_and_human_is_1(game):
    assert human_normalized(f"atari:{game}", SCORES[game].random) == 0.0
    assert human_normalized(f"atari:{game}", SCORES[game].human) == 1.0


@pytest.mark.parametrize(("game", "scores"), KNOWN.items())
def test_numbers_of_the_source(game, scores):
    assert SCORES[game] == scores


def test_pong_by_hand():
    assert human_normalized("atari:Pong", 21.0) == pytest.approx(41.7 / 35.3)


@pytest.mark.parametrize("environment", ["CartPole-v1", "Pong", "MinAtar/Breakout-v1", "atari:Adventure"])
def test_what_has_no_human_score(environment):
    assert human_normalized(environment, 1.0) is None


def test_over_games_is_the_interquartile_mean_over_runs_and_games():
    """Scores 0, 1, 2 and 100 of two games: the middle half is 1 and 2."""
    pong, breakout = lambda x: -20.7 + 35.3 * x, lambda x: 1.7 + 28.8 * x
    runs = [("atari:Pong", pong(0)), ("atari:Pong", pong(2)), ("atari:Breakout", breakout(1))]
    assert over_games([*runs, ("atari:Breakout", breakout(100))]) == pytest.approx(1.5)
    assert over_games([]) is None
    assert over_games([*runs, ("MinAtar/Breakout-v1", 5.0)]) is None


def test_names_are_those_of_the_emulator():
    ale_py = pytest.importorskip("ale_py")
    known = {"".join(part.title() for part in name.split("_")) for name in ale_py.roms.get_all_rom_ids()}
    assert set(SCORES) <= known
    assert np.isfinite([*SCORES.values()]).all()
