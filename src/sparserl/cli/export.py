"""`sparserl export`: a trained policy as files for other programs and devices, verified before they are there."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from sparserl.cli import DONE, FAILED, say
from sparserl.cli.arguments import Json, in_options, options_of, parse
from sparserl.cli.evaluate import heeded
from sparserl.cli.hanging import HangOption, check_hang_seconds, end_where_hung
from sparserl.cli.output import put
from sparserl.cli.tables import number
from sparserl.deploy.card import findings
from sparserl.deploy.costs import SECONDS
from sparserl.deploy.exporting import NUM_EPISODES, Exported, export
from sparserl.deploy.formats import FORMATS, Choices, WeightsName
from sparserl.deploy.onnx import Weights as OnnxWeights
from sparserl.deploy.verification import NUM_OBSERVATIONS, Mismatch
from sparserl.engine.settings import Settings
from sparserl.processes.supervision import note
from sparserl.types import UserError

_DESCRIPTION = """Write the policy that a run ended with for other programs and devices.

What was written is verified before it is there: beside the trained network for many observations, and in episodes of
the real environment. A failed verification leaves nothing, and exit status 1.

example:
  sparserl export results/EXPERIMENT/seed=0 --format safetensors --output policy"""


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """The options of `export`."""

    run: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="RUN", help="A folder .../seed=0, or EXPERIMENT/seed=0 in the results directory."),
    ] = ()
    format: Annotated[str, tyro.conf.arg(help=f"What to write: {', '.join(FORMATS)}.")] = ""
    output: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help="The folder to make, or an empty one.")] = None
    weights: Annotated[WeightsName, tyro.conf.arg(help="How weights are kept; int8: with a scale for each row.")] = (
        "float32"
    )
    onnx_weights: Annotated[
        OnnxWeights,
        tyro.conf.arg(help="Kernels of ONNX; auto: sparse where that is smaller; sparse: as initializers."),
    ] = "auto"
    num_observations: Annotated[
        int, tyro.conf.arg(help="For how many observations outputs and actions are compared.")
    ] = NUM_OBSERVATIONS
    num_episodes: Annotated[int, tyro.conf.arg(help="Episodes that are played by both policies.")] = NUM_EPISODES
    card_seconds: Annotated[
        float, tyro.conf.arg(help="How long to measure what an action costs, for the card; 0: not at all.")
    ] = SECONDS
    results: Annotated[Path, tyro.conf.arg(help="Results directory to look for RUN in.")] = Path("results")
    hang_seconds: HangOption = Settings.hang_seconds
    json: Json = False

    def __post_init__(self) -> None:
        check_hang_seconds(self.hang_seconds)


def main(words: Sequence[str]) -> int:
    """Export the run that `words` name."""
    options = parse(ExportOptions(), words, "sparserl export", _DESCRIPTION)
    if len(options.run) != 1:
        what = "RUN is missing" if not options.run else "one run at a time is exported"
        raise UserError(f"{what}: name a run's folder, as in sparserl export results/EXPERIMENT/seed=0")
    if not options.format:
        raise UserError("--format is missing", allowed=FORMATS)
    if options.output is None:
        raise UserError("--output is missing: name a new folder for the files")
    end_where_hung(options.hang_seconds)
    try:
        with in_options(options_of(options)), heeded():
            done = _exported(options, options.output.absolute())  # environments may change the directory
    except Mismatch as error:
        return say(f"verification failed, and nothing was written: {error}", FAILED)
    _answer(done, options)
    note(DONE)
    return DONE


def _exported(options: ExportOptions, output: Path) -> Exported:
    quiet = options.json or not sys.stderr.isatty()
    return export(
        options.run[0],
        options.format,
        output,
        Choices(options.weights, options.onnx_weights),
        options.results,
        options.num_observations,
        options.num_episodes,
        (lambda line: None) if quiet else (lambda line: print(line, file=sys.stderr)),
        options.card_seconds,
    )


def _answer(done: Exported, options: ExportOptions) -> None:
    document = {"run": options.run[0], **done.as_json()}
    if options.json:
        put(json.dumps(document, indent=2, allow_nan=False))
        return
    put(f"{done.folder}: {', '.join(done.files)}, {done.num_bytes:,} bytes together")
    verified, returns = done.verified, document["returns"]
    put(
        f"{verified.num_observations:,} observations: largest difference {verified.largest_difference:.2g}, "
        f"the same action for {verified.action_agreement:.4%}"
    )
    original, written = (number(returns[side]["mean"]) for side in ("original", "written"))
    put(
        f"{returns['num_episodes']} episodes: mean return {written}, that of the trained network {original}; "
        f"{returns['num_equal']} returns are equal"
    )
    for sentence in findings(done.card.ways):
        put(sentence)
