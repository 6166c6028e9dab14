"""Filming for `evaluate --video`: where films go, what is looked at before anything is played, what is told of them."""

import itertools
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import jax

from sparserl import video
from sparserl.cli.tables import number
from sparserl.environments import Arithmetic, seed_shared_generators
from sparserl.errors import UserError
from sparserl.experiment import Experiment, Shot, film, stored_experiment, try_filming
from sparserl.processes import places
from sparserl.processes.homes import at_home
from sparserl.training import EvaluationSettings
from sparserl.types import Agent, AgentState

HELP = (
    "Film the first episode of the evaluation, under the first deviation of the noise, into this .gif or, where there "
    f"is ffmpeg, .mp4: at most {video.MOST_FRAMES:,} pictures and {video.MOST_BYTES // 10**6} MB. Without a FILE: "
    f"{video.DEFAULT_NAME} in the run's folder, where reports look for it."
)


class Take(NamedTuple):
    """How the evaluation went that is filmed; `first_return` is that of its first episode."""

    experiment: Experiment
    agent: Agent
    state: AgentState
    settings: EvaluationSettings
    seed: int
    deviation: float
    arithmetic: Arithmetic
    first_return: float


def with_default(words: Sequence[str]) -> list[str]:
    """`--video` that nothing follows but another option stands for a file in the run's folder: an empty name."""
    return [
        "--video=" if word == "--video" and after.startswith("-") else word
        for word, after in itertools.zip_longest(words, words[1:], fillvalue="--")
    ]


def targets(name: str | None, runs: Sequence[Path]) -> list[Path | None]:
    """The film of each run. Raises UserError, in one line, where one cannot be made here."""
    if name is None:
        return [None for _ in runs]
    if name and len(runs) > 1:
        raise UserError(
            f"it names one film, and there are {len(runs)} runs: --video alone films each into its own folder",
            field="--video",
            value=name,
        )
    paths = [at_home(name) if name else run / video.DEFAULT_NAME for run in runs]
    for path, run in zip(paths, runs, strict=True):
        video.require_target(path)
        places.ensure_temporary(path.parent)
        try_filming(stored_experiment(run))
    return [path.absolute() for path in paths]


def make(path: Path, take: Take) -> dict[str, Any]:
    """Play and write the film, and tell what it shows. Raises UserError where that cannot be done."""
    experiment, agent, state, settings, seed, deviation, arithmetic, first_return = take
    seed_shared_generators(seed)  # as for the evaluation
    key = jax.random.key(seed)
    rate = video.MOST_FRAMES_PER_SECOND
    made = film(experiment, agent, state, settings, key, deviation, arithmetic, rate)
    shots: list[Shot] = []  # the last one only: pictures are many

    def pictures() -> Any:
        for shot in made.shots:
            shots[:] = [shot]
            yield shot.picture

    with closing(made.shots):
        written = video.write(path, pictures(), made.frames_per_second)
    last = shots[-1].moment
    return {
        "file": str(path),
        "episode": 0,
        "observation_noise": int(deviation) if float(deviation).is_integer() else deviation,
        "episode_return": last.episode_return,
        "length_steps": last.length_steps,
        "is_whole": written.is_whole,
        "is_as_counted": last.episode_return == first_return if written.is_whole else None,
        "num_frames": written.num_frames,
        "frames_per_second": made.frames_per_second,
        "bytes": written.num_bytes,
    }


def in_words(told: dict[str, Any]) -> str:
    """What a film shows, in a line."""
    noise = f" under noise of {told['observation_noise']:g}" if told["observation_noise"] else ""
    shown = f"the first episode{noise}, return {number(told['episode_return'])} in {told['length_steps']:,} steps"
    pace = f"{told['num_frames']:,} pictures, {told['frames_per_second']:g} a second"
    if not told["is_whole"]:
        shown = f"the beginning of the first episode{noise}, cut off for its length or size"
    elif not told["is_as_counted"]:
        shown += ", played anew: this environment does not repeat itself, and another return was counted"
    return f"video: {told['file']} ({shown}; {pace})"
