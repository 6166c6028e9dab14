"""Diagnostics and requests on disk: nulls where nothing was measured, and nothing read wrong."""

from pathlib import Path

import pytest

from sparserl.persistence import (
    DIAGNOSTICS,
    DIAGNOSTICS_SCHEMA,
    RunRequest,
    UserError,
    drop_diagnostics,
    has_diagnostics,
    read_diagnostics,
    read_evaluations,
    read_request,
    write_document,
    write_request,
    write_table,
)


def row(**changes: object) -> dict[str, object]:
    known = {
        "experiment_id": "sac-rigl-HalfCheetah-v5-0.9-1a2b3c4d",
        "agent": "sac",
        "method": "rigl",
        "environment": "HalfCheetah-v5",
        "sparsity": 0.9,
        "seed": 0,
        "environment_steps": 10_000,
        "num_updates": 0,
        "network": "actor",
        "layer": "all",
        "live_density": 0.1,
    }
    return {**dict.fromkeys(DIAGNOSTICS_SCHEMA.names), **known, **changes}


def test_round_trip_keeps_values_and_nulls(tmp_path: Path) -> None:
    rows = [row(layer=layer, srank=rank) for layer, rank in (("hidden_1", None), ("all", 97.0))]
    assert not has_diagnostics(tmp_path)
    write_table(DIAGNOSTICS, tmp_path, rows)
    assert has_diagnostics(tmp_path)
    table = read_diagnostics(tmp_path)
    assert table.schema.equals(DIAGNOSTICS_SCHEMA)
    assert table.to_pylist() == rows
    assert table["srank"].null_count == 1
    assert table["dead_signal_to_noise"].null_count == 2


def test_all_runs_of_a_directory_are_read_in_order(tmp_path: Path) -> None:
    for seed in (10, 2):
        write_table(DIAGNOSTICS, tmp_path / "e" / f"seed={seed}", [row(seed=seed)])
    assert read_diagnostics(tmp_path)["seed"].to_pylist() == [2, 10]
    with pytest.raises(UserError, match=r"holds no evaluations: expected evaluations\.parquet"):
        read_evaluations(tmp_path)


def test_wrong_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a diagnosis lacks 'network'"):
        write_table(DIAGNOSTICS, tmp_path, [row(network=None)])
    incomplete = row()
    del incomplete["srank"]
    with pytest.raises(UserError, match=r"a diagnosis lacks 'srank'"):
        write_table(DIAGNOSTICS, tmp_path, [incomplete])
    with pytest.raises(UserError, match=r"no column 'erank'; did you mean 'srank'"):
        write_table(DIAGNOSTICS, tmp_path, [row(erank=1.0)])
    with pytest.raises(UserError, match=r"'srank' of a diagnosis is of type double, not 'high'"):
        write_table(DIAGNOSTICS, tmp_path, [row(srank="high")])
    assert not has_diagnostics(tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    write_table(DIAGNOSTICS, tmp_path, [row()])
    path = tmp_path / "diagnostics.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"diagnostics\.parquet is damaged"):
        read_diagnostics(tmp_path)
    drop_diagnostics(tmp_path, tmp_path)
    assert not has_diagnostics(tmp_path)
    drop_diagnostics(tmp_path, tmp_path)  # twice is no mistake


def test_requests(tmp_path: Path) -> None:
    assert read_request(tmp_path) == RunRequest(diagnostics=False)
    write_request(tmp_path, RunRequest(diagnostics=True))
    assert read_request(tmp_path) == RunRequest(diagnostics=True)
    write_request(tmp_path, RunRequest())
    assert read_request(tmp_path) == RunRequest(diagnostics=False)
    for document in ({"diagnostics": 1}, {}, {"diagnostics": True, "video": True}):
        write_document(tmp_path / "request.json", document)
        with pytest.raises(UserError, match=r"request\.json is from another version"):
            read_request(tmp_path)
