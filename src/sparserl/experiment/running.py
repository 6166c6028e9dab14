"""One run of an experiment: a seed from its first step to its last."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import jax

from sparserl import persistence, training
from sparserl.environments import seed_shared_generators
from sparserl.experiment.building import Built, build
from sparserl.experiment.choices import Experiment
from sparserl.experiment.memory import check_memory
from sparserl.experiment.observing import observe
from sparserl.experiment.plan import Plan, check_experiment
from sparserl.experiment.reports import Report, Standing, ending, is_due, report
from sparserl.experiment.resuming import Break, Captured, Histories, Resume, capture, check_way, obstacle, restore
from sparserl.experiment.setting import LARGEST_SEED, check_number
from sparserl.experiment.stops import Stops
from sparserl.persistence import Generation
from sparserl.training import LoopState
from sparserl.types import UserError


class Promise:
    """How a run could go on from its checkpoints, which is tried before it is told."""

    def __init__(self, built: Built, breaks: tuple[Break, ...], resume: Resume) -> None:
        self._built, self._breaks, self._resume = built, breaks, resume
        self.standing = self._standing(obstacle(built))

    def capture(self, state: LoopState, histories: Histories | None) -> Captured:
        """What the run goes on from. Raises `UserError` where it could only begin anew."""
        if self.standing.goes_on == "anew":
            raise UserError(str(self.standing.obstacle))
        try:
            return capture(self._built, state, histories, self._breaks, self.standing.obstacle is None)
        except UserError as error:  # it has come to something that cannot be captured
            self.standing = self._standing(str(error))
            if self._resume == "exact":
                raise
            return capture(self._built, state, histories, self._breaks, with_environment=False)

    def _standing(self, obstacle: str | None) -> Standing:
        inexact = "fresh-episode" if self._resume != "exact" else "anew"
        goes_on = "exact" if obstacle is None and self._resume != "fresh-episode" else inexact
        num_envs = self._built.environment.num_envs
        return Standing(goes_on, obstacle, tuple(each.num_steps * num_envs for each in self._breaks))


def run(
    experiment: Experiment | Plan | Built,
    seed: int,
    chunk_steps: int | None = 1_000,
    diagnostics: bool = False,
    checkpoint: Generation | None = None,
    resume: Resume = "auto",
) -> Iterator[Report]:
    """One seed from its first step to its last: a report every `chunk_steps` and at each evaluation.

    chunk_steps: None takes as many as last about a second. checkpoint: where to go on from, captured by a run of the
    same experiment and seed; the first report is then the next one. resume: how it goes on from there, and how this run
    could. A report's state is valid until the next one only.
    The results depend neither on `chunk_steps` nor on stops at checkpoints, nor on `diagnostics`, which are recorded at
    evaluations where they are asked for. Raises `UserError` at once for numbers that cannot be, and later `RunFailure`,
    and `Divergence` where what is trained is not finite.
    Environments are closed in the end; those of `Built` are their maker's to close, once all is stored.
    """
    seed = check_number("seed", seed, 0, LARGEST_SEED)
    check_way(chunk_steps, resume)
    if not isinstance(experiment, Built | Plan):
        check_experiment(experiment)
    return _reports(experiment, seed, chunk_steps, diagnostics, checkpoint, resume)


def _reports(
    experiment: Experiment | Plan | Built,
    seed: int,
    chunk_steps: int | None,
    diagnostics: bool,
    checkpoint: Generation | None,
    resume: Resume,
) -> Iterator[Report]:
    if isinstance(experiment, Built):
        yield from _run(experiment, seed, chunk_steps, diagnostics, checkpoint, resume)
        return
    seed_shared_generators(seed)  # environments may draw from them when they are made
    with closing(build(experiment)) as built:
        yield from _run(built, seed, chunk_steps, diagnostics, checkpoint, resume)


def _run(
    built: Built,
    seed: int,
    chunk_steps: int | None,
    diagnostics: bool,
    checkpoint: Generation | None,
    resume: Resume,
) -> Iterator[Report]:
    plan = built.plan
    check_memory(plan)
    began, before = time.monotonic(), -1
    train_key, evaluation_key = jax.random.split(jax.random.key(seed))
    total_steps, settings = plan.experiment.total_steps, plan.experiment.evaluation
    evaluate = training.evaluator(
        built.agent, built.evaluation_environment, settings.max_episode_steps, settings.min_steps
    )
    breaks: tuple[Break, ...] = ()
    if checkpoint is None:
        state = training.start(built.agent, built.environment, train_key)
        observer = observe(seed, built, state.agent) if diagnostics else None
    else:
        state, histories, breaks = restore(built, checkpoint, diagnostics, train_key, resume)
        observer = observe(seed, built, state.agent, histories) if diagnostics else None
        before, began = int(state.num_steps), began - checkpoint.document["seconds"]

    promise = Promise(built, breaks, resume)

    def told(state: LoopState) -> Report:
        nonlocal before
        num_steps, evaluated = int(state.num_steps), None
        rows, topology = list[dict[str, Any]](), list[dict[str, Any]]()
        if is_due(plan.experiment, before, num_steps):
            persistence.passing("evaluation")
            evaluated = evaluate(jax.random.fold_in(evaluation_key, num_steps), state.agent)
            if observer:
                rows, topology = observer.rows(num_steps, state.agent), observer.topology_rows(num_steps)
        before, seconds = num_steps, time.monotonic() - began
        told = report(seed, built, state, evaluated, seconds, rows, lambda: captured(state), promise.standing)
        return told._replace(topology=topology)

    def captured(state: LoopState) -> Captured:
        captured = promise.capture(state, observer.histories if observer else None)
        return captured._replace(document={**captured.document, "seconds": time.monotonic() - began})

    if checkpoint is None or before >= total_steps:  # or it was killed when only its end was to be stored
        yield told(state)
    observed = int(state.num_steps)
    due = training.stops(total_steps, settings.interval_steps)
    stops = Stops(observed, due, observer.steps if observer else [], chunk_steps)
    chunks = training.train(built.agent, built.environment, train_key, state, stops.each(), built.optimizers)
    for state, metrics in chunks:
        num_steps = int(state.num_steps)
        observer = observer and observer.after(observed, num_steps, state.agent)
        if stops.reached(num_steps):
            if problem := ending(built, state, metrics["loss"]):
                raise problem
            yield told(state)
        observed = num_steps
