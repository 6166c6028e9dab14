"""`sparsify(..., storage="compressed")` beside itself with masked storage, update by update."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sparserl
from sparserl import linalg
from sparserl.linalg import Compressed
from sparserl.sparsity import Window, sparse_glorot_uniform
from sparserl.sparsity.methods import SET, SNIP, Prune, RigL, Static
from sparserl.types import UserError
from sparsity.small_networks import SPARSITIES, assert_same, drawn, loss

pytestmark = [pytest.mark.slow, pytest.mark.kernels]

TOTAL = 12
WINDOW = Window(0.0, 0.8, 3)
MADE = {
    "rigl": RigL(window=WINDOW),
    "set": SET(window=WINDOW),
    "prune": Prune(window=Window(0.2, 0.8, 3)),
    "static": Static(),
    "snip": SNIP(),
}


def optimizer_of(method, storage="compressed", inner=None):
    choices = {"overrides": SPARSITIES, "rebudget": False, "key": 3, "storage": storage}
    return sparserl.sparsify(inner or optax.adam(1e-2), method, sparsity=0.5, total_updates=TOTAL, **choices)


def stepper(optimizer, value_fn=None, of=loss):
    """A step that any code with optax has; `allow_int`, as parameters hold layouts."""
    given = {} if value_fn is None else {"value_fn": value_fn}

    def step(params, state):
        updates, state = optimizer.update(jax.grad(of, allow_int=True)(params), state, params, **given)
        return optax.apply_updates(params, updates), state

    return step


def dense(tree):
    return jax.tree.map(linalg.to_dense, tree, is_leaf=lambda leaf: isinstance(leaf, Compressed))


def begun(optimizer, key=0):
    params = drawn(jax.random.key(key))
    state = optimizer.init(params)
    return sparserl.born_sparse(params, state), state


def assert_laid_out(params, state):
    """Layouts of parameters are exactly those of the state, and could have come from a file."""
    for name, layout in state.layouts.items():
        kernel = params["q"][name.split("/")[1]]["kernel"]
        kernel.check()
        assert_same(kernel.layout, layout)


@pytest.mark.parametrize("name", MADE)
def test_topologies_are_those_of_masked_storage_and_weights_within_rounding(name):
    masked, packed = optimizer_of(MADE[name], "masked"), optimizer_of(MADE[name])
    one, other = begun(masked), begun(packed)
    assert_same(dense(other[0]), one[0])
    first, second = jax.jit(stepper(masked)), jax.jit(stepper(packed, loss))
    before, moved = sparserl.topology(one[1]), False
    for _ in range(TOTAL):
        one, other = first(*one), second(*other)
        assert_same(sparserl.topology(other[1]), sparserl.topology(one[1]))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=5e-6), dense(other[0]), one[0])
        assert_laid_out(*other)
        after = sparserl.topology(other[1])
        moved, before = moved or any((before[n] != after[n]).any() for n in after), after
    assert moved == (name != "static")
    assert second._cache_size() == 1
    assert not any(leaf.ndim == 2 for leaf in jax.tree.leaves(other)), "something dense is kept"
    assert_same(sparserl.live_weights(other[1]), sparserl.live_weights(one[1]))
    assert str(sparserl.summary(other[1])) == str(sparserl.summary(one[1]))


def test_without_the_loss_those_that_are_born_take_their_first_step_one_update_later():
    """In place of a step by their gradient they are zero for one update; survivors step as ever."""
    optimizer = optimizer_of(SET(window=WINDOW), inner=optax.sgd(0.1))
    params, state = begun(optimizer)
    old = sparserl.topology(state)
    (later, _), (at_once, state) = (jax.jit(stepper(optimizer, f))(params, state) for f in (None, loss))
    for name, mask in sparserl.topology(state).items():
        layer = name.split("/")[1]
        waiting, stepped = (np.asarray(linalg.to_dense(tree["q"][layer]["kernel"])) for tree in (later, at_once))
        born = np.asarray(mask & ~old[name])
        assert born.any()
        assert not waiting[born].any()
        slopes = np.asarray(jax.grad(loss)(dense(params))["q"][layer]["kernel"])
        np.testing.assert_allclose(stepped[born], -0.1 * slopes[born], rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(waiting[~born], stepped[~born], rtol=1e-5, atol=1e-7)


def test_seeds_change_topologies_side_by_side_and_only_when_due():
    optimizer = sparserl.sparsify(
        optax.adam(1e-2), "rigl", sparsity=0.5, total_updates=TOTAL, interval_updates=2, storage="compressed"
    )

    def begin(key):
        params = drawn(key)
        state = optimizer.init(params)
        return sparserl.born_sparse(params, state), state

    keys, step = jax.random.split(jax.random.key(0), 2), stepper(optimizer, loss)
    params, state = jax.vmap(begin)(keys)
    assert " cond[" in str(jax.make_jaxpr(jax.vmap(step))(params, state))
    several = jax.jit(lambda carry: jax.lax.scan(lambda c, _: (jax.vmap(step)(*c), None), carry, None, 3)[0])
    together = several((params, state))
    alone = jax.jit(lambda carry: jax.lax.scan(lambda c, _: (step(*c), None), carry, None, 3)[0])
    for i in range(2):
        ith = lambda tree, i=i: jax.tree.map(lambda x: x[i], tree)
        expected = alone(ith((params, state)))
        assert_same(sparserl.topology(ith(together[1])), sparserl.topology(expected[1]))
        assert_laid_out(*ith(together))
    masks = sparserl.topology(together[1])
    assert masks["q/hidden_1"].shape == (2, 6, 11)
    assert (masks["q/hidden_1"][0] != masks["q/hidden_1"][1]).any()
    assert np.asarray(sparserl.live_weights(together[1])["q/output"]).shape == (2,)


def test_parameters_and_state_are_donated():
    optimizer = optimizer_of("static")
    step = jax.jit(stepper(optimizer), donate_argnums=(0, 1))
    carry = begun(optimizer)
    for _ in range(2):
        carry = step(*carry)
    assert_laid_out(*carry)


def test_targets_follow_the_topology_whichever_way_they_are_stored():
    masked, packed = (optimizer_of(SET(window=WINDOW), storage) for storage in ("masked", "compressed"))
    one, other = begun(masked), begun(packed)
    target, packed_target = drawn(jax.random.key(1)), drawn(jax.random.key(1))
    average = jax.jit(sparserl.masked_average, static_argnums=2)
    first, second = jax.jit(stepper(masked)), jax.jit(stepper(packed, loss))
    for _ in range(4):
        one, other = first(*one), second(*other)
        target = average(target, one[0], 0.1, one[1])
        packed_target = average(packed_target, other[0], 0.1, other[1])
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=5e-6), dense(packed_target), target)
    copy = average(packed_target, other[0], 1, other[1])
    assert_same(copy, other[0])


def test_an_initializer_draws_for_the_same_topology():
    params = drawn(jax.random.key(0))
    one, other = (optimizer_of("static", storage).init(params) for storage in ("masked", "compressed"))
    expected, found = (sparserl.born_sparse(params, state, sparse_glorot_uniform) for state in (one, other))
    assert_same(dense(found), expected)


def test_only_matrices_that_stand_alone_are_compressed():
    params = {
        "image": {"kernel": jnp.ones((2, 2, 3, 4))},
        "dense": {"kernel": jnp.ones((64, 64))},
        "critics": {"kernel": jnp.ones((2, 64, 64))},
    }
    optimizer = sparserl.sparsify(optax.sgd(1.0), "static", sparsity=0.8, storage="compressed", stacked="critics")
    state = optimizer.init(params)
    assert state.layouts.keys() == {"dense"}
    assert {"image", "critics[0]", "critics[1]", "dense"} == sparserl.topology(state).keys()
    born = sparserl.born_sparse(params, state)
    updates, _ = optimizer.update(jax.tree.map(jnp.zeros_like, born), state, born)
    assert_same(optax.apply_updates(born, updates), born)


def test_thin_dense_matrices_join_the_sparse_ones():
    """Between them XLA would turn activations around; wide ones stay with XLA, and thin ones alone are no reason."""
    params = {name: jnp.ones(shape) for name, shape in {"in": (17, 80), "mid": (80, 80), "wide": (80, 90)}.items()}
    made = lambda **sparsities: optimizer_of_all(params, {"in": 0.0, "mid": 0.0, "wide": 0.0} | sparsities)
    state = made(mid=0.5).init(params)
    assert {name: layout.capacity for name, layout in state.layouts.items()} == {"in": 17 * 80, "mid": 3_200}
    assert sparserl.topology(state)["wide"].all()
    with pytest.raises(UserError, match="no kernel is a sparse matrix"):
        made().init(params)


def optimizer_of_all(params, sparsities):
    choices = {"overrides": sparsities, "rebudget": False, "storage": "compressed"}
    return sparserl.sparsify(optax.sgd(1.0), "static", sparsity=0.5, **choices)


def test_auto_takes_what_pays_and_can_be():
    params = {"large": {"w": jnp.ones((512, 512))}, "half": {"w": jnp.ones((64, 64), "float16")}}
    made = lambda inner, **choices: sparserl.sparsify(
        inner, "static", sparsity=0.9, distribution="uniform", storage="auto", **choices
    ).init(params)
    assert made(optax.sgd(1.0)).layouts.keys() == {"large"}
    assert made(optax.sgd(1.0), overrides={"large": 0.05}, rebudget=False).layouts == {}
    assert made(optax.contrib.muon(1e-3)).layouts == {}


def test_where_nothing_can_be_compressed_auto_is_masked(monkeypatch):
    monkeypatch.setattr(linalg, "unavailable_reason", lambda: "there was no compiler")
    assert optimizer_of("static", "auto").init(drawn(jax.random.key(0))).layouts == {}
    with pytest.raises(UserError, match="storage is 'compressed': there was no compiler; choose masked or auto"):
        optimizer_of("static")


@pytest.fixture(scope="module")
def made():
    """Parameters and states of both storages, and of a method that looks at dead weights."""
    params = drawn(jax.random.key(0))
    born, state = begun(optimizer_of("static"))
    other = {"kernel": linalg.all_live(jnp.ones((6, 11))), "bias": jnp.zeros(11)}
    return SimpleNamespace(
        params=params,
        born=born,
        state=state,
        masked=optimizer_of("static", "masked").init(params),
        rigl=state._replace(masks={"rigl": {}}),
        other={"q": {**born["q"], "hidden_1": other}},
    )


def rigl(made, **given):
    return optimizer_of(MADE["rigl"]).update(made.born, made.rigl, made.born, **given)


def averaged(params):
    return jax.eval_shape(lambda: optax.incremental_update(params, params, 0.1))


def of_kernel(kernel):
    return sparserl.sparsify(optax.sgd(1.0), "static", sparsity=0.5, storage="compressed").init({"a": {"w": kernel}})


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda made: optimizer_of("static", "compresed"), ["storage is 'compresed'", "did you mean 'compressed'?"]),
        (lambda made: optimizer_of("dense"), ["storage is 'compressed'", "dense network"]),
        (lambda made: optimizer_of("static", inner=optax.contrib.muon(1e-2)).init(made.params), ["as a matrix"]),
        (
            lambda made: optimizer_of("static").init(jax.tree.map(jnp.float16, made.params)),
            ["q/hidden_1 is of float16"],
        ),
        (lambda made: of_kernel(np.ones((2, 3, 4), np.float32)), ["no kernel is a sparse matrix", "a [2, 3, 4]"]),
        (lambda made: of_kernel(np.ones((3, 4), int)), ["no kernel", "a/w [3, 4]"]),
        (lambda made: optimizer_of("static").init(made.born), ["q/hidden_1/kernel is compressed already"]),
        (lambda made: optimizer_of("static").update(made.params, made.state, made.params), ["dense", "born_sparse"]),
        (
            lambda made: optimizer_of("static").update(made.params, made.state, made.born),
            ["gradients of q/hidden_1/kernel have shape [6, 11]", "params compressed [6, 11] of 20 weights"],
        ),
        (
            lambda made: optimizer_of("static", "masked").update(made.born, made.masked, made.born),
            ["compressed q/hidden_1", "storage masked"],
        ),
        (
            lambda made: optimizer_of("static").update(averaged(made.born), made.state, averaged(made.born)),
            ["params of q/hidden_1", "whole numbers", "masked_average"],
        ),
        (
            lambda made: sparserl.masked_average(averaged(made.born), made.born, 0.1, made.state),
            ["targets of q/hidden_1", "whole numbers"],
        ),
        (lambda made: rigl(made), ["needs the loss", "value_fn=lambda"]),
        (lambda made: jax.jit(lambda: rigl(made))(), ["needs the loss"]),
        (lambda made: rigl(made, value_fn=3), ["value_fn is 3"]),
        (lambda made: rigl(made, value_fn=lambda params: (loss(params), 1)), ["value_fn gives", "one number"]),
        (lambda made: rigl(made, value_fn=lambda params: jnp.ones(3)), ["value_fn gives", "one number"]),
        (
            lambda made: optimizer_of("static").update(made.other, made.state, made.other),
            ["another network", "of 20 weights", "of 66 weights"],
        ),
        (lambda made: sparserl.born_sparse(made.born, made.state), ["compressed already"]),
        (lambda made: sparserl.masked_average(made.born, made.params, 0.1, made.state), ["dense", "born_sparse"]),
    ],
)
def test_what_does_not_fit_is_told(made, mistake, words):
    with pytest.raises(UserError) as error:
        mistake(made)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
