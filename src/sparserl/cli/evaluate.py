"""`sparserl evaluate`: episodes with trained policies, also with noise on their observations."""

import dataclasses
import json
import math
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import jax
import tyro

from sparserl import persistence
from sparserl.cli import DONE, FAILED, filming, say
from sparserl.cli.arguments import Json, in_options, options_of, parse
from sparserl.cli.hanging import HangOption, check_hang_seconds, end_where_hung
from sparserl.cli.output import put, stream
from sparserl.cli.tables import number, print_table
from sparserl.engine.settings import Settings
from sparserl.environments import Arithmetic, close, has_pixels, seed_shared_generators
from sparserl.experiment import (
    LARGEST_SEED,
    RESULTS_VERSION,
    Experiment,
    make_evaluation_environment,
    next_returns,
    noise_row,
    rebuild,
    stored_experiment,
    under_noise,
)
from sparserl.processes import places
from sparserl.processes.signals import each_press
from sparserl.processes.supervision import STOPPING, is_supervised, minding, note
from sparserl.training import Evaluation, EvaluationSettings
from sparserl.types import Divergence, Environment, UserError

_DESCRIPTION = """Play episodes with the policies that runs ended with, and tell their mean return.

Equal seeds and numbers of episodes give equal returns, and noise of each deviation comes upon the same episodes.

example:
  sparserl evaluate results/EXPERIMENT/seed=0 --num-episodes 100 --observation-noise 0,5,10
  sparserl evaluate results/EXPERIMENT/seed=0 --video episode.gif"""

_NOISE_HELP = (
    "Standard deviations of noise on observations, as in 0,5,10: of pixels in units of their 0-255 values, of other "
    "features in units of the standard deviation that each has in the episodes without noise."
)
_ARITHMETIC_HELP = (
    "How noise is added to pixels: clip rounds it and cuts the sum off at 0 and 255; modulo truncates it, takes the "
    "sum modulo 256 and spares an episode's first frame, as the published code did."
)


@dataclasses.dataclass(frozen=True)
class EvaluateOptions:
    """The options of `evaluate`."""

    run: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="RUN", help="Folders .../seed=0, or EXPERIMENT/seed=0 in the results directory."),
    ] = ()
    num_episodes: Annotated[
        int | None, tyro.conf.arg(help="Episodes to play, side by side; none: as many as during training.")
    ] = None
    observation_noise: Annotated[str, tyro.conf.arg(help=_NOISE_HELP)] = "0"
    noise_arithmetic: Annotated[
        Arithmetic | None,
        tyro.conf.arg(help=_ARITHMETIC_HELP, help_behavior_hint="(default: modulo for preset published-code, or clip)"),
    ] = None
    figure: Annotated[Path | None, tyro.conf.arg(help="Draw the mean returns against the noise into this PNG.")] = None
    video: Annotated[str | None, tyro.conf.arg(metavar="FILE", help=filming.HELP)] = None
    seed: Annotated[
        int, tyro.conf.arg(help="Decides the starts of the episodes, the random actions, and the noise.")
    ] = 0
    output: Annotated[Path, tyro.conf.arg(help="Results directory to look in.")] = Path("results")
    hang_seconds: HangOption = Settings.hang_seconds
    json: Json = False

    def __post_init__(self) -> None:
        if self.num_episodes is not None and self.num_episodes < 1:
            raise UserError("it must be at least 1", field="num_episodes", value=self.num_episodes)
        if not 0 <= self.seed <= LARGEST_SEED:
            raise UserError(f"it must lie in 0 to {LARGEST_SEED}", field="seed", value=self.seed)
        _deviations(self.observation_noise)
        check_hang_seconds(self.hang_seconds)


