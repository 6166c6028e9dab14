"""What is said of stops: before a run begins what they will cost, and at the end what they have cost."""

import gymnasium
import pytest

import stateful_environments
from cli.command import TINY, call
from sparserl import persistence
from sparserl.cli import goings_on
from sparserl.experiment import from_preset
from sparserl.persistence import Status

WHY = "environment 'X' cannot be captured exactly: its attribute 'a.b' is of type lock"


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "results" / "experiment" / "seed=3"
    folder.mkdir(parents=True)
    return folder


def test_what_a_stop_costs_names_the_attribute_and_what_is_kept():
    experiments = [
        from_preset("dqn", "static", f"stateful_environments:{name}-v0") for name in ("Locked", "Curriculum")
    ]
    lines = goings_on.costs([*experiments, from_preset("dqn", "static", "CartPole-v1")])
    assert list(lines) == ["stateful_environments:Locked-v0"]
    [line] = lines.values()
    assert "its attribute 'environments[0].env.lock' is of type _thread.lock" in line
    assert "goes on from its last checkpoint with fresh episodes" in line
    [line] = goings_on.costs(experiments, "exact").values()
    assert "begins anew, from step 0" in line


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        (Status("interrupted", 500, goes_on="exact", checkpoint_steps=500), []),
        (Status("interrupted", 0, goes_on="anew"), []),
        (Status("interrupted", 500, goes_on="anew"), ["seed=3 begins anew: the 500 steps of its training are lost"]),
        (Status("interrupted", 500, goes_on="exact"), ["seed=3 begins anew: the 500 steps of its training are lost"]),
        (
            Status("interrupted", 1_500, goes_on="fresh-episode", checkpoint_steps=1_400),
            ["seed=3 goes on from step 1,400, 100 steps back, with fresh episodes: not to the same bits"],
        ),
    ],
)
def test_what_a_stop_has_cost(run, status, lines):
    persistence.write_status(run, status)
    assert list(goings_on.inexact({run: 3})) == lines


def test_what_a_trial_has_shown_is_told_once(run):
    notices = goings_on.Notices([])
    assert notices.of(run) is None
    persistence.write_status(run, Status("running", 5))
    assert notices.of(run) is None
    persistence.write_status(run, Status("running", 10, goes_on="fresh-episode", obstacle=WHY))
    assert notices.of(run).startswith(f"{WHY}; a run that is stopped or killed goes on from its last checkpoint")
    assert notices.of(run) is None
    assert goings_on.Notices([goings_on.cost(WHY, "fresh-episode")]).of(run) is None


def test_describe_says_it_too(capsys):
    words = ["dqn", "static", "--environment", "stateful_environments:Locked-v0", *TINY]
    shown = call(capsys, "describe", *words)
    assert "environments[0].env.lock" in shown.out
    document = call(capsys, "describe", *words, "--json").document()
    assert document["stops"].startswith("environment 'stateful_environments:Locked-v0' cannot be captured exactly")
    exact = ["dqn", "static", "--environment", "stateful_environments:Curriculum-v0", *TINY, "--json"]
    assert call(capsys, "describe", *exact).document()["stops"] is None


def test_a_way_of_going_on_that_is_misspelt(capsys):
    words = ["dqn", "static", "--environment", "CartPole-v1", "--resume", "fresh-episodes"]
    wrong = call(capsys, "train", *words)
    assert wrong.status == 2
    assert len(wrong.err.splitlines()) == 1
    for word in ("--resume", "fresh-episodes", "auto", "exact", "fresh-episode"):
        assert word in wrong.err


def test_an_environment_that_fails_in_its_reset_is_no_obstacle_here(monkeypatch):
    def reset(self, **options):
        raise SystemExit(0)

    monkeypatch.setattr(stateful_environments.Curriculum, "reset", reset)
    gymnasium.register("FailsEarly-v0", stateful_environments.Curriculum)
    try:
        assert goings_on.costs([from_preset("dqn", "static", "FailsEarly-v0")]) == {}
    finally:
        del gymnasium.registry["FailsEarly-v0"]
