"""R1 and R2: every cell of agents, methods and storages, killed 25 times in all, ends as if nothing had happened."""

import subprocess
from collections import Counter

import pytest

from study import torture

NUM_KILLS = 25


@pytest.mark.kernels
def test_a_study_that_is_killed_ends_as_one_that_is_not(tmp_path):
    whole = tmp_path / "whole"
    done = subprocess.run(torture.engine_command(whole, "smoke", "run"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rounds = torture.torture_in_rounds(tmp_path, "smoke", NUM_KILLS, seed=1, tell=lambda *words, **options: None)
    kinds = Counter(kill.kind for _, kills, _ in rounds for kill in kills)
    assert kinds.total() == NUM_KILLS
    assert len(kinds) >= 4
    for killed, _, seen in rounds:
        assert torture.differences(whole, killed) == []
        assert (seen.num_lost, seen.num_twice, seen.num_changed) == (0, 0, 0)
        assert len(seen.rows) == 27 * 17  # 27 cells, evaluated at the start and at 16 multiples of the interval
    a_difference_is_found(whole, killed)


def a_difference_is_found(whole, killed):
    """The comparison itself can fail."""
    path = next(killed.glob("*/seed=0/checkpoint/arrays.safetensors"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert torture.differences(whole, killed) == [f"{torture.name_of(path.parent.parent)}: arrays.safetensors differs"]
