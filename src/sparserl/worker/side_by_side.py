"""Side by side: how many seeds of an experiment one process may train."""

from collections.abc import Sequence
from pathlib import Path

from sparserl import persistence
from sparserl.errors import UserError
from sparserl.experiment import experiment_in, obstacle_to_side_by_side, plan_of, seed_bytes

MOST_STATE_BYTES = 4 * 2**30  # of all of them, replay included; a program may hold its state twice for a moment


def most_at_once(runs: Sequence[Path]) -> int:
    """How many of these runs of one experiment a process may train; if they cannot be read, the worker will say why."""
    try:
        plan = plan_of(experiment_in(runs[0].parent))
        diagnosed = any(persistence.read_request(run).diagnostics for run in runs)
        if diagnosed or obstacle_to_side_by_side(plan):
            return 1
        return max(MOST_STATE_BYTES // seed_bytes(plan), 1)
    except UserError:
        return 1
