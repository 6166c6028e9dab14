"""`sparserl study resume`: go on with a study whose plan is on disk; the file that defined it is no longer needed."""

from collections.abc import Sequence

from sparserl.cli.arguments import parse
from sparserl.cli.study import name_and_options
from sparserl.cli.study.options import WorkOptions, find_stored
from sparserl.engine.claims import claimed
from sparserl.engine.failures import read_failures

_DESCRIPTION = """Go on with a study that was stopped: each run from where it was stored.

Runs that have failed too often stay so; `sparserl study retry` starts them again.

example:
  sparserl study resume figure_2_sac"""


def main(words: Sequence[str]) -> int:
    """Resume the study that `words` name; 0 where no run has failed."""
    name, rest = name_and_options("resume", words)
    options = parse(WorkOptions(), rest, f"sparserl study resume {name}", _DESCRIPTION)
    stored = find_stored(name, options.scale, options.preset, options.output)
    with claimed(stored.folder):
        from sparserl.cli.study.working import work

        return work(stored, options, read_failures(stored.folder))
