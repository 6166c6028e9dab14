"""Evaluations under noise: kept by deviation, read across runs, and nobody's loss where a file is damaged."""

import pytest

from sparserl import persistence
from sparserl.errors import UserError


def rows(deviations, seed=0, mean=1.0):
    what = {"experiment_id": "dqn-rigl-1", "agent": "dqn", "method": "rigl", "environment": "Pong", "sparsity": 0.9}
    numbers = {"mean_return": mean, "standard_deviation": 0.5, "num_episodes": 3}
    return [{**what, "seed": seed, "observation_noise": float(each), **numbers} for each in deviations]


def write(place, seed, deviations, mean=1.0):
    folder = place / "dqn-rigl-1" / f"seed={seed}"
    attempt = persistence.claim(folder)
    persistence.write_noise(folder, rows(deviations, seed, mean), attempt.scratch)
    attempt.release()
    return folder


def test_rows_are_kept_by_deviation(tmp_path):
    folder = write(tmp_path, 3, (10, 0, 2.5))
    assert persistence.has_noise(folder)
    assert [row["observation_noise"] for row in persistence.noise_rows(folder)] == [0.0, 2.5, 10.0]
    assert persistence.missing_noise(folder, (0, 5, 10)) == (5,)
    write(tmp_path, 1, (0,))
    assert persistence.read_noise(tmp_path).select(["seed", "observation_noise"]).to_pylist() == [
        {"seed": seed, "observation_noise": noise} for seed, noise in ((1, 0.0), (3, 0.0), (3, 2.5), (3, 10.0))
    ]
    again = (folder / "noise.parquet").read_bytes()
    write(tmp_path, 3, (0, 2.5, 10))
    assert (folder / "noise.parquet").read_bytes() == again  # whatever order they came in


def test_a_damaged_file_is_named_and_written_anew(tmp_path):
    folder = write(tmp_path, 0, (0, 1))
    path = folder / "noise.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert persistence.missing_noise(folder, (0, 1)) == (0, 1)
    with pytest.raises(UserError, match=r"noise\.parquet is damaged"):
        persistence.read_noise(tmp_path)
    with pytest.raises(UserError, match="holds no evaluations under noise"):
        persistence.read_noise(tmp_path / "dqn-rigl-1" / "seed=1")


def test_copies_count_once_unless_they_differ(tmp_path):
    write(tmp_path / "a", 0, (0, 1, 2))
    write(tmp_path / "b", 0, (1, 3))
    assert persistence.read_noise(tmp_path)["observation_noise"].to_pylist() == [0, 1, 2]
    write(tmp_path / "b", 0, (1, 3), mean=2.0)
    with pytest.raises(UserError, match="both dqn-rigl-1/seed=0 and differ under noise of 1: move one"):
        persistence.read_noise(tmp_path)
