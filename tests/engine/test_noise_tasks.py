"""Evaluations under noise as tasks of the engine: killed ones go on, and what is told of the run stays as it was."""

import dataclasses

import pytest

from engine import fake_worker
from engine.fake_worker import plan, tries
from sparserl import engine, persistence
from sparserl.engine import cluster
from sparserl.engine.overview import noise_state
from sparserl.engine.retries import Retries
from sparserl.engine.settings import Settings

SETTINGS = Settings(program=(fake_worker.HERE,), stop_seconds=60.0, observation_noise=(0.0, 2.5, 5.0))
QUICK = Retries(most=2, first_seconds=0.05, factor=2.0, busy_seconds=0.1)


def finished(place, name, *words):
    folder = plan(place, name, *words)
    fake_worker._finish(folder)
    return folder


def deviations(folder):
    return [row["observation_noise"] for row in persistence.noise_rows(folder)]


@pytest.mark.processes
def test_runs_are_evaluated_whatever_happens_to_their_processes(tmp_path):
    words = {"works": ["finish"], "crashes": ["crash", "crash", "finish"], "pretends": ["pretend"]}
    folders = {name: finished(tmp_path, name, *each) for name, each in words.items()}
    before = {name: (folder / "status.json").read_bytes() for name, folder in folders.items()}
    news = []
    with cluster.connected(None, num_workers=2) as client:
        outcomes = engine.run(client, list(folders.values()), SETTINGS, QUICK, news.append)
        endings = dict(zip(folders, (outcome.ending for outcome in outcomes), strict=True))
        assert endings == {"works": "finished", "crashes": "finished", "pretends": "failed"}
        assert {name: len(tries(folder)) for name, folder in folders.items()} == {
            "works": 1,
            "crashes": 3,
            "pretends": 2,  # it said that it had done what it had not, and would a third time
        }
        assert [deviations(folder) for folder in folders.values()] == [[0, 2.5, 5], [0, 2.5, 5], [0, 2.5]]
        again = engine.run(client, list(folders.values()), SETTINGS, QUICK, news.append)
        assert [outcome.ending for outcome in again] == ["finished"] * 3
        more = dataclasses.replace(SETTINGS, observation_noise=(2.5, 7.0))  # another study, which shares the runs
        engine.run(client, [folders["works"]], more, QUICK, news.append)
    assert deviations(folders["works"]) == [0, 2.5, 5, 7]
    assert {name: (folder / "status.json").read_bytes() for name, folder in folders.items()} == before


def test_how_far_an_evaluation_is(tmp_path):
    folder = finished(tmp_path, "run")
    assert noise_state(folder, (0, 1), 30.0) == "waiting"
    attempt = persistence.claim(folder)
    assert noise_state(folder, (0, 1), 30.0) == "running"
    fake_worker.evaluate(attempt, "finish", [0.0, 1.0])
    attempt.release()
    assert noise_state(folder, (0, 1), 30.0) == "finished"
    assert noise_state(folder, (0, 1, 2), 30.0) == "waiting"
