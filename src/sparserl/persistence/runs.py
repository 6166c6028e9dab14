"""Runs: one seed of one experiment each, and how that is spelled, as a name and as a folder of the results store."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sparserl.errors import UserError

EVERY_RUN = "seed=*"  # what the folders of an experiment's runs are called, for people and for globs
ASIDE = "without-diagnostics."  # before the name of a run that was set aside: no glob for runs finds it
_FOLDER_NAME = re.compile(r"seed=(0|[1-9][0-9]*)")


class RunId(NamedTuple):
    """Which run: as a word `<experiment id>/seed=<n>`, which is also the place of its folder in a results directory."""

    experiment: str
    seed: int

    def __str__(self) -> str:
        return f"{self.experiment}/{seed_folder(self.seed)}"

    def folder(self, directory: str | Path) -> Path:
        """Where the run keeps its files."""
        return Path(directory) / self.experiment / seed_folder(self.seed)

    @staticmethod
    def of(folder: str | Path) -> "RunId":
        """The run that has this folder, or this name. Raises UserError for a folder that is not called seed=<n>."""
        match = _FOLDER_NAME.fullmatch(Path(folder).name)
        if match is None:
            raise UserError(f"{folder} is no run: its folder is not called seed=<n>")
        return RunId(Path(folder).parent.name, int(match[1]))


def seed_folder(seed: int) -> str:
    """The name of a run's folder within that of its experiment."""
    return f"seed={seed}"


def is_run_folder(folder: Path) -> bool:
    """Whether a folder, which need not be there, has the name of a run's."""
    return _FOLDER_NAME.fullmatch(folder.name) is not None


def runs_in(place: Path) -> list[Path]:
    """The folders of runs in an experiment's folder or in a results directory, by experiment and seed."""
    folders = [*place.glob(EVERY_RUN), *place.glob(f"*/{EVERY_RUN}")]
    return sorted((folder for folder in folders if is_run_folder(folder) and folder.is_dir()), key=RunId.of)


def files_of_runs(place: Path, name: str) -> Iterator[Path]:
    """The files called `name` of all runs in a place: a results directory, an experiment's folder, or a run's."""
    return (folder / name for folder in (place, *runs_in(place)) if (folder / name).exists())
