"""`report` on games of Atari: beside every final return what it is for a human, and one number over all games."""

import pytest

from cli.command import call
from sparserl.persistence import EVALUATIONS, Status, write_status, write_table

RETURNS = {"Pong": {"rigl": (14.6, -3.05), "dense": (14.6,)}, "Breakout": {"rigl": (30.5, 30.5, 30.5)}}
EVALUATION = {
    "agent": "dqn",
    "environment_steps": 2000,
    "num_updates": 1000,
    "standard_deviation": 0.0,
    "num_episodes": 1,
    "minimum_return": 0.0,
    "maximum_return": 0.0,
    "mean_length_steps": 9.0,
    "live_density": 1.0,
    "seconds": 1.0,
}


def write(results, environment, method, final_returns):
    """The finished runs of one experiment, as far as a report looks."""
    identifier = f"dqn-{method}-{environment.replace('/', '-').replace(':', '-')}"
    named = {"experiment_id": identifier, "method": method, "environment": environment, "sparsity": 0.9}
    for seed, value in enumerate(final_returns):
        run = results / identifier / f"seed={seed}"
        run.mkdir(parents=True)
        write_table(EVALUATIONS, run, [{**EVALUATION, **named, "seed": seed, "mean_return": value}])
        write_status(run, Status("finished", 2000, final_return=value))


def test_games_have_human_normalised_returns(capsys, tmp_path):
    """Pong's random player has -20.7 and its human 14.6; Breakout's 1.7 and 30.5 (Deviation 53)."""
    for game, methods in RETURNS.items():
        for method, final_returns in methods.items():
            write(tmp_path, f"atari:{game}", method, final_returns)
    result = call(capsys, "report", tmp_path)
    assert (result.status, result.err) == (0, "")
    header, _, breakout, dense, rigl, *lines = result.out.splitlines()
    assert header.split()[-1] == "human-normalised"
    assert [row.split()[0] for row in (breakout, dense, rigl)] == ["atari:Breakout", "atari:Pong", "atari:Pong"]
    assert float(breakout.split()[-1]) == float(dense.split()[-1]) == 1.0
    assert float(rigl.split()[-1]) == pytest.approx(0.75)  # of 1 and 0.5
    over = [line for line in lines if "human-normalised" in line]
    assert over == ["dqn rigl 0.9: human-normalised interquartile mean 1 over 2 games"]  # of 0.5, 1, 1, 1, 1; one game


def test_other_environments_have_none(capsys, tmp_path):
    write(tmp_path, "MinAtar/Breakout-v1", "rigl", (3.0, 4.0))
    result = call(capsys, "report", tmp_path)
    assert (result.status, result.err) == (0, "")
    assert "human" not in result.out
