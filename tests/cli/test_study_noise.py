"""The step of a study that evaluates its runs under noise: what is left of it, what is told of it, and its rows."""

import dataclasses
import json

import pytest

from cli.command import call
from sparserl import persistence
from sparserl.cli.study import noise
from sparserl.engine.overview import RunState
from sparserl.engine.retries import Failure, Retries
from sparserl.errors import UserError
from sparserl.persistence.studies import stored
from sparserl.study import Figure, Study
from sparserl.study.calibration import Measurement
from sparserl.study.estimates import Job
from sparserl.study.files import load
from sparserl.study.noise import noise_plan
from sparserl.study.storing import store
from sparserl.study.workload import workload
from sparserl.worker import noise as worker

FIGURE = Figure("noise", "Under noise", x="observation_noise", y="mean_return")


@pytest.fixture(scope="module")
def experiment():
    return load("figure_8", "smoke").experiments[0]


def study(experiment, deviations=(0, 2.5), **more):
    return Study("noisy", "Is it robust?", (experiment,), 3, (FIGURE,), observation_noise=deviations, **more)


def evaluated(directory, identifier, seed, deviations):
    folder = persistence.RunId(identifier, seed).folder(directory)
    attempt = persistence.claim(folder)
    what = {"experiment_id": identifier, "agent": "dqn", "method": "set", "environment": "CartPole-v1", "sparsity": 0.5}
    numbers = {"mean_return": 1.0, "standard_deviation": 0.0, "num_episodes": 1}
    rows = [{**what, "seed": seed, "observation_noise": float(each), **numbers} for each in deviations]
    persistence.write_noise(folder, rows, attempt.scratch)
    attempt.release()


def test_the_noise_of_a_study_is_stored_with_it(experiment, tmp_path):
    store(tmp_path, study(experiment), "smoke")
    assert stored(tmp_path, "noisy", "smoke").observation_noise == (0.0, 2.5)
    path = tmp_path / "studies" / "noisy@smoke" / "study.json"
    document = persistence.read_document(path)
    del document["observation_noise"]  # as an earlier version wrote it
    persistence.write_document(path, document)
    assert stored(tmp_path, "noisy", "smoke").observation_noise == ()


@pytest.mark.parametrize("wrong", [[0, 1], (1, 0), (1, 1), (-1,), (float("inf"),), (float("nan"),), ("1",), (True,)])
def test_noise_that_makes_no_sense(experiment, wrong):
    with pytest.raises(UserError, match=r"^observation_noise is .*(tuple of numbers|from 0 on|must ascend)"):
        study(experiment, wrong)


@pytest.mark.parametrize(("scale", "number"), [("smoke", 3), ("quick", 7), ("paper", 31)])
def test_figure_6_has_the_noise_of_the_paper(scale, number):
    deviations = load("figure_6", scale).observation_noise
    assert (len(deviations), deviations[0], deviations[-1]) == (number, 0, 30)


def test_what_is_left_to_evaluate(experiment, tmp_path):
    store(tmp_path, study(experiment), "smoke")
    known, identifier = stored(tmp_path, "noisy", "smoke"), experiment.identifier
    folders = [str(run.folder(tmp_path)) for run in known.runs]
    states = [
        RunState(folder, state) for folder, state in zip(folders, ("finished", "finished", "running"), strict=True)
    ]
    evaluated(tmp_path, identifier, 0, (0, 2.5, 7))
    evaluated(tmp_path, identifier, 1, (0,))
    left = noise.open_runs(known, states, {}, Retries())
    assert list(map(str, left)) == folders[1:2]
    failures = {f"{identifier}/seed=1 under noise": 4 * (Failure("it fell over", 0, -9, ""),)}
    assert noise.open_runs(known, states, failures, Retries()) == []
    told = noise.document(known, states, failures)
    assert {name: told[name] for name in ("num_evaluations", "num_missing", "num_missing_of_finished")} == {
        "num_evaluations": 6,
        "num_missing": 3,
        "num_missing_of_finished": 1,
    }
    assert noise.in_words(told) == [
        "noise on observations: 3 of 6 evaluations done, 3 missing",
        f"{identifier}/seed=1 under noise: it fell over; tried 4 times; its log is {folders[1]}/log.txt",
    ]
    diverged = [state._replace(state="diverged") for state in states]  # they have no policy
    assert noise.document(known, diverged, {})["num_evaluations"] == 0
    assert noise.document(known._replace(observation_noise=()), states, {}) is None


def test_what_it_takes(experiment, tmp_path):
    identifier = experiment.identifier
    evaluated(tmp_path, identifier, 0, (0, 2.5))
    jobs = [Job(experiment, workload(experiment))]
    planned = noise_plan(study(experiment), tmp_path, jobs, {identifier: Measurement(1.0, 1.0, 0.25)})
    length_steps = jobs[0].workload.evaluation_length_steps
    episodes = experiment.evaluation.num_episodes
    assert planned == (6, 4, 4 * episodes * length_steps, 4 * length_steps * 0.25)
    assert noise_plan(study(experiment), tmp_path, jobs, {}).core_seconds is None
    plain = dataclasses.replace(study(experiment), figures=(), observation_noise=())
    assert noise_plan(plain, tmp_path, jobs, {}) is None


@pytest.mark.processes
def test_rows_are_those_of_evaluate(trained, capsys):
    """Whichever were there before, and in whatever order they were asked for."""
    run = trained.folder / "seed=3"
    attempt = persistence.claim(run)
    try:
        assert worker.waiting([run], (0.0, 0.5)) == [run]
        worker.evaluate(attempt, (0.5,), lambda: False)
        with pytest.raises(KeyboardInterrupt):  # after the first that was left, which is stored
            worker.evaluate(attempt, (0.5, 0.0, 3.0), lambda: True)
        assert persistence.missing_noise(run, (0.0, 0.5, 3.0)) == (3.0,)
        assert worker.waiting([run], (0.0, 0.5)) == []
    finally:
        attempt.release()
    rows = call(capsys, "evaluate", run, "--observation-noise", "0,0.5", "--json").document()["rows"]
    kept = persistence.noise_rows(run)
    assert [{name: row[name] for name in rows[0]} for row in kept] == rows
    assert {(row["experiment_id"], row["seed"], row["sparsity"]) for row in kept} == {(trained.folder.name, 3, 0.9)}
    (run / "noise.parquet").unlink()


def test_runs_without_a_policy_are_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be evaluated under noise: the run has not begun"):
        worker.waiting([tmp_path / "seed=0"], (0.0,))
    persistence.write_status(tmp_path / "seed=1", persistence.Status("diverged"))
    with pytest.raises(UserError, match="the run is diverged, and only finished ones are"):
        worker.waiting([tmp_path / "seed=1"], (0.0,))
    assert json.loads((tmp_path / "seed=1" / "status.json").read_text())["status"] == "diverged"
