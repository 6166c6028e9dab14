"""R7: a small disk filled to 20 points. What cannot be written says so and by how much; what was there before stays."""

import numpy as np
import pytest
from stored_run import row

from small_disk import fill, small_disk
from sparserl import persistence
from sparserl.persistence import DiskFull, Kept, Ring, Status, claim

DISK_BYTES = 24 * 2**20
POINTS = 20
STEP_BYTES = 100_000  # what a checkpoint takes, so that some points leave room for a part of it


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path, DISK_BYTES) as disk:
        yield disk


def write_all(run, attempt, kept, turn):
    """A checkpoint of some 100 kB, the evaluations and the status, as a worker writes them."""
    rows = [row(persistence.EVALUATION_SCHEMA, steps) for steps in range(turn)]
    persistence.write_table(persistence.EVALUATIONS, run, rows, attempt.scratch)
    ring = Ring({"rows": np.full((1_000, 8), turn, np.float64)}, 1_000 * turn)
    kept = persistence.write_generation(attempt, kept, turn, {"x": np.full(6_000, turn)}, {"turn": turn}, ring)
    persistence.write_status(run, Status("running", turn), attempt.scratch)
    return kept


def tried(run, attempt, kept, turn):
    """What is kept then, and "", or what was kept before and the line in which writing was refused."""
    try:
        return write_all(run, attempt, kept, turn), ""
    except DiskFull as error:
        return kept, str(error)


def test_twenty_points(disk):
    run = disk / "dqn-static" / "seed=0"
    attempt, kept, refused = claim(run), Kept(), []
    kept = write_all(run, attempt, kept, 1)
    turn = 1
    for point in range(POINTS):
        filler = fill(disk, room=point * STEP_BYTES // 8)
        before = persistence.read_newest(run)[0].document, persistence.read_status(run).environment_steps
        turn += 1
        kept, refusal = tried(run, attempt, kept, turn)
        if refusal:
            refused.append(point)
            assert "No space left on device" in refusal
            assert refusal.startswith("cannot write ")
            assert persistence.read_newest(run)[1] == []
            after = persistence.read_newest(run)[0].document, persistence.read_status(run).environment_steps
            assert after[1] == before[1]
            assert after[0]["turn"] in (before[0]["turn"], turn)
        num_rows = persistence.read_evaluations(run).num_rows
        assert num_rows in (turn, turn - 1, *range(before[1], turn))
        filler.unlink()
        turn += 1
        kept = write_all(run, attempt, kept, turn)  # there is room again
        assert persistence.read_newest(run)[0].document == {"turn": turn}
        assert not list(disk.rglob("*.partial"))
    assert 5 < len(refused) < POINTS, "some points must leave too little room, and some enough"
    attempt.release()
    assert claim(run).number == 2
