"""Storing: the plan of a study as `study.json`, and the `experiment.json` of each of its experiments."""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sparserl import modules, persistence
from sparserl.experiment import Budget, Experiment, facts
from sparserl.persistence import UserError
from sparserl.persistence.studies import FILE_NAME, StoredExperiment, StoredStudy, stored, study_folder
from sparserl.study.matches import matches
from sparserl.study.studies import Scale, Study


def store(directory: str | Path, study: Study, scale: Scale) -> Path:
    """Write the plan of `study` and the `experiment.json` of every experiment, and return the study's folder.

    Over a plan that is there already, more experiments or seeds may be stored. Raises UserError naming the first
    difference where something of it would be lost.
    """
    folder = study_folder(directory, study.name, scale, study.preset)
    if (folder / FILE_NAME).exists():
        _refuse_losses(Path(directory), stored(directory, study.name, scale, study.preset), study)
    for experiment in study.experiments:
        budget = study.budgets.get(experiment.identifier)
        document = experiment_document(experiment, study.preset, budget)
        persistence.plan_experiment(directory, experiment.identifier, document)
    machine = persistence.machine_description()
    document = {
        "name": study.name,
        "scale": scale,
        "preset": study.preset,
        "question": study.question,
        "num_seeds": study.num_seeds,
        "experiments": [experiment._asdict() for experiment in _summaries(study)],
        "figures": [dataclasses.asdict(figure) for figure in study.figures],
        "waiting": study.waiting,
        "diagnostics": study.diagnostics,
        "observation_noise": study.observation_noise,
        "module_folders": modules.folders(),
        "versions": machine.pop("packages"),
        "machine": machine,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    persistence.write_document(folder / FILE_NAME, document)
    return folder


def experiment_document(
    experiment: Experiment, preset: str | None = None, budget: Budget | None = None
) -> dict[str, Any]:
    """What `experiment.json` holds: the choices, what they came from where it is known, facts, versions and machine."""
    machine = persistence.machine_description()
    return {
        "choices": experiment.choices(),
        **facts(experiment, preset, budget),
        "versions": machine.pop("packages"),
        "machine": machine,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _summaries(study: Study) -> Iterator[StoredExperiment]:
    stands_for = matches(study.experiments)
    for experiment in study.experiments:
        known = facts(experiment, study.preset, study.budgets.get(experiment.identifier))
        yield StoredExperiment(
            experiment.identifier,
            *_cell(experiment),
            experiment.total_steps * experiment.num_environments,
            {name: sizes["live_parameters"] for name, sizes in known["networks"].items()},
            known["facts"],
            tuple(match._asdict() for match in stands_for[experiment.identifier]),
        )


def _cell(experiment: Experiment) -> tuple[str, str, str, float]:
    return experiment.agent_name, experiment.method_name, experiment.environment, experiment.sparsity


def _refuse_losses(directory: Path, old: StoredStudy, new: Study) -> None:
    remedy = "choose another --output, or give the study another name"
    if new.num_seeds < old.num_seeds:
        raise UserError(
            f"{old.folder} plans more: num_seeds is {old.num_seeds} there and {new.num_seeds} here; {remedy}"
        )
    kept = {experiment.identifier for experiment in new.experiments}
    for lost in old.experiments:
        if lost.identifier not in kept:
            difference = _difference(directory, lost, new)
            raise UserError(f"{old.folder} plans {lost.identifier}, and here {difference}; {remedy}")


def _difference(directory: Path, lost: StoredExperiment, new: Study) -> str:
    """What became of a lost experiment: the first choice that differs from the one most like it."""
    old = dict(_flat(persistence.read_experiment(directory / lost.identifier)["choices"]))
    candidates = [experiment for experiment in new.experiments if _cell(experiment) == lost[1:5]]
    changes = [[item for item in _flat(experiment.choices()) if item not in old.items()] for experiment in candidates]
    if nearest := min((change for change in changes if change), key=len, default=None):
        name, value = nearest[0]
        return f"choices.{name} is {value}, there {old.get(name, 'absent')}"
    return "no experiment of that agent, method, environment and sparsity has its choices"


def _flat(choices: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in choices.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", persistence.canonical_json(value)
