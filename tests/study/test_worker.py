"""One worker by itself: the same bits wherever it runs, and what it leaves alone."""

import subprocess
import sys

from sparserl import persistence
from study.runs import plan


def work(run, *options):
    command = [sys.executable, "-m", "sparserl.study.worker", str(run), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_same_run_again_gives_the_same_bits_and_a_finished_one_is_left_alone(tmp_path):
    first, second = plan(tmp_path / "a"), plan(tmp_path / "b")
    assert work(first).returncode == 0
    assert work(second, "--core", "0").returncode == 0
    (arrays, document), (others, other) = (persistence.read_bundle(run / "checkpoint") for run in (first, second))
    assert document == other
    assert arrays.keys() == others.keys()
    for name in arrays:
        assert arrays[name].tobytes() == others[name].tobytes()
    before = (first / "status.json").read_bytes()
    again = work(first)
    assert (again.returncode, again.stdout) == (0, "")
    assert (first / "status.json").read_bytes() == before


def test_an_experiment_it_cannot_read(tmp_path):
    run = plan(tmp_path)
    path = run.parent / "experiment.json"
    path.write_text(path.read_text().replace("CartPole", "CartPale"))
    told = work(run)
    assert told.returncode == 2
    assert told.stderr.splitlines()[-1].startswith("sparserl: ")
    assert "edited" in told.stderr
    assert persistence.read_status(run).status == "failed"
