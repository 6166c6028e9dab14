"""Pace, clock and rates: which steps count, what a clock says of a run, and what is kept of several rounds."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparserl.bench import pace, rates
from sparserl.bench.clock import Clock
from sparserl.bench.course import NUM_PARTS, Course, _around, relayout_steps
from sparserl.bench.pace import Pace, PaceOptions
from sparserl.bench.rates import RateOptions
from sparserl.errors import UserError
from sparserl.experiment import build, from_preset, plan_of
from sparserl.processes.child import start
from sparserl.training import start as start_training


def test_steps_around_new_layouts_do_not_count_and_their_seconds_are_told_apart():
    course = Course(warmup_steps=100, total_steps=2_100, begin=200, left_out=((575, 625),))
    assert course.stops()[:4] == [205, 210, 215, 225]
    paces = lambda step: 0.002 if step < 600 else 0.001
    seconds, marks = 0.0, []
    for before, stop in zip([200, *course.stops()], course.stops(), strict=False):
        seconds += sum(map(paces, range(before, stop)))
        seconds += 3.0 * (before == 575)  # compiling, within the steps that are left out
        marks.append((stop, seconds))
    step_seconds, relayout_seconds = course.seconds(marks)
    assert step_seconds == pytest.approx([0.002] * 5 + [0.001] * 15)
    assert relayout_seconds == pytest.approx(3.0)


def test_surroundings_that_overlap_are_one():
    assert _around([10, 100, 140, 1_990], 2_000) == ((0, 35), (75, 165), (1_965, 2_000))


def test_layouts_are_looked_at_where_the_loop_looks():
    small = {"network.hidden_units": (32, 32), "agent.warmup_steps": 10, "method.window.interval_updates": 100}
    experiment = from_preset("dqn", "prune", "CartPole-v1", total_steps=1_010, storage="compressed", **small)
    built = build(experiment)
    built.close()
    # From 20 to 80 % of 1,000 updates, seven topologies, each looked at behind its update; then after 1, 2, 4 ... more.
    assert relayout_steps(built) == [
        n + 10 for n in (201, 301, 401, 501, 601, 701, 801, 802, 804, 808, 816, 832, 864, 928)
    ]


def test_a_clock_goes_by_parts_of_a_run_and_back():
    clock = Clock((0.003, 0.001))
    assert clock.steps_per_second == pytest.approx(500)
    assert clock.total_steps(10.0, warmup_steps=100) == 5_100
    steps = [0, 100, 2_600, 3_850, 5_100]
    assert clock.seconds_at(steps, 5_100, warmup_steps=100) == pytest.approx([0.0, 0.0, 7.5, 8.75, 10.0])
    for wrong in ((), (0.0,), (0.1, math.nan)):
        with pytest.raises(ValueError, match="above 0"):
            Clock(wrong)


def test_short_runs_keep_schedules_and_what_pruning_goes_through():
    pruning = from_preset("sac", "prune", "HalfCheetah-v5", total_steps=500_000)
    short = pace.shortened(pruning, 12_500)
    assert [short.total_steps, short.agent.warmup_steps] == [12_500, 500]
    window = short.method.window
    assert [window.start_fraction, window.stop_fraction, window.interval_updates] == [0.2, 0.8, 240]
    assert len(window.due_updates(plan_of(short).total_updates)) == 31
    rigl = from_preset("sac", "rigl", "HalfCheetah-v5", total_steps=500_000)
    assert pace.shortened(rigl, 12_500).method == rigl.method
    assert pace.shortened(rigl, 1_000).method.window.interval_updates == 400  # as long as the window


def test_a_replay_is_filled_with_what_it_has_seen():
    built = build(from_preset("dqn", "dense", "CartPole-v1", total_steps=2_000))
    built.close()
    agent = pace._remembering(built.agent, 7)
    state = start_training(agent, built.environment, jax.random.key(0))
    ring = state.agent.replay
    storage = ring.storage._replace(reward=jnp.arange(7.0).reshape(7, 1))
    ring = ring._replace(storage=storage, num_added=jnp.int32(3))
    full = pace.with_full_replay(state._replace(agent=state.agent._replace(replay=ring))).agent.replay
    assert full.storage.reward[:, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert int(full.num_added) == 7


def fake_start(program, core, **streams):
    """A process that measures nothing, in place of one that does."""
    choices, began = json.loads(program[3]), program.index("--began")
    assert float(program[began + 1]) > 0
    code = PROGRAM.format(broken=choices["total_steps"] == 1_001)
    return start(["-c", code], core, **streams)


PROGRAM = """
import json, sys
if {broken}:
    print("sparserl: it broke", file=sys.stderr)
    sys.exit(1)
print("a word that is no result")
print(json.dumps(dict(step_seconds=[0.002, 0.001], start_seconds=5.0, relayout_seconds=0.0, evaluation_seconds=0.5,
    peak_bytes=30, network_bytes=[20, 10])))
"""


@pytest.mark.processes
def test_every_experiment_is_measured_in_each_round(monkeypatch):
    monkeypatch.setattr(rates, "start", fake_start)
    experiments = {str(steps): from_preset("dqn", "rigl", "CartPole-v1", total_steps=steps) for steps in (2_000, 3_000)}
    said = []
    documents = list(rates.measured(experiments, RateOptions(repeats=2, processes=1), said.append))
    assert [len(document["rows"][0]["steps_per_second_of_rounds"]) for document in documents] == [1, 2]
    assert [line.partition(":")[0] for line in said] == ["[1/2] 2000", "[1/2] 3000", "[2/2] 3000", "[2/2] 2000"]
    row = documents[-1]["rows"][1]
    assert [row["name"], row["steps_per_second"]] == ["3000", pytest.approx(1 / 0.0015)]
    assert Clock.of(row) == Clock((0.002, 0.001))
    assert documents[-1]["settings"] == {
        "num_steps": 12_000,
        "replay_steps": 100_000,
        "most_seconds": None,
        "processes": 1,
        "repeats": 2,
    }
    broken = {"broken": from_preset("dqn", "rigl", "CartPole-v1", total_steps=1_001)}
    with pytest.raises(rates.RunFailure, match="broken: it broke"):
        list(rates.measured(broken, RateOptions(), said.append))


def test_options_that_cannot_be_are_told():
    with pytest.raises(UserError, match="repeats is 0: it must be at least 1"):
        RateOptions(repeats=0)
    with pytest.raises(UserError, match="num_steps is 10: it must be at least 1,000"):
        PaceOptions(num_steps=10)
    with pytest.raises(UserError, match="processes is 1000000: this machine lets us use"):
        next(rates.measured({}, RateOptions(processes=1_000_000), print))


@pytest.mark.thorough
@pytest.mark.slow
def test_a_run_is_measured_from_end_to_end():
    small = {"network.hidden_units": (64, 64), "evaluation.num_episodes": 1}
    experiment = from_preset("dqn", "prune", "CartPole-v1", storage="compressed", sparsity=0.9, **small)
    measured = pace.measure(experiment, PaceOptions(1_000, 1_000), 0.0)
    assert isinstance(measured, Pace)
    assert len(measured.step_seconds) == NUM_PARTS
    assert np.isfinite(measured.step_seconds).all()
    assert measured.network_bytes[0] > measured.network_bytes[1]
