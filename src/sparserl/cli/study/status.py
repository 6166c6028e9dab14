"""`sparserl study status`: how far the runs of a study are, what failed and why; at once, also while it runs."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from sparserl.cli.arguments import Json, parse
from sparserl.cli.output import put
from sparserl.cli.study import name_and_options
from sparserl.cli.study.options import Output, PresetOption, ScaleOption, find_stored
from sparserl.cli.study.summary import document, show
from sparserl.persistence.studies import renamed_experiments
from sparserl.processes.log import tell

_DESCRIPTION = """Show how far the runs of a study are, and which failed or diverged: at which step, why, and the logs.

example:
  sparserl study status figure_2_sac"""


@dataclasses.dataclass(frozen=True)
class StudyStatusOptions:
    """The options of `status` beside the study."""

    scale: Annotated[ScaleOption, tyro.conf.arg(help="Needed where the study is stored at several scales.")] = None
    preset: PresetOption = None
    output: Output = Path("results")
    json: Json = False


def main(words: Sequence[str]) -> int:
    """Show the study that `words` name; 0 however its runs have ended."""
    name, rest = name_and_options("status", words)
    options = parse(StudyStatusOptions(), rest, f"sparserl study status {name}", _DESCRIPTION)
    stored = find_stored(name, options.scale, options.preset, options.output)
    for line in renamed_experiments(stored):
        tell(line)
    summary: dict[str, Any] = document(stored, options.output)
    if options.json:
        put(json.dumps(summary, indent=2, allow_nan=False))
    else:
        show(summary)
    return 0
