"""The scaling benchmark: the work of an update by hand, the roofline that follows, and what is planned and told."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cells
from benchmarks.scaling import __main__ as command
from benchmarks.scaling import machine as roofline
from benchmarks.scaling import model, points, report

ABOUT = {"machine": {"cpu_model": "Imagined", "cpu_features": "avx2", "platform": "Linux", "packages": {"jax": "1"}}}


@pytest.fixture
def machine():
    """100 GFLOP/s; 400 GB/s up to 10 kB, 40 GB/s from 1 MB on."""
    return roofline.Machine(1e11, [(1e4, 4e11), (1e6, 4e10)], {"L1": 8192}, "C")


def test_bandwidth_lies_between_what_was_measured(machine):
    found = [machine.bytes_per_second(size) for size in (1.0, 1e4, 1e5, 1e6, 1e9)]
    np.testing.assert_allclose(found, [4e11, 4e11, np.sqrt(4e11 * 4e10), 4e10, 4e10])


def test_the_work_of_dqn_is_that_by_hand(machine):
    """4 -> 10 -> 3, batch 5; the first layer has 8 live weights with 2 bytes of index each, the second is dense."""
    layers = {"q": [model.Layer(4, 10, 8, 2), model.Layer(10, 3, 30, 0)]}
    work = model.work_of("dqn_update", layers, 5)
    first, second = 1 + 2, 1 + 3  # target forward; online forward, weights, and inputs but for the first layer
    assert work.flop == 2 * 5 * (first * 8 + second * 30)
    weights = first * 8 * (4 + 2) + second * 30 * 4
    activations = 4 * 5 * (first * 14 + second * 13)
    assert work.streamed_bytes == weights + activations + 7 * 4 * 38
    assert work.gathered_bytes == first * 8 * 5 * 4
    assert work.resident_bytes == 38 * 16 + 8 * 3 * 2 + 4 * 5 * (14 + 13)
    bounds = work.bounds(machine)
    assert bounds["arithmetic"] == pytest.approx(work.flop / 1e11)
    assert bounds["memory"] == pytest.approx(work.streamed_bytes / 4e11)
    assert bounds["gathering"] == pytest.approx(work.gathered_bytes / 4e11)
    assert work.seconds(machine) == max(bounds.values())


def test_the_work_of_sac_counts_every_pass():
    """Actor and critics of one layer each: 1 + 2 passes to the aim, 2 x (1 + 1) and 1 + 1 for losses, 2 x (1 + 1)."""
    layers = {name: [model.Layer(3, 2, 6, 0)] for name in ("actor", "critic_1", "critic_2")}
    work = model.work_of("sac_update", layers, 1)
    assert work.flop == 2 * 6 * (3 + 4 + 2 + 4)
    assert work.gathered_bytes == 0
    averages = 2 * 3 * 4 * 6  # read a target and a weight, write a target
    assert work.streamed_bytes == 13 * (6 * 4 + 4 * 5) + 3 * 7 * 4 * 6 + averages


def test_the_stream_is_a_triad_in_c_and_in_numpy(monkeypatch):
    monkeypatch.setattr(roofline, "CACHES", Path("/nowhere"))
    triad, how = roofline.triad_of()
    a, b, c = (np.full(100, number, np.float32) for number in (0.0, 1.0, 2.0))
    triad(a, b, c, 3)
    np.testing.assert_array_equal(a, 2.0 if how == "C" else 3.0)
    monkeypatch.setenv("CC", "no-such-compiler")
    triad, how = roofline.triad_of()
    assert how == "NumPy"
    assert roofline.bandwidth_of(triad, 4_096, 1e-4) > 0
    assert roofline.caches(Path("/nowhere")) == {}


def test_caches_are_those_that_hold_data(tmp_path):
    for number, (kind, level, size) in enumerate(
        (("Data", 1, "32K"), ("Instruction", 1, "64K"), ("Unified", 2, "1024K"))
    ):
        (tmp_path / f"index{number}").mkdir()
        for name, value in (("type", kind), ("level", level), ("size", size)):
            (tmp_path / f"index{number}" / name).write_text(f"{value}\n")
    assert roofline.caches(tmp_path) == {"L1": 32 * 1024, "L2": 1024 * 1024}


def planned(*words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["scaling", *words])
        patch.setattr(command.os, "sched_getaffinity", lambda process: {0, 1, 2})
        options = command._options()
        return [command.machine_cell(options), *command.cells(options)]


def test_one_size_changes_at_a_time_and_each_is_measured_once():
    cells = planned()[1:]
    keys = [cell.key for cell in cells]
    assert all(keys.count(key) == 1 for key in keys)
    for work, centre in command.CENTRE.items():
        own = [key for key in keys if key["work"] == work]
        assert all(sum(key[name] != value for name, value in centre.items()) <= 1 for key in own)
        assert {key["processes"] for key in own} == {1, 2, 3}
        assert {key["width"] for key in own} == {64, 128, 256, 512, 1024, 2048, 4096}
    assert [cell.key["batch_size"] for cell in planned("batch", "--works", "dqn_update", "--smoke")[1:]] == [
        8,
        16,
    ]


def test_unknown_axes_are_told_in_a_line(capsys):
    with pytest.raises(SystemExit) as stop:
        planned("widht")
    assert stop.value.code == 2
    assert "unknown 'widht': there are density, width, batch, seeds, processes" in capsys.readouterr().err


def test_the_report_has_measured_times_beside_the_roofline(machine, tmp_path):
    work = model.Work(1e6, 1e3, 0.0, 1e3)._asdict()  # 10 us of arithmetic, 2.5 ns of memory

    def measured(cell):
        if cell.key["work"] == "machine":
            return machine._asdict()
        seconds = {"dense": [9e-5, 8e-5, 1e-4], "compressed": [2e-5, 3e-5, 4e-5]}
        return {variant: {"seconds": own, "work": work} for variant, own in seconds.items()}

    book = cells.opened(tmp_path / "scaling.json", ABOUT)
    cells.measure_all(book, planned("density", "--works", "dqn_update"), measured)
    report.write_report(tmp_path, book)
    page = (tmp_path / "README.md").read_text()
    row = "| 512 | 0.1 | 128 | 1 | 1 | compressed | 30 (20 to 40) | 3.00 | 1.00 | 10 | 33% | arithmetic |"
    assert row in page
    assert "100 GFLOP/s" in page
    assert {"scaling.png", "machine.png"} <= {file.name for file in tmp_path.iterdir()}
    assert json.loads((tmp_path / "scaling.json").read_text())["cells"] == json.loads(json.dumps(book.rows))
    densities = [point.key["density"] for point in points.along(points.points_of(book), "dqn_update", "density")]
    assert densities == sorted([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0] * 2)
