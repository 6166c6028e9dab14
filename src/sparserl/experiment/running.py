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
from sparserl.experiment.plan import Plan
from sparserl.experiment.reports import Report, ending, is_due, report
from sparserl.experiment.resuming import Captured, capture, restore
from sparserl.experiment.stops import Stops
from sparserl.persistence import Generation
from sparserl.training import LoopState


def run(
    experiment: Experiment | Plan | Built,
    seed: int,
    chunk_steps: int | None = 1_000,
    diagnostics: bool = False,
    checkpoint: Generation | None = None,
) -> Iterator[Report]:
    """One seed from its first step to its last: a report every `chunk_steps` and at each evaluation.

    chunk_steps: None takes as many as last about a second. checkpoint: where to go on from, captured by a run of the
    same experiment and seed; the first report is then the next one. A report's state is valid until the next one only.
    The results depend neither on `chunk_steps` nor on stops at checkpoints, nor on `diagnostics`, which are recorded at
    evaluations where they are asked for. Raises `RunFailure`, and `Divergence` where what is trained is not finite.
    Environments are closed in the end; those of `Built` are their maker's to close, once all is stored.
    """
    if isinstance(experiment, Built):
        yield from _run(experiment, seed, chunk_steps, diagnostics, checkpoint)
        return
    seed_shared_generators(seed)  # environments may draw from them when they are made
    with closing(build(experiment)) as built:
        yield from _run(built, seed, chunk_steps, diagnostics, checkpoint)


def _run(
    built: Built, seed: int, chunk_steps: int | None, diagnostics: bool, checkpoint: Generation | None
) -> Iterator[Report]:
    plan = built.plan
    check_memory(plan)
    began, before = time.monotonic(), -1
    train_key, evaluation_key = jax.random.split(jax.random.key(seed))
    total_steps, settings = plan.experiment.total_steps, plan.experiment.evaluation
    evaluate = training.evaluator(
        built.agent, built.evaluation_environment, settings.max_episode_steps, settings.min_steps
    )
    if checkpoint is None:
        state = training.start(built.agent, built.environment, train_key)
        observer = observe(seed, built, state.agent) if diagnostics else None
    else:
        state, histories = restore(built, checkpoint, diagnostics)
        observer = observe(seed, built, state.agent, histories) if diagnostics else None
        before, began = int(state.num_steps), began - checkpoint.document["seconds"]

    def told(state: LoopState) -> Report:
        nonlocal before
        num_steps, evaluated, rows = int(state.num_steps), None, list[dict[str, Any]]()
        if is_due(plan.experiment, before, num_steps):
            persistence.passing("evaluation")
            evaluated = evaluate(jax.random.fold_in(evaluation_key, num_steps), state.agent)
            rows = observer.rows(num_steps, state.agent) if observer else []
        before, seconds = num_steps, time.monotonic() - began
        return report(seed, built, state, evaluated, seconds, rows, lambda: captured(state))

    def captured(state: LoopState) -> Captured:
        found = capture(built, state, observer.histories if observer else None)
        return found._replace(document={**found.document, "seconds": time.monotonic() - began})

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
