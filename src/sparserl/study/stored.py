"""Studies on disk: `DIR/studies/<name>@<scale>/study.json` and the `experiment.json` of every experiment.

A study of another preset than `paper` lies in `<name>@<scale>+<preset>`, beside the one of that name.

Reading a study back needs neither JAX nor the file that defined it.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sparserl import persistence
from sparserl.persistence import UserError

if TYPE_CHECKING:
    from sparserl.experiment import Budget, Experiment
    from sparserl.study.studies import Scale, Study

USUAL_PRESET = "paper"
_FILE_NAME = "study.json"


class StoredExperiment(NamedTuple):
    """What is told of an experiment without opening its own file; steps are those of one run, in all environments.

    `live_parameters` are those alive at the end, biases included, by network; `facts` are columns of its evaluations,
    as this study knows them; `matches` is what a dense network stands for. An earlier version stored neither.
    """

    identifier: str
    agent: str
    method: str
    environment: str
    sparsity: float
    environment_steps: int
    live_parameters: Mapping[str, int]
    facts: Mapping[str, Any] = {}
    matches: tuple[Mapping[str, Any], ...] = ()


class StoredStudy(NamedTuple):
    """The plan of a study as it is on disk."""

    folder: Path
    name: str
    scale: str
    question: str
    experiments: tuple[StoredExperiment, ...]
    num_seeds: int
    figures: tuple[Mapping[str, Any], ...]
    waiting: tuple[str, ...]
    created: str
    diagnosed: frozenset[str]  # identifiers of the experiments whose runs are to record diagnostics
    preset: str | None = None

    @property
    def runs(self) -> tuple[tuple[str, int], ...]:
        """Every run as experiment id and seed: one seed of all experiments first, then the next."""
        names = [experiment.identifier for experiment in self.experiments]
        return tuple((name, seed) for seed in range(self.num_seeds) for name in names)


def study_folder(directory: str | Path, name: str, scale: str, preset: str | None = None) -> Path:
    """Where a study keeps its plan, beside the experiments that it may share with others."""
    suffix = "" if preset in (None, USUAL_PRESET) else f"+{preset}"
    return Path(directory) / "studies" / f"{name}@{scale}{suffix}"


def store(directory: str | Path, study: "Study", scale: "Scale") -> Path:
    """Write the plan of `study` and the `experiment.json` of every experiment, and return the study's folder.

    Over a plan that is there already, more experiments or seeds may be stored. Raises UserError naming the first
    difference where something of it would be lost.
    """
    folder = study_folder(directory, study.name, scale, study.preset)
    if (folder / _FILE_NAME).exists():
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
        "versions": machine.pop("packages"),
        "machine": machine,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    persistence.write_document(folder / _FILE_NAME, document)
    return folder


def stored(directory: str | Path, name: str, scale: str, preset: str | None = None) -> StoredStudy:
    """The plan that `store` wrote. Raises UserError with the nearest stored names, or naming a damaged file."""
    folder = study_folder(directory, name, scale, preset)
    if not (folder / _FILE_NAME).exists():
        raise _missing(Path(directory), folder.name)
    document = persistence.read_document(folder / _FILE_NAME)
    try:
        experiments = tuple(_checked(StoredExperiment(**entry)) for entry in document["experiments"])
        figures, waiting = tuple(dict(figure) for figure in document["figures"]), tuple(map(str, document["waiting"]))
        kept_scale, question = str(document["scale"]), str(document["question"])
        num_seeds, created = int(document["num_seeds"]), str(document["created"])
        asked, kept_preset = document["diagnostics"], document.get("preset")
        known = frozenset(experiment.identifier for experiment in experiments)
        diagnosed = known & frozenset(map(str, asked)) if isinstance(asked, list) else known if asked else frozenset()
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder / _FILE_NAME} is from another version of sparserl: {error}") from error
    return StoredStudy(
        folder,
        name,
        kept_scale,
        question,
        experiments,
        num_seeds,
        figures,
        waiting,
        created,
        diagnosed,
        None if kept_preset is None else str(kept_preset),
    )


def stored_names(directory: str | Path) -> list[str]:
    """All studies in a results directory, each as NAME@SCALE or NAME@SCALE+PRESET."""
    return sorted(path.parent.name for path in Path(directory).glob(f"studies/*@*/{_FILE_NAME}"))


def parsed_name(text: str) -> tuple[str, str, str | None]:
    """Name, scale and preset of NAME@SCALE+PRESET; the preset is None where the paper's is meant."""
    name, _, label = text.partition("@")
    scale, _, preset = label.partition("+")
    return name, scale, preset or None


def experiment_document(
    experiment: "Experiment", preset: str | None = None, budget: "Budget | None" = None
) -> dict[str, Any]:
    """What `experiment.json` holds: the choices, what they came from where it is known, facts, versions and machine."""
    from sparserl.experiment import facts  # whoever has an experiment has imported this before

    machine = persistence.machine_description()
    return {
        "choices": experiment.choices(),
        **facts(experiment, preset, budget),
        "versions": machine.pop("packages"),
        "machine": machine,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _summaries(study: "Study") -> Iterator[StoredExperiment]:
    from sparserl.experiment import facts
    from sparserl.study.matches import matches

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


def _cell(experiment: "Experiment") -> tuple[str, str, str, float]:
    return experiment.agent_name, experiment.method_name, experiment.environment, experiment.sparsity


def _checked(experiment: StoredExperiment) -> StoredExperiment:
    """An entry whose identifier is the name of one folder: a results directory may come from a stranger."""
    if Path(experiment.identifier).name != experiment.identifier:
        raise ValueError(f"{experiment.identifier!r} is no experiment id")
    return experiment._replace(
        live_parameters=dict(experiment.live_parameters),
        facts=dict(experiment.facts),
        matches=tuple(
            {
                "sparsity": float(match["sparsity"]),
                "distribution": str(match["distribution"]),
                "dense_last_layer": bool(match["dense_last_layer"]),
            }
            for match in experiment.matches
        ),
    )


def _missing(directory: Path, name: str) -> UserError:
    what = f"no study {name} in {directory}; `sparserl study run` begins one"
    return UserError(what, value=name, names=stored_names(directory))


def _refuse_losses(directory: Path, old: StoredStudy, new: "Study") -> None:
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


def _difference(directory: Path, lost: StoredExperiment, new: "Study") -> str:
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
