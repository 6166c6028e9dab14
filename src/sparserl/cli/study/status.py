"""`sparserl study status`: how far the runs of a study are, what failed and why; at once, whoever runs it meanwhile."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from sparserl.cli.arguments import Json, parse
from sparserl.cli.study.options import Name, Output, ScaleOption, find_stored
from sparserl.cli.study.summary import document, show

_DESCRIPTION = """Show how far the runs of a study are, and which failed or diverged: at which step, why, and the logs.

example:
  sparserl study status figure_2_sac"""


@dataclasses.dataclass(frozen=True)
class Options:
    """What `study status` is told."""

    name: Name = ""
    scale: Annotated[ScaleOption, tyro.conf.arg(help="Needed where the study is stored at several scales.")] = None
    output: Output = Path("results")
    json: Json = False


def main(words: Sequence[str]) -> int:
    """Show the study that `words` name; 0 whatever its runs have come to."""
    options = parse(Options(), words, "sparserl study status", _DESCRIPTION)
    summary: dict[str, Any] = document(find_stored(options.name, options.scale, options.output), options.output)
    if options.json:
        print(json.dumps(summary, indent=2, allow_nan=False))
    else:
        show(summary)
    return 0
