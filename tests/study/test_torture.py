"""R1 and R2: runs of all agents, methods and storages, killed at points and from outside, end as if untouched.

Which cells, says `every_cell.COVERING`; `scripts/torture` takes all of them, and 200 kills.
"""

import itertools

import pytest

from study import every_cell, torture
from worker import forked

NUM_KILLS = 6
SEED = 242  # four workers die, each of another run at another kind of point, then two of an engine are killed


@pytest.mark.kernels
@pytest.mark.processes
def test_a_study_that_is_killed_ends_as_one_that_is_not(tmp_path):
    whole = tmp_path / "whole"
    torture.store(whole, "smoke")
    for run in torture.unfinished(whole):
        done = forked.work(str(run), "--checkpoint-seconds", torture.EVERYTHING)
        assert done.returncode == 0, done.stderr
    rounds = torture.torture_in_rounds(tmp_path, "smoke", NUM_KILLS, SEED, tell=lambda *words, **options: None)
    kills = [kill for _, kills, _ in rounds for kill in kills]
    assert len(kills) == NUM_KILLS  # it goes on until there were so many
    assert {kill.kind for kill in kills} >= {"commit", "checkpoint", "evaluation"}
    for killed, _, seen in rounds:
        assert torture.differences(whole, killed) == []
        assert (seen.num_lost, seen.num_twice, seen.num_changed) == (0, 0, 0)
        assert len(seen.rows) == len(every_cell.COVERING) * 17  # at the start and at 16 multiples of the interval
    a_difference_is_found(whole, killed)


def a_difference_is_found(whole, killed):
    """The comparison itself can fail."""
    path = next(killed.glob("*/seed=0/checkpoint/arrays.safetensors"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert torture.differences(whole, killed) == [f"{torture.name_of(path.parent.parent)}: arrays.safetensors differs"]


def test_the_cells_of_the_tests_cover_what_they_are_for():
    agents, methods, storages = map(set, zip(*every_cell.EVERY, strict=True))
    covered = every_cell.COVERING
    assert set(covered) <= set(every_cell.EVERY)
    assert {(agent, storage) for agent, _, storage in covered} == set(itertools.product(agents, storages))
    assert {method for _, method, _ in covered} == methods
