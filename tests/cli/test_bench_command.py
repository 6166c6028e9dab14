"""`bench`: its document and its tables, on sizes that take no time; its mistakes; what happens when a worker breaks."""

import json
import re
import sys

import pytest

from cli.command import call
from sparserl import linalg
from sparserl.bench import alone, worker

QUICK = ["--repetitions", "2", "--processes", "1", "--window-seconds", "0.0001"]
TINY = ["inference", "--hidden-units", "8", "--sparsities", "0.75", "--batch-sizes", "3", *QUICK]

MISTAKES = {
    "name": (["infrence"], ["'infrence'", "did you mean 'inference'?"]),
    "sparsity of 1": (["updates", "--sparsities", "0.9", "1"], ["--sparsities is 1.0", "[0, 1)"]),
    "negative sparsity": (["kernels", "--sparsities", "-0.5"], ["--sparsities is -0.5", "[0, 1)"]),
    "sparsity that is NaN": (["--sparsities", "nan"], ["--sparsities is nan"]),
    "no repetitions": (["--repetitions", "0"], ["--repetitions is 0", "at least 1"]),
    "no processes": (["--processes", "0"], ["--processes is 0", "at least 1"]),
    "too many processes": (["--processes", "100000"], ["--processes is 100000", "cores"]),
    "window": (["--window-seconds", "0"], ["--window-seconds is 0.0", "greater than 0"]),
    "work": (["--works", "dqn_updates"], ["--works is 'dqn_updates'", "did you mean 'dqn_update'?"]),
    "variant": (["--variants", "compresed"], ["--variants is 'compresed'", "did you mean 'compressed'?"]),
    "shape": (["kernels", "--shapes", "512"], ["--shapes is '512'", "512x3"]),
    "batch": (["inference", "--batch-sizes", "0"], ["--batch-sizes is 0", "at least 1"]),
    "option of another bench": (["inference", "--full"], ["unknown option --full"]),
    "output": (["--output", "/proc/nothing/bench.json"], ["cannot write /proc/nothing/bench.json"]),
}


@pytest.mark.parametrize(("words", "told"), MISTAKES.values(), ids=MISTAKES)
def test_mistake(words, told, capsys):
    result = call(capsys, "bench", *words)
    assert (result.status, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert line.startswith("sparserl: ")
    for part in told:
        assert part in line


@pytest.mark.processes
def test_document_and_tables(capsys, tmp_path):
    file = tmp_path / "new" / "bench.json"
    result = call(capsys, "bench", *TINY, "--output", file)
    assert (result.status, result.err.splitlines()) == (
        0,
        ["inference, sparsity 0.75, hidden_units [8, 8], batch_size 3"],
    )
    document = json.loads(file.read_text())
    assert document["machine"].keys() >= {"cpu_model", "num_cores", "packages", "instruction_set", "num_processes"}
    there = linalg.unavailable_reason() is None
    assert [row["variant"] for row in document["rows"]] == (["dense", "compressed"] if there else ["dense"])
    for row in document["rows"]:
        assert row.keys() >= {"work", "sparsity", "variant", "seconds_median", "ratio_to_dense"}
        assert (row["work"], row["sparsity"], row["hidden_units"], row["batch_size"]) == ("inference", 0.75, [8, 8], 3)
        assert row["seconds_lowest"] <= row["seconds_median"] <= row["seconds_highest"]
        ratio = document["rows"][0]["seconds_median"] / row["seconds_median"]
        assert row["ratio_to_dense"] == pytest.approx(ratio)
    assert len(document["notes"]) == (0 if there else 1)
    table = next(line for line in result.out.splitlines() if line.startswith("       8 x 8"))
    assert f"{document['rows'][-1]['ratio_to_dense']:.2f}" in table or not there
    assert re.search(r"1 processes? on \d+ cores", result.out)


@pytest.mark.processes
@pytest.mark.parametrize(("status", "expected"), [(2, 2), (1, 1), (77, 1)])
def test_a_worker_that_breaks_is_told_in_one_line(status, expected, capsys, tmp_path, monkeypatch):
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\necho 'Traceback' >&2\necho 'sparserl: the arm fell off' >&2\nexit {status}\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    result = call(capsys, "bench", *TINY, "--json")
    assert (result.status, result.out) == (expected, "")
    (line,) = result.err.splitlines()
    assert line.startswith("sparserl: ")
    assert line.endswith("the arm fell off")


def test_a_worker_tells_its_own_errors_in_its_last_line(capsys, monkeypatch):
    def breaks(options, index, num_processes):
        assert options.hidden_units == (8,)
        raise RuntimeError("one line\nand another")

    monkeypatch.setattr(worker, "measure_all", breaks)
    monkeypatch.setattr(alone, "use_compilation_cache", lambda: None)
    monkeypatch.setattr(sys, "argv", ["worker", "inference", '{"hidden_units": [8]}'])
    assert worker.main() == 1
    assert capsys.readouterr().err.splitlines()[-1] == "sparserl: RuntimeError: one line"


def test_without_kernels_there_is_no_break_even(capsys, monkeypatch):
    monkeypatch.setattr("sparserl.linalg.native.unavailable_reason", lambda: "no compiler was found")
    result = call(capsys, "bench", "break-even", *QUICK)
    assert (result.status, result.out) == (2, "")
    assert result.err == "sparserl: there is no break-even to measure: no compiler was found\n"
