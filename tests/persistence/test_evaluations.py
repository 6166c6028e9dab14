"""Evaluations: tidy, typed, readable by others, and never read wrong."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from covering import covering
from sparserl.persistence import (
    EVALUATION_SCHEMA,
    EVALUATIONS,
    FACTS,
    UserError,
    read_evaluations,
    write_document,
    write_table,
)


def row(**changes: object) -> dict[str, object]:
    values: dict[str, object] = {
        "experiment_id": "dqn-rigl-CartPole-v1-0.9-1a2b3c4d",
        "agent": "dqn",
        "method": "rigl",
        "environment": "CartPole-v1",
        "sparsity": 0.9,
        "seed": 0,
        "environment_steps": 2000,
        "num_updates": 1000,
        "mean_return": 123.25,
        "standard_deviation": 10.5,
        "minimum_return": 9.0,
        "maximum_return": 200.0,
        "num_episodes": 20,
        "mean_length_steps": 123.25,
        "live_density": 0.1,
        "seconds": 1.5,
        "results_version": 5,
        "preset": "paper",
        "network_kind": "mlp",
        "distribution": "erk",
        "storage": "compressed",
        "parameters": 266_754,
        "live_parameters": 27_549,
        "macs": 265_216,
        "live_macs": 26_523,
        "budget": None,
        "actor_share": None,
        "randomness": "seeded",
        "num_breaks": 0,
    }
    return values | changes


def test_round_trip_keeps_every_value_and_type(tmp_path: Path) -> None:
    rows = [row(environment_steps=step, mean_return=step / 3) for step in (0, 2000, 4000)]
    write_table(EVALUATIONS, tmp_path, rows)
    table = read_evaluations(tmp_path)
    assert table.schema.equals(EVALUATION_SCHEMA)
    assert table.to_pylist() == rows
    write_table(EVALUATIONS, tmp_path, [row(mean_return=np.float32(0.5), seed=np.int64(3), seconds=2)])
    assert read_evaluations(tmp_path).to_pylist() == [row(mean_return=0.5, seed=3, seconds=2.0)]


def test_a_diverged_return_is_kept_as_nan_and_no_rows_are_a_table_too(tmp_path: Path) -> None:
    write_table(EVALUATIONS, tmp_path, [row(mean_return=math.nan)])
    assert math.isnan(read_evaluations(tmp_path)["mean_return"][0].as_py())
    write_table(EVALUATIONS, tmp_path, [])
    assert read_evaluations(tmp_path).num_rows == 0


def test_other_programs_read_the_files_in_one_glob(tmp_path: Path) -> None:
    for seed in range(2):
        write_table(EVALUATIONS, tmp_path / "e" / f"seed={seed}", [row(seed=seed)])
    files = sorted(tmp_path.glob("*/*/*.parquet"))
    seeds = [pq.ParquetFile(path).read().to_pylist()[0]["seed"] for path in files]
    assert seeds == [0, 1]
    pandas = pytest.importorskip("pandas")
    assert pandas.read_parquet(files[1]).loc[0, "mean_return"] == 123.25


def test_one_function_reads_a_run_an_experiment_and_a_directory(tmp_path: Path) -> None:
    for experiment in ("b", "a"):
        for seed in (10, 9):
            write_table(EVALUATIONS, tmp_path / experiment / f"seed={seed}", [row(experiment_id=experiment, seed=seed)])
    (tmp_path / "a" / "seed=9" / ".evaluations.parquet.12ab.partial").write_bytes(b"PAR1 half a file")
    table = read_evaluations(tmp_path)
    assert list(zip(table["experiment_id"].to_pylist(), table["seed"].to_pylist(), strict=True)) == [
        ("a", 9),
        ("a", 10),
        ("b", 9),
        ("b", 10),
    ]
    assert read_evaluations(tmp_path / "b")["seed"].to_pylist() == [9, 10]
    assert read_evaluations(tmp_path / "b" / "seed=10").num_rows == 1
    with pytest.raises(UserError, match=r"nowhere holds no evaluations"):
        read_evaluations(tmp_path / "nowhere")


@pytest.mark.parametrize("stride", covering([47, 17], lambda stride: stride == 47))
def test_flipped_bits_and_truncations_are_noticed_and_named(stride: int, tmp_path: Path) -> None:
    write_table(EVALUATIONS, tmp_path, [row(environment_steps=step) for step in range(20)])
    path = tmp_path / "evaluations.parquet"
    content = path.read_bytes()
    for bit in range(0, 8 * len(content), stride):  # all bits of a byte take turns
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"evaluations\.parquet is damaged"):
            read_evaluations(tmp_path)
    for length in range(0, len(content), 6 * stride):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match=r"evaluations\.parquet is damaged"):
            read_evaluations(tmp_path)


def test_pages_have_checksums_for_other_readers_too(tmp_path: Path) -> None:
    write_table(EVALUATIONS, tmp_path, [row(environment_steps=step) for step in range(100)])
    path = tmp_path / "evaluations.parquet"
    column = pq.ParquetFile(path).metadata.row_group(0).column(8)
    damaged = bytearray(path.read_bytes())
    damaged[column.data_page_offset + column.total_compressed_size - 1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(OSError, match="checksum"):
        pq.ParquetFile(path, page_checksum_verification=True).read()


def test_parquet_of_other_origin_is_refused(tmp_path: Path) -> None:
    write_table(EVALUATIONS, tmp_path, [row()])
    table = read_evaluations(tmp_path)
    pq.write_table(table.drop_columns(["seed"]), tmp_path / "evaluations.parquet")
    with pytest.raises(UserError, match=r"evaluations\.parquet is damaged, or no file of sparserl's"):
        read_evaluations(tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"mean_retrun": 1.0}, r"no column 'mean_retrun'; did you mean 'mean_return'"),
        ({"seed": None}, "lacks 'seed'"),
        ({"seed": 1.5}, "'seed' of an evaluation is of type int64, not 1.5"),
        ({"seed": "1"}, "int64, not '1'"),
        ({"seed": True}, "int64, not True"),
        ({"seed": 2**63}, "does not fit"),
        ({"agent": 3}, "string, not 3"),
        ({"agent": "\ud800"}, "does not fit"),
        ({"mean_return": "high"}, "double, not 'high'"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_the_old_ones_stay(tmp_path: Path, changed: dict, said: str) -> None:
    write_table(EVALUATIONS, tmp_path, [row()])
    with pytest.raises(UserError, match=said):
        write_table(EVALUATIONS, tmp_path, [row(), row(**changed)])
    assert read_evaluations(tmp_path).to_pylist() == [row()]


def test_facts_that_a_row_leaves_out_are_not_known(tmp_path: Path) -> None:
    bare = {name: value for name, value in row().items() if name not in FACTS}
    write_table(EVALUATIONS, tmp_path, [bare])
    assert read_evaluations(tmp_path).to_pylist() == [bare | dict.fromkeys(FACTS)]


EARLIER = {
    "choices": {"results_version": 4, "distribution": "uniform", "storage": "masked", "network": {"name": "cnn"}},
    "preset": "sb3",
}


@pytest.fixture
def earlier_run(tmp_path: Path) -> Path:
    """A run whose evaluations lack the columns of facts altogether, as files of an earlier version do."""
    run, short = (
        tmp_path / "dqn-x" / "seed=0",
        pa.schema([field for field in EVALUATION_SCHEMA if field.name not in (*FACTS, "num_breaks")]),
    )
    table = EVALUATIONS._replace(schema=short, later=frozenset())
    write_table(table, run, [{name: row()[name] for name in short.names}])
    return run


def test_a_file_of_an_earlier_version_is_completed_by_the_experiments_document(earlier_run: Path) -> None:
    [unknown] = read_evaluations(earlier_run).to_pylist()
    assert unknown == row(**dict.fromkeys(FACTS), num_breaks=None)
    write_document(earlier_run.parent / "experiment.json", EARLIER)
    told = {"results_version": 4, "preset": "sb3", "network_kind": "cnn"}
    told |= {"distribution": "uniform", "storage": "masked"}
    for place in (earlier_run, earlier_run.parent, earlier_run.parent.parent):
        table = read_evaluations(place)
        assert table.schema.equals(EVALUATION_SCHEMA)
        assert table.to_pylist() == [row(**{**dict.fromkeys(FACTS), **told}, num_breaks=None)]


def test_a_file_with_some_of_the_later_columns_is_read(tmp_path: Path) -> None:
    short = pa.schema(list(EVALUATION_SCHEMA)[: EVALUATION_SCHEMA.names.index("randomness")])
    table = EVALUATIONS._replace(schema=short)
    write_table(table, tmp_path, [{name: row()[name] for name in short.names}])
    assert read_evaluations(tmp_path).to_pylist() == [row(randomness=None, num_breaks=None)]


def test_a_file_that_lacks_its_version_alone_keeps_all_else(tmp_path: Path) -> None:
    run = tmp_path / "dqn-x" / "seed=0"
    write_table(EVALUATIONS, run, [row(results_version=None)])
    write_document(run.parent / "experiment.json", EARLIER)
    assert read_evaluations(run).to_pylist() == [row(results_version=4)]


def test_files_of_both_versions_are_one_table(earlier_run: Path) -> None:
    write_table(EVALUATIONS, earlier_run.with_name("seed=1"), [row(seed=1)])
    assert read_evaluations(earlier_run.parent)["live_parameters"].to_pylist() == [None, 27_549]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"choices": 3}, "does not say what its runs are: it has no choices"),
        ({"facts": [1]}, "does not say what its runs are: it has no choices"),
        (EARLIER | {"facts": [1]}, "is from another version of sparserl"),
        (EARLIER | {"facts": {"parameters": "many"}}, "is from another version of sparserl"),
    ],
)
def test_a_document_that_says_what_no_version_wrote_is_one_line(earlier_run: Path, document: dict, said: str) -> None:
    write_document(earlier_run.parent / "experiment.json", document)
    with pytest.raises(UserError, match=rf"experiment\.json {said}") as caught:
        read_evaluations(earlier_run)
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    incomplete = row()
    del incomplete["num_episodes"]
    with pytest.raises(UserError, match="lacks 'num_episodes'"):
        write_table(EVALUATIONS, tmp_path, [incomplete])
    assert not list(tmp_path.iterdir())
