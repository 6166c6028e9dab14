"""`sparserl study retry`: start again runs that failed too often to be tried on, and go on with the rest."""

from collections.abc import Sequence

from sparserl.cli.arguments import parse
from sparserl.cli.study import name_and_options
from sparserl.cli.study.options import WorkOptions, find_stored
from sparserl.engine.claims import claimed
from sparserl.engine.failures import write_failures

_DESCRIPTION = """Start the failed runs of a study again, from where they were stored, and go on with the others.

example:
  sparserl study retry figure_2_sac"""


def main(words: Sequence[str]) -> int:
    """Retry the failed runs of the study that `words` name; 0 where none fails again."""
    name, rest = name_and_options("retry", words)
    options = parse(WorkOptions(), rest, f"sparserl study retry {name}", _DESCRIPTION)
    stored = find_stored(name, options.scale, options.preset, options.output)
    with claimed(stored.folder):
        from sparserl.cli.study.working import work

        write_failures(stored.folder, {})
        return work(stored, options, {})
