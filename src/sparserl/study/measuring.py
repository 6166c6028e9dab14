"""Measuring: how long a step of an experiment takes in this process, in training and in evaluation."""

import dataclasses
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

import jax
import numpy as np

from sparserl import training
from sparserl.experiment.building import Built, build
from sparserl.experiment.choices import Experiment

_WARMUP_STEPS = 500  # random steps cost little and tell nothing of learning
_REPLAY_STEPS = 50_000  # a million frames would take as long to make as everything that is measured
_EVALUATION_STEPS = 100  # of every episode
_FIRST_CHUNK_STEPS = 25


class Pace(NamedTuple):
    """Seconds of an environment step of training and of one of evaluation, in which every episode makes a step.

    `measured_seconds` is how long these steps took altogether; in `processor_share` of the training this process had a
    processor: less than 1 where other programs took turns with it, and where an environment waits for something.
    """

    step_seconds: float
    evaluation_step_seconds: float
    measured_seconds: float
    processor_share: float


class _Mark(NamedTuple):
    """Steps made until a moment, by the clock on the wall and by that of this process."""

    num_steps: int
    seconds: float
    processor_seconds: float


def measure(experiment: Experiment, seconds: float) -> Pace:
    """Train for about `seconds` once all is compiled, and play two short evaluations; nothing is kept.

    Topology updates, which are rare, may not be among the steps measured.
    """
    with closing(build(_soon_learning(experiment))) as built:
        return _measured(built, seconds)


def _measured(built: Built, seconds: float) -> Pace:
    experiment = built.plan.experiment
    train_key, evaluation_key = jax.random.split(jax.random.key(0))
    state = training.start(built.agent, built.environment, train_key)
    evaluate = training.evaluator(built.agent, built.evaluation_environment, _EVALUATION_STEPS)
    evaluate(evaluation_key, state.agent)  # compiles
    begin = _Mark(0, time.perf_counter(), time.process_time())
    played = evaluate(evaluation_key, state.agent)
    longest_steps = int(np.asarray(played.lengths).max())
    evaluation_seconds = time.perf_counter() - begin.seconds
    marks: list[_Mark] = []
    stops = _stops(experiment)
    for state, metrics in training.train(built.agent, built.environment, train_key, state, stops, built.optimizers):
        jax.block_until_ready((state, metrics))
        marks.append(_Mark(int(state.num_steps), time.perf_counter(), time.process_time()))
        if len(marks) > 2 and marks[-1].seconds - marks[1].seconds > seconds:
            break
    first, last = marks[min(1, len(marks) - 2)] if len(marks) > 1 else begin, marks[-1]
    num_steps = (last.num_steps - first.num_steps) * experiment.num_environments
    took = last.seconds - first.seconds
    return Pace(
        step_seconds=took / num_steps,
        evaluation_step_seconds=evaluation_seconds / max(longest_steps, 1),
        measured_seconds=took + evaluation_seconds,
        processor_share=(last.processor_seconds - first.processor_seconds) / took,
    )


def _soon_learning(experiment: Experiment) -> Experiment:
    agent: Any = experiment.agent
    if experiment.kind.memory is None:
        return experiment
    capacity_steps = min(agent.replay_capacity_steps, _REPLAY_STEPS)
    warmup_steps = min(agent.warmup_steps, _WARMUP_STEPS)
    shorter = dataclasses.replace(agent, warmup_steps=warmup_steps, replay_capacity_steps=capacity_steps)
    return dataclasses.replace(experiment, agent=shorter)


def _stops(experiment: Experiment) -> Iterator[int]:
    """The end of the warm-up, a first chunk of learning, then chunks that double; all within the run."""
    chunk_steps = max(_FIRST_CHUNK_STEPS, experiment.agent.steps_per_update)
    stop = max(experiment.agent.warmup_steps, experiment.agent.steps_per_update)
    while stop < experiment.total_steps:
        yield stop
        stop, chunk_steps = stop + chunk_steps, 2 * chunk_steps
    yield experiment.total_steps
