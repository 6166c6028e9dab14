"""`sparserl study SUBCOMMAND ...`: each subcommand is a module of its own, imported when it is asked for."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Literal

from sparserl.cli import DONE, WRONG, Subcommand
from sparserl.cli.output import put
from sparserl.errors import UserError

SUBCOMMANDS: Mapping[str, Subcommand] = {
    "list": Subcommand("listing", "List the studies of the catalogue: one for every figure and table of the paper."),
    "plan": Subcommand("plan", "Check a study and say what it takes: runs, steps, hours, disk; trains nothing."),
    "run": Subcommand("run", "Run a study: each run in a process of its own, here or on a Dask cluster."),
    "status": Subcommand("status", "Show how far a study is, and what failed or diverged; at once, at any time."),
    "resume": Subcommand("resume", "Go on with a study that was stopped, each run from where it was stored."),
    "retry": Subcommand("retry", "Start the failed runs of a study again."),
    "pack": Subcommand("pack", "Copy what is finished into a small folder, to keep it or to go on elsewhere."),
}
DEFAULT_SCALE: Literal["quick"] = "quick"  # of every subcommand


def main(words: Sequence[str]) -> int:
    """Run the subcommand that comes first in `words`."""
    if not words or words[0] in ("-h", "--help"):
        put(_help())
        return DONE if words else WRONG
    if words[0] not in SUBCOMMANDS:
        from sparserl.study.catalogue import catalogue_names

        if words[0].partition("@")[0] in catalogue_names() or words[0].endswith(".py"):
            raise UserError(f"a command comes before NAME, as in sparserl study plan {words[0]}", allowed=SUBCOMMANDS)
        raise UserError(f"unknown study command {words[0]!r}", value=words[0], allowed=SUBCOMMANDS)
    module = import_module(f"sparserl.cli.study.{SUBCOMMANDS[words[0]].module}")
    status: int = module.main(list(words[1:]))
    return status


def name_and_options(command: str, words: Sequence[str]) -> tuple[str, list[str]]:
    """The study's name or path, which comes first, and the words after it; beside --help it may be missing."""
    if words and not words[0].startswith("-"):
        return words[0], list(words[1:])
    if {"-h", "--help"}.isdisjoint(words):
        raise UserError(f"NAME is missing: sparserl study {command} figure_8; `sparserl study list` shows the names")
    return "NAME", list(words)


def _help() -> str:
    width = max(map(len, SUBCOMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {command.summary}" for name, command in SUBCOMMANDS.items())
    return f"""usage: sparserl study SUBCOMMAND ...

Studies: a question, the experiments that answer it, and the figures that show it.

NAME is a study of the catalogue, or the path of a Python file of your own that defines study(scale).

subcommands:
{commands}

options:
  -h, --help    show this help; after a subcommand, the help of that subcommand

example:
  sparserl study plan figure_8 --scale quick"""
