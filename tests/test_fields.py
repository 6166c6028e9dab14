"""Fields: a choice of another type than its class states is one line about that field, in every class of choices."""

import dataclasses
import json

import numpy as np
import pytest

from sparserl.agents.dqn import DQNSettings
from sparserl.agents.ppo import PPOSettings
from sparserl.agents.sac import SACSettings
from sparserl.experiment import Experiment, from_preset
from sparserl.networks import CNNSettings, MLPSettings, ResNetSettings
from sparserl.sparsity import InnerOptimizer, Window
from sparserl.sparsity.methods import METHODS
from sparserl.training import EvaluationSettings
from sparserl.types import UserError

SETTINGS = (DQNSettings, PPOSettings, SACSettings, CNNSettings, MLPSettings, ResNetSettings, InnerOptimizer, Window)
STRANGE = ("x", None, 3.5, 7, True, 10**400, 1j, (), (3.5,), [64, 64], {}, object(), int, np.int64(64))
STRANGE += (np.float32(0.5), np.array([1, 2]), (64, np.int64(64)), (["a"],), b"adam")


@pytest.mark.parametrize(
    "kind", [*SETTINGS, EvaluationSettings, *METHODS.values(), Experiment], ids=lambda k: k.__name__
)
def test_every_field_refuses_what_is_not_of_its_type_or_takes_it_whole(kind):
    """Whatever is taken can be compared and stored; all else is told by the field's name, and by nothing of ours."""
    usual = from_preset("dqn", "rigl", "CartPole-v1") if kind is Experiment else kind()
    for field in dataclasses.fields(kind):
        outcomes = [outcome(usual, field.name, value) for value in STRANGE]
        refused = [error for error in outcomes if isinstance(error, UserError)]
        assert all(error.field for error in refused)
        assert len(refused) > len(STRANGE) / 2, field.name
        for settings in outcomes:
            if settings not in refused:
                assert hash(settings) is not None
                taken = getattr(settings, field.name)
                assert dataclasses.is_dataclass(taken) or json.dumps(taken)


def outcome(settings, name, value):
    """The same settings with one other value, or why they are refused; whatever else is raised gets through."""
    try:
        return dataclasses.replace(settings, **{name: value})
    except UserError as error:
        return error


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda of: of(total_steps="x"), "total_steps is 'x': it takes a whole number"),
        (lambda of: of(total_steps=2_000.5), "total_steps is 2000.5: it takes a whole number"),
        (lambda of: of(sparsity=None), "sparsity is None: it takes a number"),
        (lambda of: of(total_steps=()), "total_steps is empty: it takes a whole number"),
        (lambda of: of(total_steps=np.int64(9)), "total_steps is 9: it is of NumPy's type int64: write 9"),
        (lambda of: of(layer_sparsities=["output=0"]), "layer_sparsities is ['output=0']: write ('output=0',)"),
        (lambda of: of(distribution="erc"), "distribution is 'erc': it takes erk or uniform; did you mean 'erk'?"),
        (lambda of: MLPSettings(hidden_units=3.5), "hidden_units is 3.5: it takes a list of whole numbers"),
        (lambda of: METHODS["rigl"](drop_fraction=None), "drop_fraction is None: it takes a number"),
        (lambda of: METHODS["prune"](window=3), "window is 3: it takes a value of type Window"),
    ],
)
def test_the_line_says_what_the_field_takes(make, message):
    usual = from_preset("dqn", "rigl", "CartPole-v1")
    with pytest.raises(UserError) as caught:
        make(lambda **choices: dataclasses.replace(usual, **choices))
    assert str(caught.value) == message


def test_a_whole_number_may_stand_for_any_number_and_keeps_its_identity():
    """Ids are of choices as they were given: 0 and 0.0 are spelled differently in JSON, and neither may move."""
    experiment = dataclasses.replace(from_preset("dqn", "rigl", "CartPole-v1"), weight_decay=0)
    assert type(experiment.weight_decay) is int
    assert experiment.choices()["weight_decay"] == 0
