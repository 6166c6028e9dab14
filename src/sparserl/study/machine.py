"""This machine: many runs at once, a process for each, as many as there are cores."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sparserl import engine
from sparserl.engine import cluster
from sparserl.engine.groups import MostAtOnce
from sparserl.engine.news import News
from sparserl.engine.retries import Retries
from sparserl.engine.settings import Settings
from sparserl.errors import UserError
from sparserl.processes.outcomes import LOG_NAME, Outcome, RunProgress

_SETTINGS, _RETRIES = Settings(), Retries()


def run_all(
    run_folders: Sequence[Path],
    tell: Callable[[Path, RunProgress], None],
    notice: Callable[[News], None] = lambda news: None,
    num_workers: int | None = None,
    settings: Settings = _SETTINGS,
    retries: Retries = _RETRIES,
    most_at_once: MostAtOnce | None = None,
) -> list[Outcome]:
    """Run a worker for each folder, and return how each ended, in the same order; `engine.run` without a study.

    `tell(run_folder, progress)` and, for all else that happens, `notice(news)` are called in this thread. Raises
    UserError where a folder cannot be written, before any run begins.
    """
    names = {folder.absolute(): folder for folder in run_folders}
    for folder in run_folders:
        make_writable(folder)

    def pass_on(news: News) -> None:
        if news.progress is not None:
            tell(names[news.run_folder], news.progress)
        else:
            notice(news._replace(run_folder=names.get(news.run_folder, news.run_folder)))

    with cluster.connected(None, num_workers, settings.gpu) as client:
        outcomes = engine.run(client, run_folders, settings, retries, pass_on, most_at_once=most_at_once)
    return [outcome._replace(run_folder=names[outcome.run_folder]) for outcome in outcomes]


def make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOG_NAME).open("a").close()
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error