def main(words: Sequence[str]) -> int:
    """Evaluate the runs that `words` name."""
    options = parse(EvaluateOptions(), filming.with_default(words), "sparserl evaluate", _DESCRIPTION)
    if not options.run:
        raise UserError("RUN is missing: name a run's folder, as in sparserl evaluate results/EXPERIMENT/seed=0")
    end_where_hung(options.hang_seconds)
    runs = [_run_folder(name, options) for name in options.run]
    figure = options.figure and options.figure.absolute()  # environments may change the directory
    if figure:
        _refuse_unwritable(figure.parent)
    with in_options(options_of(options)):
        films = filming.targets(options.video, runs)
    made, failures = ExitStack(), list[str]()
    try:
        documents = [_document(run, options, film, failures, made) for run, film in zip(runs, films, strict=True)]
        return _answer(documents, options, figure, failures)
    finally:
        with heeded():
            made.close()


def _answer(
    documents: Sequence[dict[str, Any]], options: EvaluateOptions, figure: Path | None, failures: Sequence[str]
) -> int:
    """Say it all before the last environment is closed, which may end the process; the exit status."""
    if figure:
        from sparserl import report  # matplotlib takes its time to import

        places.ensure_temporary(figure.parent)
        report.noise_curves(documents, figure)
    if options.json:
        put(json.dumps(documents[0] if len(documents) == 1 else {"runs": documents}, indent=2, allow_nan=False))
    else:
        _show(documents, options)
    stream().flush()
    status = max((say(failure, FAILED) for failure in failures), default=DONE)
    note(status)
    return status


