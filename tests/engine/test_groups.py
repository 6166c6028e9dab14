"""Groups: which seeds are trained side by side, what follows for each of them, and the engine with such a group."""

import pytest

from sparserl import persistence, study
from sparserl.engine import groups
from sparserl.engine.retries import Retries
from sparserl.engine.settings import Settings
from sparserl.persistence import Status
from sparserl.processes.outcomes import Outcome
from sparserl.worker import side_by_side
from sparserl.worker.beginning import behind
from sparserl.worker.side_by_side import most_at_once
from study.runs import plan


def planned(directory, seeds, **choices):
    return [plan(directory, seed=seed, **{"storage": "masked", **choices}).absolute() for seed in seeds]


def numbers(found):
    """Groups by their seeds, the one that stands for each first."""
    seed = lambda run: int(run.name.removeprefix("seed="))
    return [(seed(lead), *map(seed, others)) for lead, others in found.items()]


def test_seeds_of_one_experiment_go_together_as_far_as_they_can_be(tmp_path, monkeypatch):
    runs = planned(tmp_path, range(5))
    others = planned(tmp_path, range(2), total_steps=400)
    assert numbers(groups.grouped([runs[0], others[0], *runs[1:], others[1]], most_at_once)) == [
        (0, 1, 2, 3, 4),
        (0, 1),
    ]
    monkeypatch.setattr(groups, "MOST_SEEDS", 2)
    assert numbers(groups.grouped(runs, most_at_once)) == [(0, 1), (2, 3), (4,)]
    monkeypatch.setattr(side_by_side, "MOST_STATE_BYTES", 1)
    assert numbers(groups.grouped(runs, most_at_once)) == [(0,), (1,), (2,), (3,), (4,)]


def test_what_cannot_be_trained_side_by_side_stays_alone(tmp_path):
    hosted = planned(tmp_path, (0, 1), environment_backend="host")
    assert numbers(groups.grouped(hosted, most_at_once)) == [(0,), (1,)]
    observed = planned(tmp_path, (0, 1))
    persistence.write_request(observed[1], persistence.RunRequest(diagnostics=True))
    assert numbers(groups.grouped(observed, most_at_once)) == [(0,), (1,)]
    unknown = [tmp_path / "nothing" / f"seed={seed}" for seed in (0, 1)]
    assert numbers(groups.grouped(unknown, most_at_once)) == [(0,), (1,)]


def test_runs_go_on_in_the_layout_that_they_were_begun_in(tmp_path):
    runs = planned(tmp_path, range(7))
    for seed, status in ((1, "finished"), (2, "interrupted"), (3, "failed")):
        persistence.write_status(runs[seed], Status(status, layout="seeds 1,2,3 side by side"))
    persistence.write_status(runs[4], Status("interrupted"))
    (runs[4] / "resume" / "step=100,attempt=1").mkdir(parents=True)
    persistence.write_status(runs[5], Status("failed"))  # before it had come to anything
    persistence.write_status(runs[6], Status("interrupted", layout="seeds 0,8 side by side"))  # which is not its own
    found = groups.grouped([run for run in runs if run != runs[1]], most_at_once)
    assert numbers(found) == [(2, 1, 3), (4,), (0, 5, 6)]
    assert groups.together(found, [runs[2], runs[0]]) == {runs[2]: [runs[2]], runs[0]: [runs[0]]}


def test_a_run_tells_itself_what_the_end_of_its_process_means_for_it(tmp_path):
    runs = [tmp_path / f"seed={seed}" for seed in range(4)]
    (runs[0] / "checkpoint").mkdir(parents=True)
    persistence.write_status(runs[0], Status("finished", 300))
    persistence.write_status(runs[1], Status("diverged", 200, "the loss is nan"))
    persistence.write_status(runs[2], Status("failed", 100, "the floor broke"))
    ended = [groups.outcome_of(run, Outcome(runs[2], "failed", 1, "all is lost", 290, "here")) for run in runs]
    assert [(each.run_folder, each.ending, each.exit_status, each.message) for each in ended] == [
        (runs[0], "finished", 0, ""),
        (runs[1], "diverged", 3, "the loss is nan"),
        (runs[2], "failed", 1, "the floor broke"),
        (runs[3], "failed", 1, "all is lost"),
    ]
    assert groups.state_of_all(runs, 30.0) == "failed"
    assert groups.state_of_all(runs[:2], 30.0) == "finished"


def test_a_seed_that_stopped_early_does_not_hold_the_others_back(tmp_path):
    attempts = {seed: persistence.claim(tmp_path / f"seed={seed}") for seed in range(4)}
    have = lambda seed, steps: [
        (attempts[seed].run_folder / "resume" / f"step={step},attempt=1").mkdir(parents=True) for step in steps
    ]
    have(0, [100])
    assert behind(attempts) == []  # all were stopped while they stored their first
    have(1, [300, 400])
    have(2, [200, 300])
    have(3, [100, 200])
    assert behind(attempts) == [0, 3]
    for attempt in attempts.values():
        attempt.release()


@pytest.mark.processes
def test_an_engine_trains_a_group_and_starts_it_again(tmp_path, monkeypatch):
    """Its process is killed once; each run is told of, and has a result of its own."""
    runs = planned(tmp_path, range(3), total_steps=600)
    told, news = {run: [] for run in runs}, []
    tell = lambda run, progress: told[run].append(progress)
    monkeypatch.setenv("SPARSERL_KILL_AT", "evaluation:4")

    def notice(each):
        news.append(each)
        if each.kind == "retry":
            monkeypatch.delenv("SPARSERL_KILL_AT", raising=False)

    settings, retries = Settings(checkpoint_seconds=0.001), Retries(first_seconds=0.1)
    ended = study.run_all(runs, tell, notice, 2, settings, retries, most_at_once)
    assert [outcome._replace(worker="") for outcome in ended] == [Outcome(run, "finished", 0, "", 600) for run in runs]
    for run in runs:
        status = persistence.read_status(run)
        assert (status.status, status.layout) == ("finished", "seeds 0,1,2 side by side")
        assert status.resumed_from_steps >= 100
        assert told[run][-1].environment_steps == 600
        kinds = [each.kind for each in news if each.run_folder == run]
        assert kinds == ["started", "retry", "started", "ended"]
        assert persistence.read_evaluations(run).num_rows == 7
    assert "SIGKILL" in next(each.outcome.message for each in news if each.kind == "retry")
    assert "trained beside seed=0, whose log" in (runs[2] / "log.txt").read_text()
