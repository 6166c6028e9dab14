"""A run's folder with one of each file that sparserl reads again, and how to read each."""

import numpy as np

from sparserl import persistence
from sparserl.persistence import Kept, Ring, Status, claim


def row(schema, steps=0):
    """A row of a table with some value in each column."""
    values = {"string": "all", "int64": steps, "double": 0.25}
    return {field.name: values[str(field.type)] for field in schema}


def store(run):
    """Write every kind of file below `run`, as a worker does."""
    persistence.plan_experiment(run.parent.parent, run.parent.name, {"choices": {"sparsity": 0.9}})
    attempt = claim(run)
    rows = [row(persistence.EVALUATION_SCHEMA, steps) for steps in range(0, 2_000, 100)]
    persistence.write_table(persistence.EVALUATIONS, run, rows, attempt.scratch)
    persistence.write_table(persistence.DIAGNOSTICS, run, [row(persistence.DIAGNOSTICS_SCHEMA, 100)], attempt.scratch)
    persistence.write_request(run, persistence.RunRequest(diagnostics=True))
    persistence.write_status(run, Status("running", 100, started="now"), attempt.scratch)
    persistence.write_bundle(run / "checkpoint", {"w": np.arange(50.0)}, {"environment_steps": 100}, attempt.scratch)
    kept = Kept()
    for count in (3, 7):
        ring = Ring({"rows": np.arange(10.0)[:, None], "frame": np.full((10, 40), 7, np.uint8)}, count)
        kept = persistence.write_generation(attempt, kept, count, {"x": np.ones(4)}, {"turn": count}, ring)
    return attempt


def readers(run):
    """What reads each file, by its path below the results directory."""
    generation = lambda: plain(persistence.read_newest(run))
    return {
        run.parent / "experiment.json": lambda: persistence.read_experiment(run.parent),
        run / "evaluations.parquet": lambda: persistence.read_evaluations(run).to_pylist(),
        run / "diagnostics.parquet": lambda: persistence.read_diagnostics(run).to_pylist(),
        run / "request.json": lambda: persistence.read_request(run),
        run / "status.json": lambda: persistence.read_status(run),
        run / "lease.json": lambda: persistence.read_lease(run),
        **{path: lambda: plain(persistence.read_bundle(run / "checkpoint")) for path in (run / "checkpoint").iterdir()},
        **{path: generation for path in (run / "resume").rglob("*") if path.is_file() and "step=3," not in str(path)},
    }


def plain(value):
    """Arrays as lists, so that values can be compared."""
    match value:
        case np.ndarray():
            return value.tolist()
        case dict():
            return {name: plain(entry) for name, entry in value.items()}
        case tuple() | list():
            return [plain(entry) for entry in value]
    return value
