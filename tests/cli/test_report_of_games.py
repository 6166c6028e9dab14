"""`report` on games of Atari: beside every final return what it is for a human, and one number over all games."""

import pytest

from cli.command import call
from sparserl import persistence
from sparserl.cli.report.text import show
from sparserl.persistence import EVALUATIONS, Status, write_status, write_table
from sparserl.report.runs import read_results
from sparserl.report.selection import everything
from sparserl.study import Study
from sparserl.study.grids import grid
from sparserl.study.storing import store

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


def write(results, environment, method, final_returns, sparsity=0.9, **facts):
    """The finished runs of one experiment, as far as a report looks."""
    ending = "".join(f"-{value}" for value in facts.values())
    identifier = f"dqn-{method}-{environment.replace('/', '-').replace(':', '-')}{ending}"
    named = {"experiment_id": identifier, "method": method, "environment": environment, "sparsity": sparsity, **facts}
    for seed, value in enumerate(final_returns):
        run = results / identifier / f"seed={seed}"
        run.mkdir(parents=True)
        write_table(EVALUATIONS, run, [{**EVALUATION, **named, "seed": seed, "mean_return": value}])
        write_status(run, Status("finished", 2000, final_return=value))


def test_games_have_human_normalized_returns(capsys, tmp_path, undrawn):
    """Pong's random player has -20.7 and its human 14.6; Breakout's 1.7 and 30.5 (Deviation 53)."""
    for game, methods in RETURNS.items():
        for method, final_returns in methods.items():
            write(tmp_path, f"atari:{game}", method, final_returns)
    result = call(capsys, "report", tmp_path)
    assert (result.status, result.err) == (0, "")
    header, _, breakout, dense, rigl, *lines = result.out.splitlines()
    assert header.split()[-1] == "human-normalized"
    assert [row.split()[0] for row in (breakout, dense, rigl)] == ["atari:Breakout", "atari:Pong", "atari:Pong"]
    assert float(breakout.split()[-1]) == float(dense.split()[-1]) == 1.0
    assert float(rigl.split()[-1]) == pytest.approx(0.75)  # of 1 and 0.5
    over = [line for line in lines if "human-normalized" in line]
    assert over == ["dqn rigl 0.9: human-normalized interquartile mean 1 over 2 games"]  # of 0.5, 1, 1, 1, 1; one game


def test_experiments_of_one_name_are_told_apart_and_each_has_its_mean_over_games(capsys, tmp_path, undrawn):
    """ERK and uniform sparsity at 90 %, human and random players' returns."""
    for game, human, random in (("Pong", 14.6, -20.7), ("Breakout", 30.5, 1.7)):
        write(tmp_path, f"atari:{game}", "rigl", (human,), distribution="erk")
        write(tmp_path, f"atari:{game}", "rigl", (random,), distribution="uniform")
    result = call(capsys, "report", tmp_path)
    assert (result.status, result.err) == (0, "")
    for words in ("ERK", "uniform"):
        assert result.out.count(f"dqn rigl 0.9 {words}  ") == 2  # a row for each game
    over = [line for line in result.out.splitlines() if "interquartile" in line]
    assert over == [
        "dqn rigl 0.9 ERK: human-normalized interquartile mean 1 over 2 games",
        "dqn rigl 0.9 uniform: human-normalized interquartile mean 0 over 2 games",
    ]


@pytest.mark.parametrize("fact", [("results_version", 4, 5), ("preset", "paper", "sb3"), ("storage", "masked", "x")])
def test_a_mean_over_games_is_of_one_version_preset_and_storage(capsys, tmp_path, fact):
    name, *values = fact
    human = {"Pong": 14.6, "Breakout": 30.5}
    for game, value in zip(human, values, strict=True):
        write(tmp_path, f"atari:{game}", "rigl", (human[game],), **{name: value})
    assert show_of(capsys, tmp_path) == []
    write(tmp_path, "atari:Breakout", "rigl", (1.7,), **{name: values[0]})
    assert [line.partition(": ")[2] for line in show_of(capsys, tmp_path)] == [
        "human-normalized interquartile mean 0.5 over 2 games"
    ]


def show_of(capsys, directory):
    """The lines over games; nothing is drawn."""
    results = read_results(directory)
    capsys.readouterr()
    show([everything(results)])
    return [line for line in capsys.readouterr().out.splitlines() if "interquartile" in line]


def test_dense_networks_are_called_after_what_a_study_matches_them_with(capsys, tmp_path, undrawn):
    study = Study("mine", "How large?", grid("dqn", environments=("CartPole-v1",), sparsities=(0.9, 0.99)), 1)
    store(tmp_path, study, "smoke")
    for one in study.experiments:
        run = persistence.RunId(one.identifier, 0).folder(tmp_path)
        facts = persistence.read_experiment(run.parent)["facts"]
        named = {"experiment_id": one.identifier, "method": one.method_name, "environment": one.environment}
        row = {**EVALUATION, **named, **facts, "sparsity": one.sparsity, "seed": 0, "mean_return": 1.0}
        write_table(EVALUATIONS, run, [row])
        write_status(run, Status("finished", 2000, final_return=1.0))
    result = call(capsys, "report", tmp_path)
    names = {line.partition("CartPole-v1 ")[2].partition("  ")[0].strip() for line in result.out.splitlines()}
    dense = {"dqn dense 0", "dqn dense 0 sized as 90 %", "dqn dense 0 sized as 99 %"}
    assert {name for name in names if "dense" in name} == dense
    assert {"dqn rigl 0.9", "dqn prune 0.99"} < names
    path = tmp_path / "studies" / "mine@smoke" / "study.json"
    path.write_text(path.read_text().replace("How large?", "How long?"))
    told = call(capsys, "report", tmp_path)
    assert f"{path} is damaged" in told.err
    assert "dqn dense 0 sized as 90 %" in told.out  # as their sizes tell


def test_other_environments_have_none(capsys, tmp_path, undrawn):
    write(tmp_path, "MinAtar/Breakout-v1", "rigl", (3.0, 4.0))
    result = call(capsys, "report", tmp_path)
    assert (result.status, result.err) == (0, "")
    assert "human" not in result.out
