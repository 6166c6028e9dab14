"""Topologies on disk: lists of counts come back as they were, also from a checkpoint, and others are refused."""

import pytest

from sparserl.persistence import TOPOLOGY, UserError, pack_rows, read_topology, unpack_rows, write_table


def row(**changes):
    words = {"experiment_id": "sac-rigl-x-0.9-1a2b3c4d", "agent": "sac", "method": "rigl", "environment": "x"}
    place = {"sparsity": 0.9, "seed": 0, "environment_steps": 100, "num_updates": 10, "network": "actor"}
    counts = {"layer": "hidden_1", "side": "input", "weights_per_unit": 4, "live_weights": [4, 0, 1]}
    return {**words, **place, **counts, **changes}


def test_round_trip_through_file_and_checkpoint(tmp_path):
    rows = [row(), row(side="output", live_weights=[2, 2]), row(layer="output", live_weights=[])]
    write_table(TOPOLOGY, tmp_path, rows)
    assert read_topology(tmp_path).schema.equals(TOPOLOGY.schema)
    assert read_topology(tmp_path).to_pylist() == rows
    assert unpack_rows(TOPOLOGY, pack_rows(TOPOLOGY, rows), "here") == rows


@pytest.mark.parametrize("units", [["many"], [2**31], "1", 3])
def test_what_is_no_list_of_counts_is_refused(units, tmp_path):
    with pytest.raises(UserError, match="a topology"):
        write_table(TOPOLOGY, tmp_path, [row(live_weights=units)])
    assert not (tmp_path / "topology.parquet").exists()
