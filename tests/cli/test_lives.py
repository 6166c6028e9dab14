"""Whatever a command does, as few environments are made as it takes, and each of them is closed."""

import collections
import contextlib
import io
import json

import pytest

import counted_environments
from cli.command import TINY, call
from sparserl import environments
from sparserl.cli import main
from sparserl.experiment import build, environment, from_preset, plan, run
from sparserl.types import UserError

NAME = "counted_environments:Talks-v0"
NUM_EPISODES = 24  # three turns of eight
WORDS = ["dqn", "static", "--environment", NAME, *TINY[:-1], str(NUM_EPISODES)]


@pytest.fixture(autouse=True)
def lives(monkeypatch):
    """Nothing is known of any environment yet; what has become of those of this process."""
    monkeypatch.setattr(environment, "_shown", {})
    monkeypatch.setattr(environment, "_looked", {})
    monkeypatch.setattr(plan, "_plans", {})
    counted_environments.lives.clear()
    return counted_environments.lives


def made(lives):
    """How many there were, all of them closed."""
    counts = collections.Counter(what for what, _ in lives)
    assert counts["made"] == counts["closed"]
    return counts["made"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What `train --json` answers, the results directory, and the lives in each process."""
    results = tmp_path_factory.mktemp("lives")
    out, file = io.StringIO(), results / "lives.txt"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(counted_environments.LIVES, str(file))
        patch.setattr(environment, "_shown", {})
        patch.setattr(environment, "_looked", {})
        patch.setattr(plan, "_plans", {})
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            assert main(["train", *WORDS, "--output", str(results), "--json"]) == 0
    return json.loads(out.getvalue()), results, [line.split() for line in file.read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.processes
def test_training_makes_those_that_it_says_and_hears_them_in_its_log(trained):
    answer, results, lives = trained
    assert answer["seeds"][0]["status"] == "finished"
    counts = collections.Counter((process, what) for what, process in lives)
    by_process = {process: counts[process, "made"] for process, _ in counts}
    assert counts == {(process, what): n for process, n in by_process.items() for what in ("made", "closed")}
    assert sorted(by_process.values()) == [1, 1 + 8]  # the command itself looks at one
    [log] = results.glob("*/seed=0/log.txt")
    heard = log.read_text()
    assert "sparserl: environments made: 1 for training, 8 for evaluation" in heard
    for voice in ("python at import", "program at construction", "bar at thread", "c at step", "descriptor at close"):
        assert voice in heard


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("words", [["--num-episodes", "60"], ["--observation-noise", "0,0.5"]])
def test_evaluation_makes_a_bounded_number(capsys, trained, lives, words):
    answer, results, _ = trained
    run = f"{answer['experiment_id']}/seed=0"
    result = call(capsys, "evaluate", run, "--output", results, "--json", *words)
    assert result.document()["rows"][0]["num_episodes"] == (60 if "60" in words else NUM_EPISODES)
    assert made(lives) == (10 if "60" in words else 8)
    assert "python at close" in result.err


def test_a_description_makes_one_and_says_how_many_a_run_makes(capsys, lives):
    described = call(capsys, "describe", *WORDS)
    assert "environments that a run makes: 1 for training, 8 for evaluation" in described.out
    assert made(lives) == 1


def test_refused_choices_leave_none_open(capsys, lives):
    assert call(capsys, "describe", "sac", "static", "--environment", NAME).status == 2
    assert call(capsys, "describe", "dqn", "static", "--environment", "counted_environments:Refused-v0").status == 2
    assert made(lives) == 2


def test_a_study_looks_at_each_environment_once(capsys, lives, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from sparserl.study import Study\n"
        "from sparserl.study.grids import grid\n"
        "import mine_too\n"
        "def study(scale):\n"
        "    fields = dict(methods=['static', 'set'], environments=[mine_too.NAME], sparsities=[0.5, 0.9])\n"
        "    return Study('mine', 'What lives?', grid('dqn', **fields), num_seeds=1)\n"
    )
    (tmp_path / "mine_too.py").write_text(f"NAME = {NAME!r}\nprint('imported')\n")
    planned = call(capsys, "study", "plan", tmp_path / "mine.py", "--no-calibration", "--output", tmp_path, "--json")
    assert planned.document()["num_experiments"] >= 4
    assert "imported" in planned.err
    assert made(lives) == 1


def test_the_list_of_environments_leaves_none_open(capsys, lives, monkeypatch):
    names = (NAME, "counted_environments:Refused-v0", "CartPole-v1")
    monkeypatch.setattr(environments, "environment_names", lambda: names)
    listed = call(capsys, "environments", "--json").document()["environments"]
    assert [row["name"] for row in listed] == [NAME, "CartPole-v1"]
    assert made(lives) == 2


def tiny(name, **choices):
    widths = {"network.hidden_units": (8, 8), "total_steps": 400, "agent.warmup_steps": 100}
    return from_preset("dqn", "dense", f"counted_environments:{name}-v0", **widths, **choices)


def test_a_build_looks_at_none_but_its_own_and_closes_them_where_it_fails(lives):
    build(tiny("Counted", **{"evaluation.num_episodes": 35})).close()
    assert made(lives) == 1 + 9
    lives.clear()
    with pytest.raises(UserError, match="only one of them"):
        build(tiny("Fails"))  # that of training is there already
    assert made(lives) == 1


@pytest.mark.slow
def test_a_run_that_breaks_or_is_left_closes_its_own(lives):
    with pytest.raises(UserError, match="the arm fell off"):
        list(run(tiny("Breaks", **{"evaluation.num_episodes": 3}), 0))
    assert made(lives) == 1 + 3 + 3  # what fails when it is tried is made anew for an evaluation
    lives.clear()
    reports = run(tiny("Counted", **{"evaluation.num_episodes": 3}), 0)
    next(reports)
    reports.close()
    assert made(lives) == 1 + 3
