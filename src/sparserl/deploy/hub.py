"""Hugging Face's hub: a trained policy as a model folder, and that folder as one commit of a repository."""

import json
import re
import shutil
import tempfile
from importlib import util
from pathlib import Path
from typing import Any, NamedTuple

from sparserl import persistence
from sparserl.deploy.exporting import NUM_EPISODES, Exported, Say, export
from sparserl.deploy.model_page import page
from sparserl.deploy.place import output_folder, require_free
from sparserl.deploy.verification import NUM_OBSERVATIONS
from sparserl.types import UserError

FORMAT = "safetensors"
PAGE, CARD, CONTRACT = "README.md", "card.md", "contract.json"
FILMS = ("video.mp4", "video.gif")  # as they lie in the folder of a run
FILM = "replay"  # the hub plays replay.mp4 on the page of a model
_LONGEST = 96  # letters of a repository's name
_PART = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?")


class UploadFailure(UserError):
    """A folder that the hub did not take, told in one line; nothing of it is there."""


class Work(NamedTuple):
    """How much is played to verify what is written, and where a run is looked for."""

    results: Path = Path("results")
    num_observations: int = NUM_OBSERVATIONS
    num_episodes: int = NUM_EPISODES


def write_folder(run: str | Path, folder: Path, name: str | None, work: Work, say: Say) -> Exported:
    """Write the model folder of a run, without network: weights, contract, page, and the run's film if it has one.

    name: of the repository that it is for, which the page mentions. Raises what `exporting.export` raises.
    """
    if name is not None:
        check_name(name)
    require_free(folder)
    film = _film(persistence.find_run(run, [work.results]))
    with output_folder(folder) as partial:
        made = export(run, FORMAT, partial / "export", say=say, **work._asdict())
        for file in made.folder.iterdir():
            file.rename(partial / file.name)
        made.folder.rmdir()
        shown = None if film is None else f"{FILM}{film.suffix}"
        if film is not None:
            shutil.copyfile(film, partial / str(shown))
        (partial / PAGE).write_text(_page(partial, name, made, shown), encoding="utf-8")
        files = {file.name: file.stat().st_size for file in partial.iterdir()}
    return made._replace(folder=folder, files=tuple(sorted(files)), num_bytes=sum(files.values()))


def push(run: str | Path, name: str, private: bool, work: Work, say: Say, api: Any = None) -> tuple[Exported, str]:
    """Write the model folder of a run and upload it as one commit. Returns what was made, and its address.

    api: a `huggingface_hub.HfApi`; default: a new one. Raises `UserError` before anything is computed where the name,
    the package, the token or the network is missing, and `UploadFailure` where the hub then refuses.
    """
    check_name(name)
    require()
    api = _known(api)
    with tempfile.TemporaryDirectory(prefix="sparserl-") as place:
        made = write_folder(run, Path(place) / "model", name, work, say)
        say(f"uploading {made.num_bytes:,} bytes")
        return made, _commit(api, made.folder, name, private)


def check_name(name: str) -> None:
    """Raise `UserError` unless a repository may be called so: owner/name, as the hub has it."""
    owner, slash, rest = name.partition("/")
    if not slash or not owner or not rest or "/" in rest:
        raise UserError("a repository is called owner/name", field="hub", value=name)
    good = all(_PART.fullmatch(part) for part in (owner, rest)) and "--" not in name and ".." not in name
    if not good or name.endswith(".git") or len(name) > _LONGEST:
        raise UserError(
            f"owner and name are of letters, digits, '_', and single '-' and '.' between them, at most {_LONGEST} "
            "together, and do not end in .git",
            field="hub",
            value=name,
        )


def require() -> None:
    """Raise `UserError` with the command that installs it where huggingface_hub is missing."""
    if util.find_spec("huggingface_hub") is None:
        raise UserError("uploading needs huggingface_hub: pip install 'sparserl[hub]'")


def _known(api: Any) -> Any:
    """An api whose token the hub knows. Raises UserError where there is none, or no network."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    api = api or HfApi()
    try:
        api.whoami()
    except LocalTokenNotFoundError:
        raise UserError("no token of Hugging Face is here: `hf auth login` stores one, or set HF_TOKEN") from None
    except HfHubHTTPError as error:
        raise UserError(f"Hugging Face does not accept the token: {_line(error)}") from error
    except Exception as error:  # each version of the package has other classes for a network that is not there
        raise UserError(f"Hugging Face cannot be reached: {_line(error)}; --folder DIR does without") from error
    return api


def _commit(api: Any, folder: Path, name: str, private: bool) -> str:
    """All files in one commit, so that a repository has all of them or none; one that is made for none is removed."""
    from huggingface_hub import CommitOperationAdd

    files = sorted(folder.iterdir())
    operations = [CommitOperationAdd(path_in_repo=file.name, path_or_fileobj=str(file)) for file in files]
    try:
        existed = bool(api.repo_exists(name))
        address = str(api.create_repo(name, private=private or None, exist_ok=existed))  # refuses what came meanwhile
    except Exception as error:
        raise UploadFailure(f"{name} was not uploaded: {_line(error)}") from error
    try:
        api.create_commit(name, operations, commit_message="A policy trained by sparserl")
    except BaseException as error:
        left = "" if existed else _removed(api, name, address)
        if not isinstance(error, Exception):
            raise
        raise UploadFailure(f"{name} was not uploaded: {_line(error)}{left}") from error
    return address


def _removed(api: Any, name: str, address: str) -> str:
    """Removes an empty repository that was made here. Returns how to go on where the hub does not let that happen."""
    try:
        api.delete_repo(name)
    except Exception as error:
        return f"; the empty repository {address} is left ({_line(error)}): delete it there"
    return ""


def _film(run: Path) -> Path | None:
    return next((run / name for name in FILMS if (run / name).is_file()), None)


def _page(folder: Path, name: str | None, made: Exported, film: str | None) -> str:
    """The page, which takes the export's card in."""
    contract, returns = json.loads((folder / CONTRACT).read_text(encoding="utf-8")), made.returns.as_json()
    card = folder / CARD
    text = card.read_text(encoding="utf-8") if card.exists() else ""
    card.unlink(missing_ok=True)
    return page(name, contract, {**returns["written"], "num_episodes": returns["num_episodes"]}, text, film)


def _line(error: Exception) -> str:
    """The first line of what a library says, or the kind of error where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
