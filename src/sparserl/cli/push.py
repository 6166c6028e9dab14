"""`sparserl push`: a trained policy as a model of Hugging Face's hub, or as the folder that would be uploaded."""

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import tyro

from sparserl.cli import DONE, FAILED, say
from sparserl.cli.arguments import Json, in_options, options_of, parse
from sparserl.cli.hanging import HangOption, check_hang_seconds, end_where_hung
from sparserl.cli.output import put
from sparserl.cli.tables import number
from sparserl.deploy import hub
from sparserl.deploy.exporting import NUM_EPISODES, Exported
from sparserl.deploy.verification import NUM_OBSERVATIONS, Mismatch
from sparserl.engine.settings import Settings
from sparserl.processes.supervision import note
from sparserl.types import UserError

_DESCRIPTION = """Upload the policy that a run ended with to Hugging Face, or write the folder that would be uploaded.

It holds weights as safetensors, the contract, a page, and the run's film if it has one. All of it becomes one commit.

example:
  sparserl push results/EXPERIMENT/seed=0 --folder model
  sparserl push results/EXPERIMENT/seed=0 --hub owner/name"""


@dataclasses.dataclass(frozen=True)
class PushOptions:
    """The options of `push`."""

    run: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="RUN", help="A folder .../seed=0, or EXPERIMENT/seed=0 in the results directory."),
    ] = ()
    hub: Annotated[
        str | None, tyro.conf.arg(metavar="OWNER/NAME", help="The repository, which is made where it is not there.")
    ] = None
    folder: Annotated[
        Path | None,
        tyro.conf.arg(metavar="DIR", help="Write this folder alone, without network; it is new or empty."),
    ] = None
    private: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Nobody else sees a repository that is made.")
    ] = False
    num_observations: Annotated[
        int, tyro.conf.arg(help="For how many observations outputs and actions are compared.")
    ] = NUM_OBSERVATIONS
    num_episodes: Annotated[int, tyro.conf.arg(help="Episodes that are played by both policies.")] = NUM_EPISODES
    results: Annotated[Path, tyro.conf.arg(help="Results directory to look for RUN in.")] = Path("results")
    hang_seconds: HangOption = Settings.hang_seconds
    json: Json = False

    def __post_init__(self) -> None:
        check_hang_seconds(self.hang_seconds)


def main(words: Sequence[str]) -> int:
    """Push the run that `words` name."""
    options = parse(PushOptions(), words, "sparserl push", _DESCRIPTION)
    if len(options.run) != 1:
        what = "RUN is missing" if not options.run else "one run at a time is pushed"
        raise UserError(f"{what}: name a run's folder, as in sparserl push results/EXPERIMENT/seed=0 --folder model")
    if options.hub is None and options.folder is None:
        raise UserError("say where to: --hub owner/name uploads, --folder DIR writes the folder alone")
    end_where_hung(options.hang_seconds)
    try:
        known = options_of(options)
        with in_options({**known, "output": known["folder"]}):  # an export's output is this folder
            made, address = _pushed(options)
    except Mismatch as error:
        return say(f"verification failed, and nothing was written: {error}", FAILED)
    except hub.UploadFailure as error:
        return say(str(error), FAILED)
    _answer(made, address, options)
    note(DONE)
    return DONE


def _pushed(options: PushOptions) -> tuple[Exported, str | None]:
    """What was made, and its address if it was uploaded."""
    work = hub.Work(options.results, options.num_observations, options.num_episodes)
    if options.folder is not None:
        folder = options.folder.absolute()  # environments may change the directory
        return hub.write_folder(options.run[0], folder, options.hub, work, _teller(options)), None
    assert options.hub is not None
    return hub.push(options.run[0], options.hub, options.private, work, _teller(options))


def _teller(options: PushOptions) -> Callable[[str], None]:
    quiet = options.json or not sys.stderr.isatty()
    return (lambda line: None) if quiet else (lambda line: print(line, file=sys.stderr))


def _answer(made: Exported, address: str | None, options: PushOptions) -> None:
    returns = made.returns.as_json()
    folder = None if address else str(made.folder)
    if options.json:
        document = {"run": options.run[0], **made.as_json(), "directory": folder, "address": address}
        put(json.dumps(document, indent=2, allow_nan=False))
        return
    put(f"{address or folder}: {', '.join(made.files)}, {made.num_bytes:,} bytes together")
    put(f"{returns['num_episodes']} episodes: mean return {number(returns['written']['mean'])}")
    if not address:
        put("nothing was uploaded; without --folder, --hub OWNER/NAME does")
