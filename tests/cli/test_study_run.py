"""`study run`, `status`, `resume` and `retry`: one small study from its first run to its last."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.command import call
from small_disk import fill, small_disk
from sparserl import persistence
from sparserl.cli.study import working
from sparserl.engine import claims
from sparserl.engine.retries import Retries
from sparserl.study.files import load
from sparserl.study.stored import stored
from sparserl.study.storing import store
from waiting import HEED_INTERRUPTS, PATIENCE_SECONDS, is_gone, wait_until

pytestmark = pytest.mark.processes

STUDY = '''"""Two experiments, one of which breaks."""
import dataclasses

from sparserl.agents.dqn import DQNSettings
from sparserl.experiment import from_preset, planned
from sparserl.networks import MLPSettings
from sparserl.study import Study
from sparserl.training import EvaluationSettings


def study(scale):
    tiny = dict(
        agent=DQNSettings(warmup_steps=100),
        network=MLPSettings(hidden_units=(16, 16)),
        evaluation=EvaluationSettings(interval_steps=100, num_episodes=2),
        total_steps=TOTAL_STEPS,
    )
    experiments = (planned(dataclasses.replace(from_preset("dqn", "static", name), **tiny)) for name in ENVIRONMENTS)
    return Study("tiny", "Does it run?", tuple(experiments), NUM_SEEDS)
'''


def write_study(folder, environments, num_seeds=1, total_steps=300):
    values = {"ENVIRONMENTS": repr(environments), "NUM_SEEDS": str(num_seeds), "TOTAL_STEPS": str(total_steps)}
    path = folder / "tiny.py"
    path.write_text(re.sub("|".join(values), lambda match: values[match[0]], STUDY))
    return path


def test_a_study_with_a_run_that_fails(capsys, tmp_path, monkeypatch):
    path = write_study(tmp_path, ("CartPole-v1", "broken_environments:Raises-v0"))
    where = ["--output", tmp_path / "results", "--scale", "smoke"]
    ran = call(capsys, "study", "run", path, *where, "--json")
    assert ran.status == 1
    document = ran.document()
    assert (document["study"], document["scale"], document["engine"]) == ("tiny", "smoke", None)
    assert {name: count for name, count in document["counts"].items() if count} == {"finished": 1, "failed": 1}
    assert document["report"] == str(tmp_path / "results/studies/tiny@smoke/report/index.html")
    assert "the arm fell off" in Path(document["report"]).read_text()
    assert document["total_environment_steps"] == 600
    assert document["environment_steps"] == 500
    finished, failed = sorted(document["runs"], key=lambda run: run["status"], reverse=True)
    assert finished["final_return"] > 0
    assert failed["environment_steps"] == 200
    assert "the arm fell off" in failed["message"]
    assert failed["tries"] == 2  # the same exception at the same step
    assert failed["log"] == str(tmp_path / "results" / failed["run"] / "log.txt")
    assert os.path.exists(failed["log"])
    for word in ("failed at step 200", "the arm fell off", failed["log"], "tried again in 2 s"):
        assert word in ran.err

    shown = call(capsys, "study", "status", "tiny", "--output", tmp_path / "results")
    assert shown.status == 0
    for word in ("tiny@smoke, not being run", "1 of 2 runs finished, 1 failed", "the arm fell off", failed["log"]):
        assert word in shown.out

    path.unlink()  # what defined it is not needed any more
    again = call(capsys, "study", "resume", "tiny", *where)
    assert again.status == 1
    assert "nothing to do" in again.err
    assert persistence.read_status(tmp_path / "results" / failed["run"]).attempt == 2

    monkeypatch.setattr(working, "Retries", lambda: Retries(most=0))
    retried = call(capsys, "study", "retry", "tiny", *where)
    assert retried.status == 1
    assert persistence.read_status(tmp_path / "results" / failed["run"]).attempt == 3


def test_a_study_on_a_full_disk_goes_on_with_resume(capsys, tmp_path, monkeypatch):
    """Every run is tried again some times; then the study ends, and waits for somebody to make room."""
    monkeypatch.setattr(working, "Retries", lambda: Retries(first_seconds=0.1, factor=1.0))
    path = write_study(tmp_path, ("CartPole-v1",))
    with small_disk(tmp_path, 2**20) as disk:
        where = ["--output", disk / "results", "--scale", "smoke"]
        store(disk / "results", load(str(path), "smoke"), "smoke")
        filler = fill(disk)
        refused = call(capsys, "study", "run", path, *where)
        assert (refused.status, refused.out) == (2, "")
        assert "studies/tiny@smoke: No space left on device; " in refused.err
        filler.unlink()

        filler = fill(disk, room=12_000)  # for the engine, and for nothing of the run
        full = call(capsys, "study", "run", path, *where)
        assert full.status == 1, full.err
        for word in ("No space left on device", "tried again in 0.1 s", "0 of 1 runs finished"):
            assert word in full.err + full.out
        assert "Traceback" not in full.err
        filler.unlink()

        resumed = call(capsys, "study", "resume", "tiny", *where)
        assert resumed.status == 0, resumed.err
        assert "1 of 1 runs finished" in resumed.out


@pytest.fixture
def long_study(tmp_path):
    """A study of two runs that would take hours, while they run: its process and its results directory."""
    path, results = write_study(tmp_path, ("CartPole-v1",), 2, 100_000_000), tmp_path / "results"
    command = [sys.executable, "-m", "sparserl", "study", "run", str(path), "--output", str(results)]
    pipe = subprocess.PIPE
    engine = subprocess.Popen([sys.executable, "-c", HEED_INTERRUPTS, *command], stdout=pipe, stderr=pipe, text=True)
    evaluated = lambda: len(list(results.glob("*/seed=*/evaluations.parquet"))) == 2
    wait_until(lambda: evaluated() or engine.poll() is not None)
    assert engine.poll() is None, engine.communicate()
    yield engine, results
    engine.kill()
    engine.communicate()


def test_while_it_runs_and_when_it_is_stopped(capsys, long_study, tmp_path):
    engine, results = long_study
    status = call(capsys, "study", "status", "tiny", "--output", results, "--json").document()
    assert status["engine"]["process_id"] == engine.pid
    assert status["counts"]["running"] == 2
    for command in (["run", tmp_path / "tiny.py"], ["resume", "tiny"], ["retry", "tiny"]):
        refused = call(capsys, "study", *command, "--output", results)
        assert (refused.status, refused.out) == (2, "")
        assert refused.err.count("\n") == 1
        assert f"is being run by process {engine.pid} on " in refused.err

    workers = [persistence.read_status(run).process_id for run in results.glob("*/seed=*")]
    engine.send_signal(signal.SIGINT)
    out, err = engine.communicate(timeout=PATIENCE_SECONDS)
    assert (engine.returncode, out) == (130, "")
    assert "Traceback" not in err
    line = err.splitlines()[-1]
    assert line.startswith("sparserl: stopped with 0 of 2 runs finished, 2 interrupted; all is stored; ")
    assert f"`sparserl study resume tiny --scale quick --output {results}` goes on" in line
    assert all(map(is_gone, workers))
    assert claims.engine_of(stored(results, "tiny", "quick").folder) is None


def test_mistakes(capsys, tmp_path):
    """One line each, and exit status 2."""
    persistence.write_document(tmp_path / "studies" / "figure_8@quick" / "study.json", {})
    persistence.write_document(tmp_path / "studies" / "figure_8@smoke" / "study.json", {})
    cases = {
        ("status", "figure_9", "--scale", "smoke"): "no study figure_9@smoke",
        ("status", "figure_8"): "at the scales quick, smoke: choose one by --scale",
        ("resume", "figure_8", "--scale", "quick"): "is from another version",
        ("resume",): "NAME is missing",
        ("run", "figure_8", "--num-workers", "0"): "--num-workers is 0: it must be at least 1",
        (
            "run",
            "figure_8",
            "--num-workers",
            "2",
            "--scheduler",
            "tcp://a:1",
        ): "--num-workers is 2: it is for this machine; the workers of --scheduler",
        (
            "run",
            "figure_8",
            "--memory-limit",
            "lots",
        ): "--memory-limit is 'lots': it takes a number of bytes such as 4GB",
        ("run", "figure_8", "--hang-seconds", "0"): "--hang-seconds is 0.0: it must be more than 0",
        ("run", "figure_8", "--device", "gpux"): "did you mean 'gpu'?",
        ("retry", "figure_8", "--schedular", "x"): "did you mean '--scheduler'?",
    }
    for words, expected in cases.items():
        result = call(capsys, "study", *words, "--output", tmp_path)
        assert (result.status, result.out) == (2, ""), words
        assert result.err.count("\n") == 1, result.err
        assert expected in result.err, (words, result.err)


def test_progress_of_a_study(tmp_path):
    """Counts, steps and what is left, from what the engine tells."""
    from sparserl.cli.study.progress import Board
    from sparserl.engine.news import News
    from sparserl.engine.overview import RunState
    from sparserl.processes.outcomes import Outcome, RunProgress

    runs = [tmp_path / name / "seed=0" for name in "abcd"]
    states = [RunState(str(runs[0]), "finished", 100), *(RunState(str(run), "waiting") for run in runs[1:])]
    board = Board(states, dict.fromkeys(runs, 100))
    assert board.line() == "1 of 4 runs finished, 0 running; 25.0% of the steps"
    board.began -= 100.0
    board.take(News("started", runs[1]))
    board.take(News("progress", runs[1], RunProgress(50, 12.5, 1.0, 0.1, 3.25)))
    assert board.running[runs[1]] == "50 steps  12/s  evaluation 3.25"
    assert board.line() == "1 of 4 runs finished, 1 running; 37.5% of the steps; about 0:08:20 left"
    assert board.take(News("ended", runs[1], outcome=Outcome(runs[1], "finished", 0, "", 100))) == ""
    told = board.take(News("ended", runs[2], outcome=Outcome(runs[2], "diverged", 3, "NaN", 40)))
    assert told == f"c/seed=0 diverged at step 40: NaN; its log is {runs[2] / 'log.txt'}"
    assert board.line().endswith("; about 0:01:11 left")  # d's hundred steps, by 140 in a hundred seconds
    failed = board.take(News("ended", runs[3], outcome=Outcome(runs[3], "hung", -9, "it said nothing", 40)))
    assert failed.startswith("d/seed=0 failed at step 40: it said nothing")
    assert board.line().startswith("2 of 4 runs finished, 0 running, 1 failed, 1 diverged; 70.0% of the steps")
    assert "left" not in board.line()


WITHOUT_RUNS = '''"""What networks compute."""
from sparserl.study import Figure, Study, grid


def study(scale):
    networks = grid("dqn", environments=("CartPole-v1",), sparsities=(0.9,), distribution=["erk", "uniform"])
    return Study("costs", "What do they compute?", networks, 0, (Figure("costs", "FLOPs", KIND),))
'''


def test_a_study_without_runs_is_planned_drawn_and_packed_and_trains_nothing(capsys, tmp_path):
    (tmp_path / "costs.py").write_text(WITHOUT_RUNS.replace("KIND", '"flops"'))
    results, packed = tmp_path / "results", tmp_path / "packed"
    where = ("--output", results, "--scale", "smoke")
    assert (
        "runs:    none: nothing is trained for it" in call(capsys, "study", "plan", tmp_path / "costs.py", *where).out
    )
    ran = call(capsys, "study", "run", tmp_path / "costs.py", *where)
    assert ran.status == 0
    page = results / "studies/costs@smoke/report/index.html"
    assert f"report: {page}" in ran.out
    assert "live_macs_of_dense" in (page.parent / "costs.csv").read_text()
    assert call(capsys, "study", "pack", "costs", "--output", results, "--into", packed).status == 0
    for place in (results, packed):
        told = call(capsys, "report", place)
        assert told.status == 0
        assert "nothing is trained for this" in told.out
        assert not told.err
    assert not list(results.glob("*/seed=*"))


def test_a_study_without_runs_has_figures_of_costs_alone(capsys, tmp_path):
    (tmp_path / "costs.py").write_text(WITHOUT_RUNS.replace("KIND", '"lines"'))
    refused = call(capsys, "study", "plan", tmp_path / "costs.py")
    assert refused.status == 2
    assert "num_seeds is 0: it takes a whole number, 1 to" in refused.err
