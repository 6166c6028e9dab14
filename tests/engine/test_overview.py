"""The overview: every state is told from the folder alone, with few looks at the disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sparserl import persistence
from sparserl.engine.overview import STATES, counts, overview, run_state
from sparserl.persistence import Status, write_status


@pytest.fixture
def runs(tmp_path):
    """One run in each state, by its name."""
    runs = {name: tmp_path / name for name in STATES}
    for name in ("finished", "diverged", "failed", "interrupted"):
        write_status(runs[name], Status(name, 120, f"it has {name}", final_return=2.5))
    (runs["finished"] / "checkpoint").mkdir()
    write_status(runs["running"], Status("running", 60))
    attempt = persistence.claim(runs["running"])
    write_status(runs["damaged"], Status("finished"))
    (runs["damaged"] / "status.json").write_bytes(
        (runs["damaged"] / "status.json").read_bytes().replace(b"fin", b"nif")
    )
    yield runs
    attempt.release()


def test_states(runs):
    states = overview(runs.values())
    assert [state.state for state in states] == list(runs)
    assert counts(states) == dict.fromkeys(STATES, 1)
    failed = run_state(str(runs["failed"]))
    assert failed[1:5] == ("failed", 120, "it has failed", 2.5)
    assert "damaged" in run_state(str(runs["damaged"])).message


def test_a_run_whose_process_is_gone_is_interrupted(tmp_path):
    program = "import sys; from sparserl import persistence as p; p.claim(sys.argv[1]); "
    program += "p.write_status(sys.argv[1], p.Status('running', 60))"
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "run")], check=True)
    assert persistence.read_status(tmp_path / "run").status == "running"
    assert run_state(str(tmp_path / "run"))[1:4] == ("interrupted", 60, "its process is gone")


def test_a_finished_run_without_its_checkpoint_is_damaged(runs):
    (runs["finished"] / "checkpoint").rmdir()
    assert run_state(str(runs["finished"])).state == "damaged"


def test_a_run_costs_two_files_at_most(runs, monkeypatch):
    """What keeps ten thousand runs under a second; `scripts/time_status` measures it."""
    opened = []
    real = os.open
    import builtins

    plain = builtins.open
    monkeypatch.setattr(
        builtins, "open", lambda path, *more, **named: opened.append(path) or plain(path, *more, **named)
    )
    monkeypatch.setattr(os, "open", lambda path, *more, **named: opened.append(path) or real(path, *more, **named))
    for name, most in (("finished", 1), ("waiting", 1), ("failed", 1)):
        opened.clear()
        overview([runs[name]] * 10)
        assert len(opened) <= 10 * most, (name, opened[:3])


def test_looking_imports_no_jax():
    program = "import sys, sparserl.engine.overview, sparserl.study.stored, sparserl.cli.study.status; "
    program += "sys.exit(bool({'jax', 'distributed', 'sparserl.experiment'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.processes
def test_the_measurement_runs():
    script = Path(__file__).parents[2] / "scripts" / "time_status"
    done = subprocess.run([sys.executable, script, "20"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["20 runs"] * 3
