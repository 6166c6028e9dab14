"""`sparserl study pack`: the runs of a study that are over in a small folder, to keep or to go on with elsewhere."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from sparserl import persistence
from sparserl.cli.arguments import Json, parse
from sparserl.cli.output import put
from sparserl.cli.study import name_and_options
from sparserl.cli.study.options import Output, PresetOption, ScaleOption, find_stored
from sparserl.cli.tables import size
from sparserl.processes.log import tell

_DESCRIPTION = """Copy the runs of a study that are over into a folder of a few kilobytes a run.

Choices, evaluations and how runs have ended come along; checkpoints, so policies too, topologies and logs stay. \
`report` reads the folder, and `study run` with a copy of it as --output goes on with the runs that it lacks, on any \
machine.

example:
  sparserl study pack figure_2_sac --into packed"""


@dataclasses.dataclass(frozen=True)
class StudyPackOptions:
    """The options of `pack` beside the study."""

    scale: Annotated[ScaleOption, tyro.conf.arg(help="Needed where the study is stored at several scales.")] = None
    preset: PresetOption = None
    output: Output = Path("results")
    into: Annotated[Path, tyro.conf.arg(help="The folder; an earlier pack of the study there is replaced.")] = Path(
        "packed"
    )
    diagnostics: Annotated[
        bool | None, tyro.conf.arg(help="Whether diagnostics come along; none: where a figure shows them.")
    ] = None
    json: Json = False


def main(words: Sequence[str]) -> int:
    """Pack the study that `words` name."""
    name, rest = name_and_options("pack", words)
    options = parse(StudyPackOptions(), rest, f"sparserl study pack {name}", _DESCRIPTION)
    stored = find_stored(name, options.scale, options.preset, options.output)
    packed = persistence.pack(options.output, stored, options.into, options.diagnostics)
    if packed.num_without_noise:
        tell(
            f"without evaluations under noise: {packed.num_without_noise} of these runs; "
            f"`sparserl study resume {name}` makes them, and elsewhere these runs would be trained again for that"
        )
    if options.json:
        put(json.dumps({**packed._asdict(), "place": str(packed.place)}, indent=2))
    else:
        put(f"{packed.num_runs:,} of {packed.num_planned:,} runs, {size(packed.num_bytes)}: {packed.place}")
    return 0
