"""`sparserl study run`: plan a study, store its plan, and work through its runs."""

import sys
from collections.abc import Sequence
from pathlib import Path

from sparserl.cli.arguments import parse
from sparserl.cli.study import DEFAULT_SCALE, name_and_options
from sparserl.cli.study.options import WorkOptions
from sparserl.engine.claims import claimed, refuse_if_claimed
from sparserl.engine.failures import read_failures
from sparserl.errors import UserError
from sparserl.persistence.studies import stored, study_folder
from sparserl.seen import seen

_DESCRIPTION = """Run a study: a process for each run, as many at once as there are cores, or workers of a Dask cluster.

Ctrl-C stores all and stops; the same command, or `sparserl study resume`, goes on. Runs that other studies share with
this one are trained once.

example:
  sparserl study run figure_2_sac --scale smoke"""


def main(words: Sequence[str]) -> int:
    """Run the study that `words` name; 0 where no run has failed."""
    name, rest = name_and_options("run", words)
    options = parse(WorkOptions(), rest, f"sparserl study run {name}", _DESCRIPTION)
    scale = options.scale or DEFAULT_SCALE
    early = study_folder(options.output, Path(name).stem, scale, options.preset)
    refuse_if_claimed(early)  # at once: loading a study takes its time
    from sparserl.cli import goings_on
    from sparserl.cli.hanging import end_where_hung
    from sparserl.cli.study.working import work
    from sparserl.experiment import unseeded_in
    from sparserl.study.files import load
    from sparserl.study.storing import store

    end_where_hung(options.hang_seconds)
    study = load(name, scale, options.preset)
    if not study.experiments:
        raise UserError(f"nothing of {study.name} can be run yet: it waits for {'; '.join(study.waiting)}")
    for line in unseeded_in(study.experiments):
        print(f"sparserl: {seen(line)}", file=sys.stderr, flush=True)
    folder = study_folder(options.output, study.name, scale, study.preset)
    with claimed(folder):
        store(options.output, study, scale)
        known = goings_on.costs(study.experiments, options.resume)
        return work(stored(options.output, study.name, scale, study.preset), options, read_failures(folder), known)
