"""Studies on disk: `DIR/studies/<name>@<scale>/study.json` and the `experiment.json` of every experiment.

A study of another preset than `paper` lies in `<name>@<scale>+<preset>`, beside the one of that name.

Reading a study back needs neither JAX nor the file that defined it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sparserl.errors import UserError
from sparserl.persistence.documents import NewerFormat, read_document
from sparserl.persistence.results import renamed_experiments as renamed_folders
from sparserl.persistence.runs import RunId
from sparserl.processes.homes import at_home

USUAL_PRESET = "paper"
FILE_NAME = "study.json"


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
    module_folders: tuple[str, ...] = ()  # where modules of its own are, for workers
    observation_noise: tuple[float, ...] = ()  # under which all runs that have finished are to be evaluated

    @property
    def runs(self) -> tuple[RunId, ...]:
        """Every run: one seed of all experiments first, then the next."""
        names = [experiment.identifier for experiment in self.experiments]
        return tuple(RunId(name, seed) for seed in range(self.num_seeds) for name in names)


def study_folder(directory: str | Path, name: str, scale: str, preset: str | None = None) -> Path:
    """Where a study keeps its plan, beside the experiments that it may share with others."""
    suffix = "" if preset in (None, USUAL_PRESET) else f"+{preset}"
    return at_home(directory) / "studies" / f"{name}@{scale}{suffix}"


def stored(directory: str | Path, name: str, scale: str, preset: str | None = None) -> StoredStudy:
    """The plan that `store` wrote. Raises UserError with the nearest stored names, or naming a damaged file."""
    folder = study_folder(directory, name, scale, preset)
    if not (folder / FILE_NAME).exists():
        raise _missing(Path(directory), folder.name)
    try:
        document = read_document(folder / FILE_NAME)
    except NewerFormat:
        raise
    except UserError as error:
        raise UserError(f"{error}; move it away, and `sparserl study run` writes it anew") from error
    try:
        experiments = tuple(_checked(StoredExperiment(**entry)) for entry in document["experiments"])
        figures, waiting = tuple(dict(figure) for figure in document["figures"]), tuple(map(str, document["waiting"]))
        kept_scale, question = str(document["scale"]), str(document["question"])
        num_seeds, created = int(document["num_seeds"]), str(document["created"])
        asked, kept_preset = document["diagnostics"], document.get("preset")
        known = frozenset(experiment.identifier for experiment in experiments)
        module_folders = tuple(map(str, document.get("module_folders", ())))
        observation_noise = tuple(map(float, document.get("observation_noise", ())))
        diagnosed = known & frozenset(map(str, asked)) if isinstance(asked, list) else known if asked else frozenset()
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder / FILE_NAME} is from another version of sparserl: {error}") from error
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
        module_folders,
        observation_noise,
    )


def stored_names(directory: str | Path) -> list[str]:
    """All studies in a results directory, each as NAME@SCALE or NAME@SCALE+PRESET."""
    return sorted(path.parent.name for path in at_home(directory).glob(f"studies/*@*/{FILE_NAME}"))


def parsed_name(text: str) -> tuple[str, str, str | None]:
    """Name, scale and preset of NAME@SCALE+PRESET; the preset is None where the paper's is meant."""
    name, _, label = text.partition("@")
    scale, _, preset = label.partition("+")
    return name, scale, preset or None


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


def renamed_experiments(study: StoredStudy) -> Iterator[str]:
    """A line for each experiment that is there under another name, so that its runs are not seen as the study's."""
    identifiers = [experiment.identifier for experiment in study.experiments]
    for identifier, folder in renamed_folders(study.folder.parents[1], identifiers).items():
        yield f"{folder} holds {identifier}: rename it to that, so that its runs count"


def _missing(directory: Path, name: str) -> UserError:
    what = f"no study {name} in {directory}; `sparserl study run` begins one"
    return UserError(what, value=name, names=stored_names(directory))
