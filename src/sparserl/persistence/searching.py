"""Searching: the folders in or below a place that have a file, and what of the place could not be looked into."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sparserl.persistence.runs import ASIDE, is_run_folder

_LEVELS = 3  # below a place: results/results/<experiment id>/seed=<n> is what `cp -r` leaves of a second copy


class Search(NamedTuple):
    """Folders with the file, folders of runs without it, and a line for each that could not be looked into."""

    folders: list[Path]
    without: list[Path]
    left_out: list[str]


def search(place: Path, file_name: str) -> Search:
    """Look for `file_name` in `place` and below it, whatever folders are called, into links, and once into each.

    Hidden folders and runs that were set aside are passed over, and so is everything below the folder of a run.
    """
    searched, seen = Search([], [], []), set[tuple[int, int]]()
    waiting = [(place, 0)]
    while waiting:
        folder, level = waiting.pop()
        try:
            stat = os.stat(folder)
            if (stat.st_dev, stat.st_ino) in seen:
                continue
            seen.add((stat.st_dev, stat.st_ino))
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: (entry.is_symlink(), entry.name))  # links come last
        except OSError as error:
            searched.left_out.append(f"{folder} is left out: {error.strerror}")
            continue
        names = {entry.name for entry in inside}
        is_run = file_name in names or is_run_folder(folder) or "status.json" in names
        if file_name in names:
            searched.folders.append(folder)
        elif is_run:
            searched.without.append(folder)
        if not level or (level < _LEVELS and not is_run):
            searched.left_out.extend(_broken_links(inside))
            waiting += [(folder / entry.name, level + 1) for entry in reversed(inside) if _is_open(entry)]
    return searched


def _is_open(entry: os.DirEntry[str]) -> bool:
    """Whether to look into it: a folder or a link to one."""
    if entry.name.startswith((".", ASIDE)):
        return False
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _broken_links(entries: list[os.DirEntry[str]]) -> Iterator[str]:
    for entry in entries:
        if entry.is_symlink() and not entry.name.startswith((".", ASIDE)) and not os.path.exists(entry.path):
            yield f"{entry.path} is left out: it is a link to {os.readlink(entry.path)}, which is not there"
