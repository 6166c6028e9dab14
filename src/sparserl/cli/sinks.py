"""The option `--sink`, the same for every command that trains: `sink: Sinks = ()` in its options."""

from typing import Annotated

import tyro

Sinks = Annotated[
    tuple[str, ...],
    tyro.conf.UseAppendAction,
    tyro.conf.arg(
        metavar="KIND",
        help="Pass results on while training: jsonl, tensorboard or wandb; once for each. Never stops or slows a run.",
    ),
]
"""The kinds of sinks; `sinks.started` checks them before anything is computed."""
