"""Command line: `sparserl COMMAND ...`; starts the command and reports its errors in one line.

Exit status 0: done; 1: a run failed; 2: the request was wrong; 130: interrupted. Every command is a module of its own,
imported only when it is asked for, because JAX takes long to import. This module imports little, as no signal is heeded
before it is there.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from sparserl.cli import output
from sparserl.processes.supervision import supervised
from sparserl.seen import seen

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
_HEAD_OPTIONS = ("--help", "--version")
_STOPPED = "interrupted; the same command goes on"


class HelpShown(Exception):
    """Help was asked for, and has been printed."""


class Subcommand(NamedTuple):
    """A command: the module whose `main(words)` runs it, and what it is for."""

    module: str
    summary: str


COMMANDS: Mapping[str, Subcommand] = {
    "train": Subcommand(
        "train", "Train an agent with a sparse method, several seeds at once, and draw the learning curves."
    ),
    "study": Subcommand("study", "Plan and run studies of many experiments, those of the paper or your own."),
    "describe": Subcommand("describe", "Show networks, live weights and FLOPs of an experiment; trains nothing."),
    "evaluate": Subcommand("evaluate", "Play episodes with a trained policy."),
    "export": Subcommand("export", "Write a trained policy as files for other programs and devices, verified."),
    "push": Subcommand("push", "Upload a trained policy to Hugging Face, or write the folder that would be uploaded."),
    "report": Subcommand("report", "Show what runs have found: figures, tables, and one page to open offline."),
    "methods": Subcommand("methods", "List the sparse methods and their options."),
    "environments": Subcommand("environments", "List the environments."),
    "bench": Subcommand("bench", "Measure what sparse networks cost beside dense ones, in one run."),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line `words` (default: those that this process was started with) and return its exit status."""
    if sys.platform != "linux":
        return say(f"it runs on Linux only, and this is {sys.platform}: use a container there", WRONG)
    if words is None:
        status = supervised(lambda: _main(sys.argv[1:], own_process=True), _ended)
        output.drop_to_errors()
        return status
    try:
        return _main(list(words), own_process=False)
    except KeyboardInterrupt:
        return say(_STOPPED, INTERRUPTED)


def _main(words: list[str], own_process: bool) -> int:
    try:
        with output.owned(for_good=own_process):
            return _dispatch(words)
    except HelpShown:
        return DONE


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        output.put(_help())
        return DONE if words else WRONG
    if words[0] == "--version":
        from importlib.metadata import version

        output.put(f"sparserl {version('sparserl')}")
        return DONE
    if words[0] not in COMMANDS:
        from sparserl.errors import UserError

        error = UserError(f"unknown command {words[0]!r}", value=words[0], allowed=COMMANDS, names=_HEAD_OPTIONS)
        return say(str(error), WRONG)
    return _run(COMMANDS[words[0]], words[1:])


def _run(command: Subcommand, words: list[str]) -> int:
    from sparserl.calls import ended_by
    from sparserl.errors import UserError
    from sparserl.processes import ambient

    try:
        if "jax" not in sys.modules:  # it reads its variables when it is imported
            for line in ambient.settle():
                say(line, DONE)
            ambient.check()
        status: int = _module(command).main(words)
        return status
    except UserError as error:
        return say(str(error), WRONG)
    except HelpShown:
        raise
    except OSError as error:  # a folder of another user's, a name that is too long, a disk that fails
        if error.filename is None:
            raise
        return say(f"cannot use {os.fsdecode(error.filename)}: {error.strerror}", WRONG)
    except Exception as error:
        from sparserl.experiment import RunFailure  # imported only here: `study status` does without JAX

        if not isinstance(error, RunFailure):
            raise
        return say(str(error), FAILED)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and its like
        return say(ended_by(error), FAILED)


def _module(command: Subcommand) -> Any:
    """The module of a command. Raises UserError where JAX refuses a value among its variables."""
    try:
        return import_module(f"sparserl.cli.{command.module}")
    except ValueError as error:
        given = [name for name in os.environ if name.startswith("JAX_") and name != "JAX_PLATFORMS"]
        if "jax" in sys.modules or not given:
            raise
        from sparserl.errors import UserError, either

        raise UserError(f"{error}: JAX read it from {either(sorted(given))}") from error


def _ended(cause: str, asked: bool) -> int:
    """What is said of a command that something else ended than itself."""
    if not asked:
        return say(cause, FAILED)
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K\x1b[?25h")  # its progress is gone, and the cursor is back
    return say(_STOPPED, INTERRUPTED)


def say(message: str, status: int) -> int:
    """Say one line on standard error, and return the exit status."""
    print(f"sparserl: {seen(' '.join(message.split()))}", file=sys.stderr)
    return status


def _help() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items())
    return f"""usage: sparserl COMMAND ...

Sparse neural networks in deep reinforcement learning: train them, study them, ship them.

commands:
{commands}

options:
  -h, --help    show this help; after a command, the help of that command
  --version     show the version

example:
  sparserl train dqn rigl --environment CartPole-v1 --sparsity 0.9"""
