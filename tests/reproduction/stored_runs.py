"""Runs in a results directory as if they had been trained."""

import functools

from sparserl import persistence
from sparserl.persistence import EVALUATIONS, RunId, Status
from sparserl.study.storing import experiment_document

_document = functools.cache(experiment_document)


def store(directory, experiment, preset, seed, returns, seconds=1.0):
    """A run that has finished, with these returns at even steps, `seconds` apart."""
    run, document = RunId(experiment.identifier, seed), _document(experiment, preset)
    persistence.plan_experiment(directory, run.experiment, document)
    every = experiment.total_steps // (len(returns) - 1)
    about = {"experiment_id": run.experiment, "agent": experiment.agent_name, "method": experiment.method_name}
    about |= {"seed": seed, "environment": experiment.environment, "sparsity": experiment.sparsity, **document["facts"]}
    rows = [
        {name: 0 for name in persistence.EVALUATION_SCHEMA.names if name not in persistence.FACTS}
        | about
        | {"environment_steps": index * every, "mean_return": float(value), "seconds": index * seconds}
        for index, value in enumerate(returns)
    ]
    persistence.write_table(EVALUATIONS, run.folder(directory), rows)
    persistence.write_status(run.folder(directory), Status("finished", experiment.total_steps, attempt=1))
