"""Running: works through the runs of a study on a Dask cluster, a few at a time; a failure never stops the others.

The truth is on disk, in the folders of the runs, so that nothing is lost with an engine. The cluster may work on the
same assignment twice without harm: a lease lets only one process write to a run.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from distributed import Client

from sparserl.engine import execution, groups
from sparserl.engine.assignments import Assignment
from sparserl.engine.desk import Desk
from sparserl.engine.news import Remember, Tell
from sparserl.engine.retries import Failure, Retries
from sparserl.engine.settings import Settings
from sparserl.processes.outcomes import Outcome
from sparserl.processes.signals import interrupts


def run(
    client: Client,
    run_folders: Sequence[Path],
    settings: Settings,
    retries: Retries,
    tell: Tell,
    failures: Mapping[Path, Sequence[Failure]] | None = None,
    remember: Remember = lambda folder, failures: None,
    execute: Callable[[Assignment], Outcome] = execution.execute,
    most_at_once: groups.MostAtOnce | None = None,
) -> list[Outcome]:
    """Work through `run_folders`, each in a process of its own or side by side, and return how each ended, in order.

    `failures` are those that runs have had before, `remember` is told of new ones. `most_at_once` says how many of
    these runs of one experiment one process may train side by side; None: each is trained alone. SIGINT, SIGTERM and
    SIGHUP stop all workers, which store what they have, and raise KeyboardInterrupt; a second one kills them. Raises
    ClusterLost where the scheduler is gone.
    """
    folders = [folder.absolute() for folder in run_folders]
    beside = groups.grouped(folders, most_at_once) if most_at_once else dict.fromkeys(folders, ())
    together = groups.together(beside, folders)
    tell, remember = groups.spread(tell, together), groups.remembered(remember, together)
    desk = Desk(client, settings, retries, tell, dict(failures or {}), remember, execute, beside)
    client.subscribe_topic(desk.topic, lambda event: desk.messages.put(event[1]))
    try:
        with interrupts(lambda: desk.messages.put({"kind": "interrupt"})):
            try:
                desk.work()
            except BaseException:
                desk.stop()
                raise
    finally:
        client.unsubscribe_topic(desk.topic)
    shared = {run: groups.outcome_of(run, desk.outcomes[lead]) for lead, runs in together.items() for run in runs}
    return [shared.get(folder) or desk.outcomes[folder] for folder in folders]