def _refuse_unwritable(folder: Path) -> None:
    """Raises UserError, before episodes are played, where a folder can be neither written nor made."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(there, os.W_OK):
        raise UserError(f"cannot write {there}: choose another place", field="figure")


def _deviations(text: str) -> tuple[float, ...]:
    """The numbers of a list such as 0,5,10. Raises UserError where one is not a number, negative or infinite."""
    try:
        deviations = tuple(float(word) for word in text.split(","))
    except ValueError:
        deviations = ()
    if not deviations or not all(0 <= deviation < math.inf for deviation in deviations):
        raise UserError(
            "give numbers from 0 on with commas between, as in 0,5,10", field="observation_noise", value=text
        )
    return deviations


def _run_folder(name: str, options: EvaluateOptions) -> Path:
    """The folder of a run that has a policy."""
    run = persistence.find_run(name, [options.output])
    if not persistence.has_bundle(run / "checkpoint"):
        status = persistence.read_status(run)
        if status and status.packed:
            raise UserError(f"{run} was packed, without its policy: evaluate it where it was trained")
        if status and status.status == "finished":
            raise UserError(f"{run} has finished, and its policy is not whole: copy {run / 'checkpoint'} again")
        raise UserError(
            f"{run} has no policy yet: the run is {status.status if status else 'not begun'}; train it first"
        )
    return run


def _document(
    run: Path, options: EvaluateOptions, film: Path | None, failures: list[str], made: ExitStack
) -> dict[str, Any]:
    """What a run is, and a row for each deviation of the noise; why there is no film becomes a failure.

    Its environments, which are made in place of those before, are left to be closed.
    """
    with in_options(options_of(options)):
        seed_shared_generators(options.seed)
        experiment = stored_experiment(run)
        settings = _settings(experiment, options)
        with heeded():
            made.close()
        environment = make_evaluation_environment(experiment, settings.num_episodes)
        made.callback(close, environment)
    with heeded():
        document, take = _played(run, options, settings, environment)
        if film is None:
            return document
        made.close()  # the film has environments of its own
        return {**document, **_filmed(film, take, failures)}


@contextmanager
def heeded() -> Iterator[None]:
    """Inside, signals raise KeyboardInterrupt, so that environments are closed."""
    handle = each_press(_interrupt)
    with minding():
        for number in STOPPING if is_supervised() else ():
            signal.signal(number, handle)
        yield


def _interrupt(press: int) -> NoReturn:
    raise KeyboardInterrupt


def _filmed(film: Path, take: filming.Take, failures: list[str]) -> dict[str, Any]:
    """What is told of the film; that it cannot be made costs nothing else."""
    try:
        told = filming.make(film, take)
    except (UserError, Divergence) as error:
        failures.append(f"there is no {film}: {error}")
        return {"video": None, "filmed": None}
    return {"video": told["file"], "filmed": told}


def _played(
    run: Path, options: EvaluateOptions, settings: EvaluationSettings, environment: Environment
) -> tuple[dict[str, Any], filming.Take]:
    with in_options(options_of(options)):
        experiment, learner, state = rebuild(run)
        stored = persistence.read_experiment(persistence.experiment_folder(run))
        choices, published = stored["choices"], stored.get("preset") == "published-code"
        arithmetic = options.noise_arithmetic or ("modulo" if published and has_pixels(environment.spec) else "clip")
        deviations, key = _deviations(options.observation_noise), jax.random.key(options.seed)
        evaluations = under_noise(learner.agent, state, environment, settings, key, deviations, arithmetic)
    held = persistence.run_in(run, persistence.EVALUATIONS) or persistence.RunId.of(run)
    first_returns = list[float]()
    rows = list(_rows(experiment, deviations, evaluations, first_returns))
    take = filming.Take(
        experiment, learner.agent, state, settings, options.seed, deviations[0], arithmetic, first_returns[0]
    )
    document = {
        "run": str(run),
        "experiment_id": held.experiment,
        "results_version": choices["results_version"],
        "agent": experiment.agent_name,
        "method": experiment.method_name,
        "environment": experiment.environment,
        "sparsity": experiment.sparsity,
        "seed": held.seed,
        "randomness": persistence.facts_of(stored)["randomness"],
        "noise_arithmetic": arithmetic if has_pixels(environment.spec) else None,
        "rows": rows,
    }
    return document, take


def _settings(experiment: Experiment, options: EvaluateOptions) -> EvaluationSettings:
    """Evaluations as during training, or of as many episodes as asked, one in each environment."""
    if options.num_episodes is None:
        return experiment.evaluation
    return dataclasses.replace(experiment.evaluation, num_episodes=options.num_episodes, min_steps=0)


def _rows(
    experiment: Experiment, deviations: Sequence[float], evaluations: Iterator[Evaluation], first_returns: list[float]
) -> Iterator[dict[str, Any]]:
    """Mean and standard deviation over the episodes' returns, of each deviation of the noise, and the first returns."""
    for deviation in deviations:
        returns = next_returns(experiment, evaluations)
        first_returns.append(float(returns[0]))
        yield noise_row(int(deviation) if deviation.is_integer() else deviation, returns)


def _show(documents: Sequence[dict[str, Any]], options: EvaluateOptions) -> None:
    """Each run in a line or, where there is noise, a table."""
    for document in documents:
        earlier = document["results_version"] != RESULTS_VERSION
        version = f", trained by results version {document['results_version']}" * earlier
        random = ", in an environment whose randomness no seed reaches" * (document["randomness"] == "unseeded")
        put(document["run"] + version + random)
        (row, *others) = document["rows"]
        if others or row["observation_noise"]:
            names = ("noise", "mean return", "standard deviation", "episodes")
            print_table(names, [_words(row) for row in document["rows"]], numbers_from=0)
            continue
        mean, deviation = number(row["mean_return"]), number(row["standard_deviation"])
        put(f"mean return {mean}, standard deviation {deviation} over {row['num_episodes']} episodes")
    if options.figure:
        put(f"\nnoise curves: {options.figure}")
    for told in filter(None, (document.get("filmed") for document in documents)):
        put(filming.in_words(told))


def _words(row: dict[str, Any]) -> tuple[str, ...]:
    numbers = (row[name] for name in ("observation_noise", "mean_return", "standard_deviation"))
    return *map(number, numbers), str(row["num_episodes"])
