"""Pace: the seconds of a step of training, along a run; what is no training, such as compiling, is told apart.

`python -m sparserl.bench.pace CHOICES OPTIONS` measures the experiment of these choices in this process, both JSON, and
prints a line of JSON.
"""

import argparse
import dataclasses
import json
import math
import os
import resource
import sys
import time
from contextlib import closing
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sparserl import training
from sparserl.agents.replay import Replay
from sparserl.bench.alone import measuring
from sparserl.bench.course import course_of
from sparserl.bench.updates import memory_bytes
from sparserl.experiment import Experiment, build, with_choices
from sparserl.experiment.building import Built
from sparserl.processes import binding
from sparserl.training import LoopState
from sparserl.types import Key, UserError

_WARMUP_STEPS = 500  # at most: random steps cost little and tell nothing of learning
_TOPOLOGIES = 30  # that pruning goes through at the least, in however short a run


@dataclasses.dataclass(frozen=True)
class PaceOptions:
    """How long the run is that is measured, and how many steps its replay holds from the beginning.

    most_seconds: after which measuring ends, whatever is left of the run is then taken to be as fast; None: at its end.
    """

    num_steps: int = 12_000
    replay_steps: int = 100_000
    most_seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("num_steps", "replay_steps"):
            if getattr(self, name) < 1_000:
                raise UserError("it must be at least 1,000", field=name, value=getattr(self, name))
        if self.most_seconds is not None and not self.most_seconds > 0:
            raise UserError("it must be greater than 0", field="most_seconds", value=self.most_seconds)


class Pace(NamedTuple):
    """What one process measured of one experiment.

    step_seconds: of a step, in each of `course.NUM_PARTS` equal parts of a run. start_seconds: from the start of the
    process until it has trained a little: imports, building, compiling. relayout_seconds: in which a run whose networks
    become smaller lays them out again and compiles. evaluation_seconds: of one evaluation. peak_bytes: the most memory
    that the process has had. network_bytes: of parameters, targets and moments, at the beginning and at the end.
    """

    step_seconds: list[float]
    start_seconds: float
    relayout_seconds: float
    evaluation_seconds: float
    peak_bytes: int
    network_bytes: tuple[int, int]


def measure(experiment: Experiment, options: PaceOptions, began: float) -> Pace:
    """Train a short run of `experiment` from end to end; `began`: when the process did, on the monotonic clock.

    What is a fraction of a run, as the schedule of pruning, is that fraction of the short one. The replay is full from
    the beginning: it holds what the first steps have seen, again and again.
    """
    with closing(build(shortened(experiment, options.num_steps))) as built:
        return _measured(built, options, began)


def shortened(experiment: Experiment, num_steps: int) -> Experiment:
    """The experiment as a run of `num_steps`, with few random steps.

    What is born sparse changes its topology as often as before. Pruning goes through more topologies than so few steps
    would have, so that its density falls as evenly as in a long run.
    """
    warmup_steps = min(getattr(experiment.agent, "warmup_steps", 0), _WARMUP_STEPS)
    choices: dict[str, Any] = {"total_steps": num_steps}
    if hasattr(experiment.agent, "warmup_steps"):
        choices["agent.warmup_steps"] = warmup_steps
    if (window := experiment.method.window) is not None:
        updates = (num_steps - warmup_steps) / experiment.agent.steps_per_update
        span = (window.stop_fraction - window.start_fraction) * updates
        longest = int(span if experiment.method.born_sparse else span / _TOPOLOGIES)
        choices["method.window.interval_updates"] = max(1, min(window.interval_updates, longest))
    return with_choices(experiment, choices)


def _measured(built: Built, options: PaceOptions, began: float) -> Pace:
    agent, environment = _remembering(built.agent, options.replay_steps), built.environment
    train_key, evaluation_key = jax.random.split(jax.random.key(0))
    state, course = training.start(agent, environment, train_key), course_of(built)
    bytes_before = memory_bytes(state.agent.groups)
    for state, _ in training.train(agent, environment, train_key, state, [course.begin], built.optimizers):
        jax.block_until_ready(state)
    start_seconds, marks = time.monotonic() - began, list[tuple[int, float]]()
    state = with_full_replay(state)
    for state, metrics in training.train(agent, environment, train_key, state, course.stops(), built.optimizers):
        jax.block_until_ready((state, metrics))
        marks.append((int(state.num_steps), time.perf_counter()))
        if len(marks) > 1 and marks[-1][1] - marks[0][1] > (options.most_seconds or math.inf):
            break
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    evaluation_seconds = _evaluation_seconds(built, agent, evaluation_key, state)
    step_seconds, relayout_seconds = course.seconds(marks)
    network_bytes = bytes_before, memory_bytes(state.agent.groups)
    return Pace(step_seconds, start_seconds, relayout_seconds, evaluation_seconds, peak_bytes, network_bytes)


def _remembering(agent: Any, replay_steps: int) -> Any:
    """The agent with a replay of so many steps, if it has one."""
    if not hasattr(agent.settings, "replay_capacity_steps"):
        return agent
    return dataclasses.replace(agent, settings=dataclasses.replace(agent.settings, replay_capacity_steps=replay_steps))


def with_full_replay(state: LoopState) -> LoopState:
    """The state with its steps repeated until the replay is full; replays of another kind stay as they are."""
    ring = getattr(state.agent, "replay", None)
    if not isinstance(ring, Replay):
        return state
    capacity_steps = ring.storage.reward.shape[0]
    rows = jnp.arange(capacity_steps) % jnp.minimum(ring.num_added, capacity_steps)
    full = Replay(jax.tree.map(lambda x: x[rows], ring.storage), jnp.int32(capacity_steps))
    return state._replace(agent=state.agent._replace(replay=full))


def _evaluation_seconds(built: Built, agent: Any, key: Key, state: LoopState) -> float:
    settings = built.plan.experiment.evaluation
    evaluate = training.evaluator(agent, built.evaluation_environment, settings.max_episode_steps, settings.min_steps)
    evaluate(key, state.agent)  # compiles
    began = time.perf_counter()
    evaluate(key, state.agent)
    return time.perf_counter() - began


def main() -> int:
    """Measure one experiment in this process."""
    parser = argparse.ArgumentParser(prog="python -m sparserl.bench.pace", description=__doc__)
    parser.add_argument("choices", metavar="CHOICES", type=json.loads)
    parser.add_argument("options", metavar="OPTIONS", type=json.loads)
    parser.add_argument("--began", type=float, help="when the process was started, on the monotonic clock")
    binding.add_options(parser)
    given, channel = parser.parse_args(), binding.own_output()

    def print_pace() -> None:
        began = time.monotonic() if given.began is None else given.began
        pace = measure(Experiment.from_choices(given.choices), PaceOptions(**given.options), began)
        print(json.dumps(pace._asdict()), file=channel, flush=True)

    return measuring(given, print_pace)


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)  # an orderly end would first wait for what the compiled program still computes
