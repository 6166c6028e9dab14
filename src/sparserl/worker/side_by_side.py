"""Side by side: how many seeds of an experiment one process may train."""

from collections.abc import Sequence
from pathlib import Path

from sparserl import persistence
from sparserl.errors import UserError
from sparserl.experiment import Experiment, obstacle_to_side_by_side, seed_bytes

MOST_STATE_BYTES = 4 * 2**30  # of all of them, replay included; a program may hold its state twice for a moment


def most_at_once(runs: Sequence[Path]) -> int:
    """How many of these runs of one experiment a process may train; if they cannot be read, the worker will say why."""
    try:
        experiment = Experiment.from_choices(persistence.read_experiment(runs[0].parent)["choices"])
        diagnosed = any(persistence.read_request(run).diagnostics for run in runs)
        if diagnosed or obstacle_to_side_by_side(experiment):
            return 1
        return max(MOST_STATE_BYTES // seed_bytes(experiment), 1)
    except (UserError, KeyError):
        return 1
