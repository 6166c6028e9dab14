"""Transformations around `sparsify` and inside of it: exact with it, or refused in one line before training."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax import contrib

import sparserl
from covering import covering
from sparserl.types import UserError
from sparsity.small_networks import assert_exact, assert_same, drawn, loss, stepper

pytestmark = pytest.mark.slow

CHOICES = {"sparsity": 0.6, "total_updates": 20, "interval_updates": 2}
ADAM = optax.adam(1e-2)
PARAMS = drawn(jax.random.key(0))
HIDDEN = {"q": {"hidden_1": True, "output": False}}
LABELS = {"q": {"hidden_1": "actor", "output": "critic"}}


def made(inner=ADAM, method="set"):
    return sparserl.sparsify(inner, method, **CHOICES)


EXACT = {
    "add_noise before": lambda: optax.chain(optax.add_noise(0.1, 0.1, 0), made()),
    "named_chain before": lambda: optax.named_chain(("clip", optax.clip(0.5)), ("ours", made())),
    "monitor after": lambda: optax.chain(made(), optax.monitor({"length": optax.tree.norm})),
    "masked": lambda: optax.masked(made(), HIDDEN),
    "selective_transform": lambda: optax.selective_transform(made(), freeze_mask=jax.tree.map(np.logical_not, HIDDEN)),
    "MultiSteps that skips": lambda: optax.MultiSteps(made(), 2, should_skip_update_fn=optax.skip_not_finite),
    "conditionally_mask": lambda: optax.conditionally_mask(made(), lambda step: step % 2 == 0),
    "inject_hyperparams around": lambda: optax.inject_hyperparams(lambda rate: made(optax.adam(rate)))(rate=1e-2),
    "inject_hyperparams inside": lambda: made(optax.inject_hyperparams(optax.adam)(optax.linear_schedule(0.1, 0, 9))),
    "apply_if_finite inside": lambda: made(optax.apply_if_finite(ADAM, 3)),
    "apply_every": lambda: made(optax.chain(ADAM, optax.apply_every(2))),
    "ema": lambda: made(optax.chain(ADAM, optax.ema(0.9))),
    "clipping by units": lambda: made(optax.chain(optax.adaptive_grad_clip(0.1), optax.centralize(), ADAM)),
    "trust": lambda: made(optax.lamb(1e-2)),
    "two optimizers": lambda: made(optax.partition({"actor": ADAM, "critic": optax.sgd(0.1, 0.9)}, LABELS)),
    "frozen": lambda: made(optax.chain(ADAM, optax.freeze({"q": {"hidden_1": False, "output": True}}))),
    "rprop": lambda: made(optax.rprop(1e-2)),
    "adopt": lambda: made(contrib.adopt(1e-2)),
    "dog": lambda: made(contrib.dog()),
    "prodigy": lambda: made(contrib.prodigy()),
    "cocob": lambda: made(contrib.cocob()),
    "madgrad": lambda: made(contrib.madgrad(1e-2)),
    "mechanize": lambda: made(contrib.mechanize(ADAM)),
    "sam": lambda: made(contrib.sam(ADAM, optax.chain(contrib.normalize(), optax.sgd(0.05)))),
    "split_real_and_imaginary": lambda: contrib.split_real_and_imaginary(made()),
}


@pytest.mark.parametrize(
    "name", covering(list(EXACT), lambda name: name in ("masked", "sam", "inject_hyperparams around"))
)
def test_with_these_it_is_exact(name):
    """Dead weights are zero after every update, and live ones remain as many, on topologies that change."""
    optimizer = EXACT[name]()
    params, state = PARAMS, optimizer.init(PARAMS)
    params, first = sparserl.born_sparse(params, state), sparserl.topology(state)
    step = jax.jit(stepper(optimizer))
    for _ in range(5):
        params, state = step(params, state)
        assert_exact(params, state)
    last = sparserl.topology(state)
    assert any((np.asarray(first[layer]) != mask).any() for layer, mask in last.items())
    assert all(np.sum(first[layer]) == mask.sum() for layer, mask in last.items())


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda: optax.chain(made(), optax.scale(0.5)), ["1 more behind it in a chain", "put it last"]),
        (lambda: optax.chain(optax.clip(1.0), optax.chain(made()), optax.ema(0.9)), ["1 more behind it"]),
        (lambda: optax.MultiSteps(optax.chain(made(), optax.scale(0.5), optax.scale(0.5)), 2), ["2 more behind it"]),
        (lambda: contrib.schedule_free(made(), 1e-2), ["schedule_free stands around", "sparsify(schedule_free(...)"]),
        (lambda: contrib.mechanize(made()), ["mechanize stands around", "put it inside"]),
        (lambda: contrib.sam(made(), optax.sgd(0.1)), ["sam stands around", "put it inside"]),
        (lambda: optax.conditionally_transform(made(), lambda step: step > 2), ["conditionally_transform", "leave it"]),
        (lambda: made(optax.lookahead(ADAM, 2, 0.5)), ["lookahead", "pairs of networks"]),
        (lambda: made(made()), ["sparsify already"]),
    ],
)
def test_what_would_bring_dead_weights_back_is_refused(mistake, words):
    told(lambda: sparserl.born_sparse(PARAMS, mistake().init(PARAMS)), words)


class Step(NamedTuple):
    """What somebody's own loop carries."""

    number: int


