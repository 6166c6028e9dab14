"""Seeds side by side: several seeds of one experiment in one program, each with reports of its own."""

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl import environments, persistence, training
from sparserl.experiment.building import Built, build
from sparserl.experiment.choices import Experiment
from sparserl.experiment.memory import check_memory
from sparserl.experiment.plan import Plan, plan_of
from sparserl.experiment.reports import Report, RunFailure, Standing, ending, is_due, report
from sparserl.experiment.resuming import Break, Captured, Resume, capture, check_way, restore
from sparserl.experiment.setting import LARGEST_SEED, check_number
from sparserl.experiment.stops import Stops
from sparserl.persistence import Generation
from sparserl.training import LoopState
from sparserl.types import AgentState, Divergence, UserError

Told = Report | Divergence | RunFailure  # what comes of one seed at a stop; after either of the last two, nothing more


def obstacle_to_side_by_side(experiment: Experiment | Plan) -> str | None:
    """Why seeds of an experiment cannot be trained side by side, in one line; None where they can."""
    plan = plan_of(experiment)
    if not environments.is_compiled(plan.experiment.environment, plan.experiment.environment_backend):
        return f"environment {plan.experiment.environment} is not a compiled one"
    if plan.compressed_layers:
        return "its storage is compressed, and seeds side by side share their shapes: --storage masked is for them"
    return None


def seed_bytes(experiment: Experiment | Plan) -> int:
    """What the state of one seed takes, replay and environment included; found without computing anything."""
    built = build(experiment)
    state = jax.eval_shape(lambda key: training.start(built.agent, built.environment, key), jax.random.key(0))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))


def run_seeds(
    experiment: Experiment | Plan,
    seeds: Sequence[int],
    chunk_steps: int | None = 1_000,
    checkpoints: Mapping[int, Generation] | None = None,
    resume: Resume = "auto",
) -> Iterator[dict[int, Told]]:
    """`seeds` from their first step to their last in one program: at each stop, as `run` has them, reports by seed.

    checkpoints: where to go on from, by seed, all at one step. A seed without one computes along, on a copy of
    another, so that the program stays the same, and is not told of. The same holds for a seed that has ended early: it
    is told of once, with the reason, and the others go on. The bits of a seed depend on how many seeds are beside it,
    and on nothing else of them. Raises `UserError` where the experiment cannot be run in this way.
    """
    seeds = [check_number("seed", seed, 0, LARGEST_SEED) for seed in seeds]
    if not seeds or len(set(seeds)) < len(seeds):
        raise UserError("give one or more, no two alike", field="seeds", value=tuple(seeds))
    check_way(chunk_steps, resume)
    plan = plan_of(experiment)
    if obstacle := obstacle_to_side_by_side(plan):
        raise UserError(f"seeds cannot be trained side by side: {obstacle}")
    check_memory(plan, len(seeds))
    group, experiment = _Group(plan, seeds, checkpoints, resume), plan.experiment
    state = group.start() if checkpoints is None else group.restored(checkpoints)
    if checkpoints is None or group.before >= experiment.total_steps:  # or killed when only its end was to be stored
        yield group.reports(state)
    due = training.stops(experiment.total_steps, experiment.evaluation.interval_steps)
    stops = Stops(int(state.num_steps), due, [], chunk_steps)
    for state, metrics in training.train(group.agent, group.environment, group.keys[:, 0], state, stops.each()):
        if not stops.reached(int(state.num_steps)):
            continue
        ended = group.end(state, np.asarray(metrics["loss"]))
        yield {**ended, **group.reports(state)}
        if not group.going:
            return


