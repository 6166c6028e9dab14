"""`sparserl evaluate`: episodes with a trained policy."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import tyro

from sparserl import environments, persistence, training
from sparserl.cli.arguments import Json, in_options, option_types, parse
from sparserl.experiment import RunFailure, rebuild
from sparserl.types import UserError

_DESCRIPTION = """Play episodes with the policy that a run ended with, and tell their mean return.

Equal seeds and numbers of episodes give equal returns.

example:
  sparserl evaluate results/EXPERIMENT/seed=0 --num-episodes 100"""


@dataclasses.dataclass(frozen=True)
class Options:
    """What `evaluate` is told."""

    run: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(metavar="RUN", help="A folder .../seed=0, or EXPERIMENT/seed=0 in the results directory."),
    ] = ""
    num_episodes: Annotated[
        int | None, tyro.conf.arg(help="Episodes to play, side by side; none: as many as during training.")
    ] = None
    seed: Annotated[int, tyro.conf.arg(help="Decides the starts of the episodes and the random actions.")] = 0
    output: Annotated[Path, tyro.conf.arg(help="Results directory to look in.")] = Path("results")
    json: Json = False

    def __post_init__(self) -> None:
        if self.num_episodes is not None and self.num_episodes < 1:
            raise UserError(f"num_episodes is {self.num_episodes}: it must be at least 1")
        if not 0 <= self.seed < 2**32:
            raise UserError(f"seed is {self.seed}: it must lie in 0 to {2**32 - 1}")


def main(words: Sequence[str]) -> int:
    """Evaluate the run that `words` name."""
    options = parse(Options(), words, "sparserl evaluate", _DESCRIPTION)
    if not options.run:
        raise UserError("RUN is missing: name a run's folder, as in sparserl evaluate results/EXPERIMENT/seed=0")
    run = persistence.find_run(options.run, [options.output])
    if not persistence.has_bundle(run / "checkpoint"):
        status = persistence.read_status(run)
        raise UserError(
            f"{run} has no policy yet: the run is {status.status if status else 'not begun'}; train it first"
        )
    document: dict[str, Any] = {"run": str(run), "rows": [_evaluate(run, options)]}
    if options.json:
        print(json.dumps(document, indent=2, allow_nan=False))
    else:
        row = document["rows"][0]
        print(
            f"{run}\nmean return {row['mean_return']:.4g}, standard deviation {row['standard_deviation']:.4g}", end=""
        )
        print(f" over {row['num_episodes']} episodes")
    return 0


def _evaluate(run: Path, options: Options) -> dict[str, Any]:
    """Mean and standard deviation over the episodes' returns, without noise on the observations."""
    with in_options(option_types(options)):
        experiment, built, state = rebuild(run)
        num_episodes = options.num_episodes or experiment.evaluation.num_episodes
        environment = environments.make(experiment.environment, num_episodes, experiment.environment_backend)
    evaluate = training.evaluator(built.agent, environment, experiment.evaluation.max_episode_steps)
    try:
        result = evaluate(jax.random.key(options.seed), state)
    except UserError as error:  # nothing was wrong with the request: the environment broke on the way
        raise RunFailure(str(error)) from error
    returns = np.asarray(result.returns, np.float64)
    if not np.isfinite(returns).all():
        raise RunFailure(f"environment {experiment.environment} gave a return that is not finite")
    return {
        "observation_noise": 0,
        "mean_return": float(returns.mean()),
        "standard_deviation": float(returns.std()),
        "num_episodes": num_episodes,
    }
