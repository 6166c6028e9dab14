"""What does not fit `sparsify` is told in one line, with the nearest name, before anything is computed."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sparserl
from sparserl.sparsity import Window
from sparserl.sparsity.methods import RigL
from sparserl.types import UserError

pytestmark = pytest.mark.slow

ADAM = optax.adam(1e-3)
CHOICES = {"sparsity": 0.8, "total_updates": 50, "interval_updates": 5}
PARAMS = {
    "h": {"kernel": np.ones((6, 11), np.float32), "bias": np.zeros(11, np.float32)},
    "o": {"kernel": np.ones((11, 3), np.float32)},
}
MORE = {**PARAMS, "z": PARAMS["h"]}
OTHER = {**PARAMS, "h": {"kernel": np.ones((6, 10), np.float32), "bias": np.zeros(11, np.float32)}}


def made(inner=ADAM, method="rigl", **choices):
    return sparserl.sparsify(inner, method, **{**CHOICES, **choices})


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda: made(optax.adam), ["inner is adam", "optax.adam(1e-3)"]),
        (lambda: made(None), ["inner is None", "optax transformation"]),
        (lambda: made(method="rigel"), ["method is 'rigel'", "did you mean 'rigl'?"]),
        (lambda: made(method=RigL), ["method is <class", "RigL(drop_fraction=0.3)"]),
        (lambda: made(method=5), ["method is 5"]),
        (lambda: made(sparsity=None), ["sparsity is not given", "rigl"]),
        (lambda: made(total_updates=None), ["total_updates is not given"]),
        (lambda: made(total_updates=4), ["interval_updates is 5", "4 updates"]),
        (lambda: made(total_updates=2.5), ["total_updates is 2.5", "whole number"]),
        (lambda: made(total_updates="many"), ["total_updates is 'many'", "whole number"]),
        (lambda: made(total_updates=0), ["total_updates is 0", "at least 1"]),
        (lambda: jax.jit(lambda n: made(total_updates=n).init(PARAMS))(50), ["total_updates is", "before training"]),
        (lambda: made(sparsity=1.0), ["sparsity is 1.0", "below 1"]),
        (lambda: made(sparsity=90), ["sparsity is 90", "below 1"]),
        (lambda: made(sparsity=float("nan")), ["sparsity is nan", "below 1"]),
        (lambda: made(sparsity="0.9"), ["sparsity is '0.9'", "number"]),
        (lambda: made(sparsity=jnp.float32(0.5)), ["sparsity is an array of JAX", "plain number"]),
        (
            lambda: jax.vmap(lambda s: made(sparsity=s).init(PARAMS))(jnp.ones(2)),
            ["sparsity is an array of JAX", "an optimizer of its own for each"],
        ),
        (lambda: made(overrides={"h": jnp.float32(0.5)}), ["overrides['h'] is an array of JAX", "plain number"]),
        (
            lambda: jax.vmap(lambda f: made(drop_fraction=f))(jnp.ones(2)),
            ["drop_fraction is an array of JAX", "plain number"],
        ),
        (lambda: made(distribution="erdos"), ["distribution is 'erdos'", "erk or uniform"]),
        (lambda: made(drop_fracion=0.3), ["drop_fracion", "did you mean 'drop_fraction'?"]),
        (lambda: made(sparsty=0.3), ["sparsty", "did you mean 'sparsity'?"]),
        (lambda: made(drop_fraction=1.3), ["drop_fraction is 1.3"]),
        (lambda: made(drop_fraction="x"), ["drop_fraction is 'x'"]),
        (lambda: made(window="x"), ["window is 'x'"]),
        (lambda: made(start_fraction=0.9), ["stop_fraction is 0.8", "start_fraction"]),
        (lambda: made(method=RigL(window=Window(0.0, 0.8, 100)), interval_updates=99), ["interval_updates is 99"]),
        (lambda: made(method="static"), ["interval_updates", "static has no such choice"]),
        (lambda: made(overrides={"hh": 0.5}).init(PARAMS), ["overrides is 'hh'", "did you mean 'h'?"]),
        (lambda: sparserl.sparsify(ADAM, "dense", overrides={"hh": 0.5}).init(PARAMS), ["did you mean 'h'?"]),
        (lambda: made(overrides={"h": 1.5}).init(PARAMS), ["h=1.5", "below 1"]),
        (lambda: made(overrides={"h": "x"}), ["overrides['h'] is 'x'"]),
        (lambda: made(overrides=[("h", 0.5)]), ["overrides is", "by layer"]),
        (lambda: made(overrides={"o": 0.0}).init(PARAMS), ["sparsity is 0.8", "overrides of o", "rebudget=False"]),
        (
            lambda: made(overrides={"a": 0.5, "b": 0.5}).init({"a": {"b": {"w": np.ones((9, 9))}}}),
            ["overrides is 'a/b'", "both mean it"],
        ),
        (lambda: made(stacked=["hh"]).init(PARAMS), ["stacked is 'hh'", "did you mean 'h'?"]),
        (lambda: made(stacked=["h"]).init(PARAMS), ["stacked is 'h'", "three or more dimensions"]),
        (lambda: made(select="h"), ["select is 'h'", "function"]),
        (lambda: made(select=lambda *_: False).init(PARAMS), ["no kernel", "`select`", "h/kernel [6, 11]"]),
        (lambda: made(key="x"), ["key is 'x'"]),
        (lambda: made(key=jax.random.split(jax.random.key(0))), ["key is an array of shape [2]", "vmapped"]),
        (lambda: made().init({}), ["no kernel", "empty"]),
        (lambda: made().init({"bias": np.ones(3)}), ["no kernel", "bias [3]", "select"]),
        (lambda: made().init({"embed": np.ones((3, 3))}), ["no kernel", "embed [3, 3]"]),
        (lambda: made().init({"layer": jax.nn.relu}), ["layer is no array", "eqx.filter"]),
        (lambda: made(optax.adafactor(1e-3, min_dim_size_to_factor=2)).init(PARAMS), ["v_row", "h/kernel [6, 11]"]),
        (lambda: made(optax.sm3(1e-3)).init(PARAMS), ["ScaleBySM3State.mu", "weight by weight"]),
        (lambda: made(optax.flatten(ADAM)).init(PARAMS), ["ScaleByAdamState.mu", "no single parameter"]),
        (lambda: made(optax.lbfgs(1e-3)).init(PARAMS), ["ScaleByLBFGSState", "memory"]),
        (lambda: sparserl.topology(3), ["no state of sparsify"]),
        (lambda: sparserl.summary(ADAM.init(PARAMS)), ["no state of sparsify"]),
    ],
)
def test_choices_that_do_not_fit(mistake, words):
    told(mistake, words)


@pytest.fixture(scope="module")
def state():
    return made().init(PARAMS)


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda state: made().update(PARAMS, state), ["needs the parameters"]),
        (lambda state: made().update({"h": PARAMS["h"]}, state, PARAMS), ["gradients have no o/kernel"]),
        (lambda state: made().update(MORE, state, PARAMS), ["gradients have z/bias", "params do not"]),
        (lambda state: made().update({**PARAMS, "o": None}, state, PARAMS), ["gradients have no o/kernel"]),
        (lambda state: made().update(OTHER, state, PARAMS), ["h/kernel", "[6, 10]", "[6, 11]"]),
        (lambda state: jax.jit(made().update)(OTHER, state, PARAMS), ["h/kernel", "[6, 10]", "[6, 11]"]),
        (lambda state: made().update(OTHER, state, OTHER), ["another network", "mask of h", "[6, 10]"]),
        (lambda state: made().update(MORE, state, MORE), ["another network", "params have a kernel z"]),
        (lambda state: made().update({"h": PARAMS["h"]}, state, {"h": PARAMS["h"]}), ["another network", "mask for o"]),
        (lambda state: made().update(PARAMS, ADAM.init(PARAMS), PARAMS), ["state is of type tuple", "init(params)"]),
        (lambda state: made(method="set").update(PARAMS, state, PARAMS), ["of method rigl", "for set"]),
        (lambda state: made(optax.sgd(1e-3, 0.9)).update(PARAMS, state, PARAMS), ["another inner optimizer"]),
        (lambda state: made().update(PARAMS, stacked(state), PARAMS), ["[3, 6, 11]", "under vmap"]),
        (lambda state: made().update(*[stacked(PARAMS), state, stacked(PARAMS)]), ["[3, 6, 11]", "under vmap"]),
        (lambda state: sparserl.topology((state, state)), ["2 states of sparsify"]),
        (lambda state: sparserl.born_sparse({"h": PARAMS["h"]}, state), ["mask of o", "no such layer"]),
        (lambda state: sparserl.born_sparse(OTHER, state), ["mask of h", "[6, 10]"]),
        (lambda state: sparserl.masked_average(OTHER, PARAMS, 0.1, state), ["targets of h/kernel", "[6, 10]"]),
        (lambda state: sparserl.masked_average(PARAMS, PARAMS, 1.1, state), ["step_size is 1.1"]),
        (lambda state: sparserl.masked_average(PARAMS, PARAMS, "x", state), ["step_size is 'x'"]),
        (lambda state: sparserl.masked_average(PARAMS, PARAMS, 0.1, None), ["no state of sparsify"]),
    ],
)
def test_updates_that_do_not_fit(state, mistake, words):
    told(lambda: mistake(state), words)


def stacked(tree):
    return jax.tree.map(lambda x: jnp.stack([x] * 3), tree)


def told(mistake, words):
    with pytest.raises(UserError) as error:
        mistake()
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
