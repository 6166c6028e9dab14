"""Filming: the first episode of an evaluation of a trained policy, picture by picture."""

from collections.abc import Generator
from typing import NamedTuple

import numpy as np

from sparserl import environments, training
from sparserl.environments import Arithmetic
from sparserl.experiment.choices import Experiment
from sparserl.experiment.environment import make_evaluation_environment, make_filmed_environment
from sparserl.experiment.robustness import with_noise
from sparserl.training import EvaluationSettings, Moment
from sparserl.types import Agent, AgentState, Key


class Shot(NamedTuple):
    """A picture, uint8 `[y, x, 3]`, and the moment that it shows."""

    picture: np.ndarray
    moment: Moment


class Film(NamedTuple):
    """Pictures of one episode and their pace. `shots` plays while it is read, and must be closed after that."""

    shots: Generator[Shot]
    frames_per_second: float


def film(
    experiment: Experiment,
    agent: Agent,
    state: AgentState,
    settings: EvaluationSettings,
    key: Key,
    deviation: float,
    arithmetic: Arithmetic,
    most_frames_per_second: float,
) -> Film:
    """The first episode of the evaluation with these settings, this key and this noise (`under_noise`).

    It is played once more, in environments of its own beside as many others as the evaluation had. Where there would be
    more than `most_frames_per_second`, pictures are left out, but for the last. What the policy sees under noise is not
    what the pictures show. Raises `UserError` where the environment cannot be drawn, and what it raises itself.
    """
    filmed = make_filmed_environment(experiment, settings.num_episodes)
    pace = min(filmed.frames_per_second, most_frames_per_second)
    due = lambda step: int(step * pace / filmed.frames_per_second)

    def shots() -> Generator[Shot]:
        try:
            seen = filmed.environment
            if deviation:
                plain = make_evaluation_environment(experiment, settings.num_episodes)
                try:
                    seen = with_noise(agent, state, plain, settings, key, deviation, arithmetic, seen)
                finally:
                    environments.close(plain)
            for moment in training.first_episode(agent, seen, key, state, settings.max_episode_steps):
                step = moment.length_steps
                if step == 0 or moment.is_last or due(step) > due(step - 1):
                    picture = filmed.picture(moment.environment_state)
                    if picture is not None:
                        yield Shot(picture, moment)
        finally:
            environments.close(filmed.environment)

    return Film(shots(), pace)
