"""Choices set by name: the field that is named, in the type that it has, and no other."""

import dataclasses

import numpy as np
import pytest

from sparserl.experiment import check_types, choice_names, from_preset, planned, run, run_seeds, with_choices
from sparserl.types import UserError


@pytest.fixture(scope="module")
def experiment():
    return from_preset("sac", "rigl", "Pendulum-v1")


def test_choices_inside_others_are_set_and_all_else_stays(experiment):
    changed = with_choices(
        experiment, {"method.window.interval_updates": 250, "weight_decay": 0.5, "agent.discount": 1}
    )
    assert (changed.method.window.interval_updates, changed.weight_decay, changed.agent.discount) == (250, 0.5, 1.0)
    old, new = ({name: _value(one, name) for name in choice_names(one)} for one in (experiment, changed))
    assert {name for name in old if old[name] != new[name]} == {
        "method.window.interval_updates",
        "weight_decay",
        "agent.discount",
    }


def _value(settings, name):
    for part in name.split("."):
        settings = getattr(settings, part)
    return settings


def test_equal_choices_have_equal_identities():
    """Whole numbers, NumPy's numbers and lists become what the field has: 0 and 0.0 are spelled differently in JSON."""
    make = lambda **choices: planned(from_preset("sac", "rigl", "Pendulum-v1", **choices)).identifier
    assert make(weight_decay=0) == make(weight_decay=0.0) == make(weight_decay=np.float32(0))
    assert make(total_steps=np.int64(50_000)) == make(total_steps=50_000)
    units = "network.hidden_units"
    assert make(**{units: [64, 64]}) == make(**{units: (64, np.int32(64))})


def test_whole_parts_can_be_set_with_choices_inside_them(experiment):
    evaluation = dataclasses.replace(experiment.evaluation, num_episodes=7)
    changed = with_choices(experiment, {"evaluation": evaluation, "evaluation.interval_steps": 500})
    assert (changed.evaluation.num_episodes, changed.evaluation.interval_steps) == (7, 500)


def test_agent_and_method_can_be_others(experiment):
    other = from_preset("ppo", "static", "Pendulum-v1")
    changed = with_choices(experiment, {"method": other.method, "agent": other.agent, "agent.batch_size": 32})
    assert (changed.method, changed.agent) == (other.method, dataclasses.replace(other.agent, batch_size=32))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"wieght_decay": 0.1}, r"unknown choice 'wieght_decay': .*; did you mean 'weight_decay'\?"),
        ({"agent.dicount": 0.1}, r"choose agent.discount, .*; did you mean 'agent.discount'\?"),
        ({"window.interval_updates": 3}, r"did you mean 'method.window.interval_updates'\?"),
        ({"weight_decay.x": 3}, "unknown choice 'weight_decay.x'"),
        ({"weight_decay": "0.1"}, "weight_decay is '0.1': it takes a number"),
        ({"weight_decay": True}, "weight_decay is True: it takes a number"),
        ({"weight_decay": float("nan")}, "weight_decay is nan: it takes a number"),
        ({"weight_decay": None}, "weight_decay is None: it takes a number"),
        ({"total_steps": 1e6}, "total_steps is 1000000.0: it takes a whole number"),
        ({"total_steps": True}, "total_steps is True"),
        ({"dense_last_layer": 1}, "dense_last_layer is 1: it takes True or False"),
        ({"actor_sparsity": "high"}, "actor_sparsity is 'high': it takes a number or None"),
        ({"distribution": "erc"}, r"it takes erk or uniform; did you mean 'erk'\?"),
        ({"network.hidden_units": 64}, "network.hidden_units is 64: it takes a list of whole numbers"),
        ({"network.hidden_units": (64, 2.5)}, "network.hidden_units is"),
        ({"method": "set"}, "method is 'set': it takes a value of type SparseMethod"),
        ({"agent": "dqn"}, "agent is 'dqn': it takes a value of type AgentSettings"),
        ({"evaluation": 3}, "evaluation is 3: it takes a value of type EvaluationSettings"),
    ],
)
def test_what_does_not_fit_is_refused(experiment, choices, message):
    with pytest.raises(UserError, match=message):
        with_choices(experiment, choices)


@pytest.mark.parametrize(
    ("field", "value"),
    [("total_steps", 0), ("agent.batch_size", 0), ("method.window.interval_updates", 0), ("evaluation.min_steps", -1)],
)
def test_a_choice_out_of_range_is_named_from_the_experiment(experiment, field, value):
    with pytest.raises(UserError, match=rf"^{field} is {value}: ") as caught:
        with_choices(experiment, {field: value})
    assert (caught.value.field, caught.value.value) == (field, value)


def test_types_are_checked_to_the_letter(experiment):
    check_types(experiment)
    for wrong in ({"weight_decay": 0}, {"layer_sparsities": []}, {"dense_last_layer": 1}, {"total_steps": 1e6}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            check_types(dataclasses.replace(experiment, **wrong))


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "0", None, True])
def test_seeds_that_a_run_cannot_have_are_refused_at_once(experiment, seed):
    """As on the command line; `run` is not even iterated."""
    for begin in (lambda: run(experiment, seed), lambda: next(run_seeds(experiment, [0, seed]))):
        with pytest.raises(UserError, match=f"^seed is {seed!r}: it must be a whole number from 0 to 4294967295"):
            begin()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"chunk_steps": 0}, "^chunk_steps is 0"),
        ({"chunk_steps": -5}, "^chunk_steps is -5"),
        ({"resume": "fresh"}, "^resume is 'fresh': choose auto, exact or fresh-episode"),
    ],
)
def test_a_way_to_run_that_there_is_not_is_refused_at_once(experiment, words, message):
    for begin in (lambda: run(experiment, 0, **words), lambda: next(run_seeds(experiment, [0], **words))):
        with pytest.raises(UserError, match=message):
            begin()


def test_what_is_no_experiment_is_refused_at_once(experiment):
    with pytest.raises(UserError, match="it is of type str, and must be an Experiment"):
        run("sac", 0)
    for seeds in ([], [0, 0]):
        with pytest.raises(UserError, match="give one or more, no two alike"):
            next(run_seeds(experiment, seeds))
    assert run(experiment, np.int64(3), chunk_steps=np.int32(7)) is not None