def test_what_a_loop_carries_beside_the_state_is_no_chain():
    state = made().init(PARAMS)
    expected = sparserl.topology(state)
    for carried in ((state, Step(3)), (Step(3), state, Step(4)), {"state": state, "z": Step(3)}, [state, PARAMS]):
        assert_same(sparserl.topology(carried), expected)


def test_lookahead_around_it_is_refused_where_it_is_read():
    look = optax.lookahead(made(), 2, 0.5)
    told(lambda: sparserl.topology(look.init(optax.LookaheadParams.init_synced(PARAMS))), ["lookahead stands around"])


def test_a_state_that_was_computed_with_is_refused():
    """As after an update of optax.contrib.sam, where nothing looked at the state before."""
    floats = lambda state: jax.tree.map(lambda leaf: leaf.astype(jnp.float32), state)
    update = lambda: made().update(PARAMS, floats(made().init(PARAMS)), PARAMS)
    told(lambda: jax.eval_shape(update), ["mask of q/hidden_1 is float32", "no longer bool", "sam"])


def test_actor_and_critic_may_have_optimizers_of_their_own():
    """Topologies are read, laid on and averaged together; each is that of its optimizer alone."""
    critic = sparserl.sparsify(ADAM, "rigl", **CHOICES | {"sparsity": 0.3})
    optimizer = optax.partition({"actor": made(), "critic": critic}, LABELS)
    state = optimizer.init(PARAMS)
    apart = {label: state.inner_states[label] for label in ("actor", "critic")}
    expected = sparserl.topology(apart["actor"]) | sparserl.topology(apart["critic"])
    assert_same(sparserl.topology(state), expected)
    assert {layer: int(live) for layer, live in sparserl.live_weights(state).items()} == {
        "q/hidden_1": 66 - int(0.6 * 66),
        "q/output": 44 - int(0.3 * 44),
    }
    assert str(sparserl.summary(state)).startswith("set and rigl\n")
    params = sparserl.born_sparse(PARAMS, state)
    assert_same(params, sparserl.born_sparse(sparserl.born_sparse(PARAMS, apart["actor"]), apart["critic"]))
    step = jax.jit(stepper(optimizer))
    for _ in range(3):
        params, state = step(params, state)
        assert_exact(params, state)
    assert_exact(sparserl.masked_average(jax.tree.map(jnp.ones_like, params), params, 0.5, state), state)


@pytest.mark.parametrize(
    ("inner", "first"),
    [(optax.rprop(0.02), 0.02), (optax.adagrad(0.1, initial_accumulator_value=0.3), 0.3)],
    ids=["rprop", "adagrad"],
)
def test_what_is_remembered_of_a_dead_weight_is_what_it_was_before_training(inner, first):
    """So that a weight is born with the step size of a new one; zero would be none for rprop."""
    optimizer = sparserl.sparsify(inner, "static", sparsity=0.6)
    state = optimizer.init(PARAMS)
    mask = np.asarray(sparserl.topology(state)["q/hidden_1"])
    _, state = jax.jit(optimizer.update)(jax.tree.map(jnp.ones_like, PARAMS), state, PARAMS)
    remembered = [np.asarray(leaf) for leaf in jax.tree.leaves(state.inner) if leaf.shape == mask.shape]
    assert any((leaf[~mask] == np.float32(first)).all() for leaf in remembered)
    assert all((leaf[mask] != 0).all() for leaf in remembered)


@pytest.mark.thorough
def test_the_average_of_schedule_free_is_sparse_too():
    optimizer = made(contrib.schedule_free(optax.sgd(0.1), 0.1))
    state = optimizer.init(PARAMS)
    params = sparserl.born_sparse(PARAMS, state)
    step = jax.jit(stepper(optimizer))
    for _ in range(5):
        params, state = step(params, state)
    averaged = contrib.schedule_free_eval_params(state.inner, params)
    assert_exact(averaged, state)
    assert float(loss(averaged)) < float(loss(PARAMS))


def told(mistake, words):
    with pytest.raises(UserError) as error:
        mistake()
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