class _Group:
    """Seeds of one experiment in one program, a lane for each: which of them go on, and since when.

    `keys` are `[lane, 2]`, of training and of evaluation; `before` is the step of the last stop, -1 before the first.
    """

    def __init__(
        self, plan: Plan, seeds: Sequence[int], checkpoints: Mapping[int, Generation] | None, resume: Resume
    ) -> None:
        self.resume, self.breaks = resume, dict[int, tuple[Break, ...]]()
        self.lanes, self.built = list(seeds), build(plan)
        self.began, self.before = time.monotonic(), -1
        self.going = [seed for seed in self.lanes if checkpoints is None or seed in checkpoints]
        self.agent, self.environment = training.over_seeds(self.built.agent, self.built.environment)
        self.keys = jnp.stack([jax.random.split(jax.random.key(seed)) for seed in self.lanes])
        self.evaluate = _evaluator(self.built)

    def start(self) -> LoopState:
        return training.start(self.agent, self.environment, self.keys[:, 0])

    def restored(self, checkpoints: Mapping[int, Generation]) -> LoopState:
        """The state of all lanes; those without a checkpoint are copies of the first that has one."""
        lanes = {seed: self.keys[lane, 0] for lane, seed in enumerate(self.lanes)}
        restored = {
            seed: restore(self.built, checkpoint, False, lanes[seed], self.resume)
            for seed, checkpoint in checkpoints.items()
        }
        states = {seed: each.state for seed, each in restored.items()}
        self.breaks = {seed: each.breaks for seed, each in restored.items()}
        if len(steps := {int(state.num_steps) for state in states.values()}) != 1:
            raise ValueError(f"checkpoints of seeds side by side are at one step, not at {sorted(steps)}")
        self.before = steps.pop()
        self.began -= max(checkpoint.document["seconds"] for checkpoint in checkpoints.values())
        first = next(iter(states.values()))
        parts = [states.get(seed, first)[1:] for seed in self.lanes]  # all but the clock
        return LoopState(first.num_steps, *jax.tree.map(lambda *arrays: jnp.stack(arrays), *parts))

    def reports(self, state: LoopState) -> dict[int, Told]:
        """What is told of every seed that goes on, evaluated where that is due."""
        num_steps = int(state.num_steps)
        evaluated = None
        if is_due(self.built.plan.experiment, self.before, num_steps):
            evaluated = self._evaluated(state, num_steps)
        self.before, seconds = num_steps, time.monotonic() - self.began
        bare = state._replace(agent=_without_replay(state.agent))
        return {
            seed: report(
                seed,
                self.built,
                _lane(bare, lane),
                None if evaluated is None else jax.tree.map(lambda x, lane=lane: np.asarray(x)[lane], evaluated),
                seconds,
                [],
                functools.partial(self._captured, state, lane),
                self._standing(seed),
            )
            for lane, seed in enumerate(self.lanes)
            if seed in self.going
        }

    def end(self, state: LoopState, losses: np.ndarray) -> dict[int, Told]:
        """Which seeds end here before their time, and why; they do not go on. `losses` are `[lane]`."""
        healthy, ended = state._replace(agent=None, environment=None), dict[int, Told]()
        for lane, seed in enumerate(self.lanes):
            if seed in self.going and (problem := ending(self.built, _lane(healthy, lane), losses[lane])):
                ended[seed] = problem
        self.going = [seed for seed in self.going if seed not in ended]
        return ended

    def _evaluated(self, state: LoopState, num_steps: int) -> training.Evaluation | None:
        """An evaluation of all lanes; the first seed that goes on stands in for those that do not."""
        if not self.going:
            return None
        persistence.passing("evaluation")
        first = self.lanes.index(self.going[0])
        stand_ins = np.array([lane if seed in self.going else first for lane, seed in enumerate(self.lanes)])
        return self.evaluate(_at_step(self.keys[:, 1], num_steps), _taken(state.agent, stand_ins))

    def _standing(self, seed: int) -> Standing:
        goes_on = "fresh-episode" if self.resume == "fresh-episode" else "exact"
        num_envs = self.built.environment.num_envs
        return Standing(goes_on, None, tuple(each.num_steps * num_envs for each in self.breaks.get(seed, ())))

    def _captured(self, state: LoopState, lane: int) -> Captured:
        captured = capture(self.built, _lane(state, lane), None, self.breaks.get(self.lanes[lane], ()))
        return captured._replace(document={**captured.document, "seconds": time.monotonic() - self.began})


def _evaluator(built: Built) -> Callable[[Any, AgentState], training.Evaluation]:
    agent, environment = training.over_seeds(built.agent, built.evaluation_environment)
    settings = built.plan.experiment.evaluation
    return training.evaluator(agent, environment, settings.max_episode_steps, settings.min_steps)


def _at_step(keys: Any, num_steps: int) -> Any:
    return jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, num_steps)


def _taken(agent: AgentState, lanes: np.ndarray) -> AgentState:
    """The networks of these lanes, without replay; all in their order are taken as they are."""
    agent = _without_replay(agent)
    if np.array_equal(lanes, np.arange(len(lanes))):
        return agent
    return jax.tree.map(lambda x: x[lanes], agent)


def _without_replay(agent: AgentState) -> AgentState:
    return agent._replace(replay=None)


def _lane(state: LoopState, lane: int) -> LoopState:
    """One seed's part of a state, on the host; its arrays may be views, valid as long as `state` is."""
    clock, *rest = state
    return LoopState(clock, *jax.tree.map(lambda x: np.asarray(x)[lane], rest))
