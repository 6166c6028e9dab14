"""What is kept: results that are committed under `reproduction/`, as selections that claims can be put to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sparserl.persistence import RunId
from sparserl.persistence.studies import parsed_name, stored, stored_names
from sparserl.report.gathered import gathered_file
from sparserl.report.observed import diagnostics_of, noise_of
from sparserl.report.runs import Results, read_results
from sparserl.report.selection import Selection, everything, select

ROOT = Path(__file__).resolve().parents[2]
REPRODUCTION = ROOT / "reproduction"
RESULTS = "results"  # the folder of a kept study that `sparserl report` reads as a results directory


class Kept(NamedTuple):
    """Runs that are committed in one folder of `reproduction/`, with what they have recorded beside their returns."""

    folders: tuple[str, ...]  # one, or several whose runs were put together
    selection: Selection
    diagnostics: Mapping[str, Any]
    noise: Mapping[str, Mapping[float, float]]

    @property
    def runs(self) -> frozenset[RunId]:
        """Which runs there are."""
        return frozenset(run.id for run in self.selection.runs)

    @property
    def num_planned(self) -> int:
        """Runs that the study has, those not run yet included."""
        return len(self.selection.runs) + len(self.selection.missing)


def kept_in(reproduction: Path = REPRODUCTION) -> list[Kept]:
    """All studies that are kept, and then rows of many runs in one file, by folder."""
    folders = sorted(path for path in reproduction.iterdir() if path.is_dir())
    studies = [each for folder in folders for each in studies_of(folder)]
    return studies + [_of(folder.name, _rows(folder)) for folder in folders if gathered_file(folder) is not None]


def studies_of(folder: Path) -> list[Kept]:
    """The studies that are kept in one folder of `reproduction/`; none where it keeps something else."""
    place = folder / RESULTS
    names = stored_names(place)
    if not names:
        return []
    studies = [stored(place, *parsed_name(name)) for name in names]
    results = read_results(place) if any(study.num_seeds for study in studies) else Results(place, ())
    return [_of(folder.name, select(results, study)) for study in studies]


def _rows(folder: Path) -> Selection:
    return everything(read_results(folder))._replace(name=folder.name)


def _of(folder: str, selection: Selection) -> Kept:
    return Kept((folder,), selection, diagnostics_of(selection.runs), noise_of(selection.runs))


def joined(parts: list[Kept]) -> Kept:
    """Several studies of one scale as one, for claims that compare their agents or networks."""
    runs = {run.id: run for part in parts for run in part.selection.runs}
    missing = {run for part in parts for run in part.selection.missing} - set(runs)
    first = parts[0].selection
    names = " and ".join(part.selection.name for part in parts)
    together = first._replace(name=names, runs=tuple(runs.values()), missing=tuple(sorted(missing)))
    return Kept(
        tuple(folder for part in parts for folder in part.folders),
        together,
        {name: rows for part in parts for name, rows in part.diagnostics.items()},
        {name: rows for part in parts for name, rows in part.noise.items()},
    )
