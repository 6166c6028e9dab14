"""Every command that plans makes the plan of an experiment once, whatever of it asks for the plan afterwards."""

import pytest

from cli.command import call
from sparserl import engine, study
from sparserl.deploy.loading import load_trained
from sparserl.experiment import plan
from sparserl.sparsity import method_names
from sparserl.study import grids

STUDY = """from sparserl.study.grids import grid
from sparserl.study.studies import Study

def study(scale):
    cells = grid("dqn", environments=("CartPole-v1",), sparsities=(0.5, 0.9), methods=("prune", "rigl"))
    return Study("mine", "Is each of them planned once?", cells, num_seeds=2)
"""


@pytest.fixture
def made(monkeypatch):
    """The experiments whose plans were worked out since; nothing is known of any before, and nothing is trained."""
    resolved, worked_out = plan.resolved, []

    def counted(experiment, spec):
        worked_out.append(experiment)
        return resolved(experiment, spec)

    monkeypatch.setattr(plan, "resolved", counted)
    monkeypatch.setattr(plan, "_plans", {})
    monkeypatch.setattr(grids, "_known", {})
    monkeypatch.setattr(study, "run_all", lambda runs, *others, **named: [])
    monkeypatch.setattr(engine, "run", lambda *others, **named: [])
    return worked_out


@pytest.mark.parametrize("method", method_names())
def test_train_and_describe_plan_once(made, method, capsys, tmp_path):
    words = ("dqn", method, "--environment", "CartPole-v1")
    assert call(capsys, "train", *words, "--sparsity", 0.5, "--output", tmp_path).status == 0
    assert len(made) == 1
    assert call(capsys, "describe", *words, "--sparsity", 0.6).status == 0
    assert len(made) == 2


@pytest.mark.parametrize("method", ["dense", "rigl"])
def test_a_budget_is_planned_once(made, method, capsys, tmp_path):
    words = ("sac", method, "--environment", "Pendulum-v1", "--budget", 0.3, "--actor-share", 0.2)
    assert call(capsys, "train", *words, "--output", tmp_path).status == 0
    assert len(made) == 1


def test_a_study_plans_each_experiment_once(made, capsys, tmp_path):
    (tmp_path / "mine.py").write_text(STUDY)
    words = (tmp_path / "mine.py", "--output", tmp_path)
    assert call(capsys, "study", "plan", *words, "--no-calibration").status == 0
    assert len(made) == 7  # dense ones of three sizes, and two methods at two sparsities
    plan._plans.clear()
    grids._known.clear()
    call(capsys, "study", "run", *words)
    assert len(made) == 2 * 7
    for command in ("resume", "status", "retry"):
        call(capsys, "study", command, "mine", "--output", tmp_path)
    assert len(made) == 2 * 7


@pytest.mark.processes
def test_what_acts_with_a_trained_policy_plans_once(made, trained, capsys):
    run = trained.folder / "seed=3"
    assert call(capsys, "evaluate", run, "--num-episodes", 7).status == 0
    assert len(made) == 1
    plan._plans.clear()
    assert load_trained(run).policy.contract  # what export, push and sparserl.load begin with
    assert len(made) == 2
