"""`sparserl study run`: plan a study, keep its plan, and work through its runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

from sparserl.cli.arguments import parse
from sparserl.cli.study.options import Work
from sparserl.errors import UserError
from sparserl.study.claims import claimed, refuse_if_claimed
from sparserl.study.failures import read_failures
from sparserl.study.stored import store, stored, study_folder

_DESCRIPTION = """Run a study: a process for each run, as many at once as there are cores, or workers of a Dask cluster.

Ctrl-C stores all and stops; the same command, or `sparserl study resume`, goes on. Runs that other studies share with
this one are trained once.

example:
  sparserl study run figure_2_sac --scale smoke"""


def main(words: Sequence[str]) -> int:
    """Run the study that `words` name; 0 where no run has failed."""
    options = parse(Work(), words, "sparserl study run", _DESCRIPTION)
    if not options.name:
        raise UserError("NAME is missing: name a study of `sparserl study list`, or a Python file that defines one")
    name, _, given = options.name.partition("@") if not options.name.endswith(".py") else (options.name, "", "")
    scale = options.scale or given or "quick"
    refuse_if_claimed(study_folder(options.output, Path(name).stem, scale))  # at once: loading a study takes its time
    from sparserl.cli.study.working import work
    from sparserl.study.files import load
    from sparserl.study.studies import Scale

    if scale not in get_args(Scale):
        raise UserError(f"scale is {scale!r}: choose {', '.join(get_args(Scale))}")
    study = load(name, cast(Scale, scale))
    folder = study_folder(options.output, study.name, scale)
    with claimed(folder):
        store(options.output, study, cast(Scale, scale))
        return work(stored(options.output, study.name, scale), options, read_failures(folder))
