"""Runs and selections from a few numbers, without training: what tests of figures, claims and pages begin with."""

import math

import numpy as np

from sparserl import persistence
from sparserl.persistence import RunId, Status
from sparserl.report.roles import with_roles
from sparserl.report.runs import Results, Run
from sparserl.report.selection import everything

FULL_PARAMETERS = 1_000  # of every synthetic network, dead weights included


def run(
    method="rigl",
    sparsity=0.9,
    final_return=100.0,
    seed=0,
    *,
    agent="dqn",
    environment="CartPole-v1",
    returns=None,
    evaluations=5,
    steps=1_000,
    seconds=60.0,
    status="finished",
    folder=None,
    **columns,
):
    """A run whose return rises to `final_return`, or has these `returns`; `columns` are facts or choices with dots.

    A dense network has all parameters alive, any other its share of them; give `live_parameters` or `parameters` for
    another size. `status` None: it wrote none.
    """
    dense = method == "dense"
    live = FULL_PARAMETERS if dense else round(FULL_PARAMETERS * (1 - sparsity))
    told = {
        "agent": agent,
        "method": method,
        "environment": environment,
        "sparsity": 0.0 if dense else sparsity,
        **dict.fromkeys(persistence.FACTS),
        "results_version": 5,
        "preset": "paper",
        "network_kind": "mlp",
        "distribution": "erk",
        "storage": "masked",
        "parameters": columns.get("live_parameters", FULL_PARAMETERS) if dense else FULL_PARAMETERS,
        "live_parameters": live,
        "macs": FULL_PARAMETERS,
        "live_macs": columns.get("live_parameters", live),
        "randomness": "seeded",
        "network.name": "mlp",
        "network.hidden_units": (10, 10),
        **columns,
    }
    named = {name: value for name, value in told.items() if name not in ("results_version", "preset")}
    experiment = persistence.experiment_id(f"{agent}-{method}-{environment}-{told['sparsity']:g}", named)
    values = np.linspace(0.0, final_return, evaluations) if returns is None else np.asarray(returns, np.float64)
    along = np.linspace(0, 1, len(values))
    final = float(values[-1]) if status == "finished" and math.isfinite(values[-1]) else None
    return Run(
        RunId(experiment, seed),
        folder,
        {"experiment_id": experiment, **told, "seed": seed},
        None if status is None else Status(status, steps, final_return=final, seconds=seconds),
        np.round(along * steps).astype(np.int64),
        np.round(along * steps / 4).astype(np.int64),
        values,
        along * seconds,
        final,
    )


def seeds(final_returns, method="rigl", sparsity=0.9, **others):
    """One run for each of these final returns: seeds 0, 1, and so on of one experiment."""
    return [run(method, sparsity, value, seed, **others) for seed, value in enumerate(final_returns)]


def selection(runs, **replaced):
    """The runs as `everything` selects them, with roles; `replaced` are fields of `Selection`, as figures."""
    results = Results(None, with_roles(sorted(runs, key=lambda each: each.id)))
    return everything(results)._replace(**replaced)
