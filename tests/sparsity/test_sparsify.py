"""`sparsify` beside plain optax and the sparse optimizer of our agents, and exact after every update."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sparserl
from optimizer.regression import assert_alike, fresh_params
from sparserl.sparsity import SparseOptimizer, SparseState, Window, sparse_glorot_uniform
from sparserl.sparsity.choosing import chosen_method
from sparserl.sparsity.methods import METHODS, SET, SNIP, Prune, RigL, RigLInverted, Static
from sparserl.types import Group
from sparsity.small_networks import SPARSITIES, assert_exact, assert_same, loss, stepper

pytestmark = pytest.mark.slow

TOTAL = 20
WINDOW = Window(0.0, 0.8, 4)
MADE = {
    "prune": Prune(window=Window(0.2, 0.8, 4)),
    "static": Static(),
    "set": SET(window=WINDOW),
    "rigl": RigL(window=WINDOW),
    "rigl-inverted": RigLInverted(window=WINDOW),
    "snip": SNIP(),
}
SIZES = {"q/hidden_1": 66, "q/output": 44}
ADAM = optax.adam(1e-2)


def pair(method, initializer=None):
    """The same training by `sparsify`, and by the optimizer of our agents."""
    ours = sparserl.sparsify(
        ADAM, method, sparsity=0.5, total_updates=TOTAL, overrides=SPARSITIES, rebudget=False, key=3
    )
    return ours, SparseOptimizer(ADAM, method, SPARSITIES, TOTAL, initializer=initializer)


def keys(state):
    """The key that the first topology of a state was drawn from, and that of all changes."""
    return jax.random.split(jax.random.wrap_key_data(state.key, impl="threefry2x32"))


def as_group(params, state):
    [masks] = state.masks.values()
    return Group(params, None, SparseState(masks, state.inner))


def minimized(agents, key, number, group):
    return agents.minimize(key, number, lambda params: (loss(params), None), group)[0]


def test_every_method_is_made_by_its_name():
    for name, kind in METHODS.items():
        assert chosen_method(name, {}, ()) == kind()
        if name in ("prune", "set", "rigl", "rigl-inverted"):
            assert chosen_method(name, {"interval_updates": 7}, ()).window.interval_updates == 7
    assert chosen_method("prune", {"stop_fraction": 0.5}, ()).window == Window(0.2, 0.5)


@pytest.mark.parametrize("name", MADE)
def test_every_step_is_that_of_our_agents_optimizer(name):
    """From the same parameters and state, at every update; and counts and zeros are exact all the while."""
    ours, agents = pair(MADE[name])

    def both(carry, number):
        params, state = carry
        other = minimized(agents, jax.random.fold_in(keys(state)[1], number), number, as_group(params, state))
        new = stepper(ours)(params, state)
        return new, (new, other)

    params = fresh_params()
    state = ours.init(params)
    start = sparserl.born_sparse(params, state), state
    (_, end), steps = jax.jit(lambda *start: jax.lax.scan(both, start, jnp.arange(TOTAL)))(*start)
    moved, before = False, jax.tree.leaves(state.masks)
    for t in range(TOTAL):
        (params, state), group = jax.tree.map(lambda x, t=t: np.asarray(x[t]), steps)
        assert_alike(as_group(params, state), group, rtol=1e-5, atol=1e-6)
        assert_exact(params, state)
        after = jax.tree.leaves(state.masks)
        moved, before = moved or any((a != b).any() for a, b in zip(before, after, strict=True)), after
    assert moved == (name != "static")
    expected = {layer: MADE[name].final_live(size, SPARSITIES[layer]) for layer, size in SIZES.items()}
    assert {layer: int(live) for layer, live in sparserl.live_weights(end).items()} == expected


def test_operation_by_operation_bits_are_those_of_our_agents_optimizer():
    """Compiled together, a product and a sum may be rounded at once in one program and not in another."""
    ours, agents = pair(RigL(window=Window(0.0, 1.0, 2)), sparse_glorot_uniform)
    params = fresh_params()
    state = ours.init(params)
    params = sparserl.born_sparse(params, state, sparse_glorot_uniform)
    first, changes = keys(state)
    group = agents.init(first, fresh_params(), with_target=False)
    for t in range(3):
        assert_same(as_group(params, state), group)
        group = minimized(agents, jax.random.fold_in(changes, t), jnp.int32(t), group)
        params, state = stepper(ours)(params, state)
    assert_same(as_group(params, state), group)


@pytest.mark.parametrize(
    "inner", [ADAM, optax.chain(optax.clip_by_global_norm(0.5), optax.adam(optax.linear_schedule(1e-2, 0.0, TOTAL)))]
)
def test_dense_is_plain_optax_bit_for_bit(inner):
    dense = sparserl.sparsify(inner, "dense", sparsity=0.9)
    params, plain = fresh_params(), fresh_params()
    state, plain_state = dense.init(params), inner.init(plain)
    assert sparserl.topology(state) == {}
    ours, theirs = jax.jit(stepper(dense)), jax.jit(stepper(inner))
    for _ in range(10):
        params, state = ours(params, state)
        plain, plain_state = theirs(plain, plain_state)
    assert_same((params, state.inner), (plain, plain_state))


def test_the_first_update_masks_what_was_not_born_sparse():
    optimizer = sparserl.sparsify(ADAM, "static", sparsity=0.8)
    params = fresh_params()
    state = optimizer.init(params)
    born = sparserl.born_sparse(params, state)
    for name, mask in sparserl.topology(state).items():
        kernel = params["q"][name.split("/")[1]]["kernel"]
        assert np.count_nonzero(kernel) == mask.size
        assert_same(born["q"][name.split("/")[1]]["kernel"], np.where(mask, kernel, 0))
    for start in (params, born):
        assert_exact(*stepper(optimizer)(start, state))


@pytest.mark.parametrize(
    ("weights", "updates"),
    [("bfloat16", "float32"), ("float32", "bfloat16"), ("float16", "bfloat16"), ("bfloat16", "bfloat16")],
)
def test_zeros_are_exact_in_mixed_precision(weights, updates):
    to = lambda kind, tree: jax.tree.map(lambda x: x.astype(kind), tree)
    inner = optax.chain(optax.sgd(0.1), optax.stateless(lambda tree, params: to(updates, tree)))
    optimizer = sparserl.sparsify(inner, RigL(window=WINDOW), sparsity=0.8, total_updates=TOTAL)
    params = to(weights, jax.tree.map(lambda x: x * 1.2345, fresh_params()))
    state = optimizer.init(params)
    for _ in range(2):
        params, state = stepper(optimizer, lambda params: loss(to("float32", params)))(params, state)
        assert_exact(params, state)
        assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(weights)}


LABELS = {"q": {"hidden_1": "sparse", "output": "dense"}}


@pytest.mark.parametrize(
    ("around", "inner"),
    [
        (lambda ours: optax.chain(optax.clip(1.0), ours), ADAM),
        (lambda ours: optax.MultiSteps(ours, 2), ADAM),
        (lambda ours: optax.apply_if_finite(ours, 3), optax.chain(optax.add_decayed_weights(1e-2), ADAM)),
        (lambda ours: optax.partition({"sparse": ours, "dense": optax.sgd(0.1)}, LABELS), ADAM),
        (lambda ours: ours, optax.MultiSteps(ADAM, 2)),
        (lambda ours: ours, optax.contrib.muon(1e-2)),
        (lambda ours: ours, optax.contrib.schedule_free(ADAM, 1e-2)),
    ],
)
def test_it_stands_within_and_around_other_transformations(around, inner):
    optimizer = around(sparserl.sparsify(inner, "set", sparsity=0.6, total_updates=TOTAL, interval_updates=2))
    params = fresh_params()
    state = optimizer.init(params)
    params, first = sparserl.born_sparse(params, state), sparserl.topology(state)
    step = jax.jit(stepper(optimizer))
    for _ in range(4):
        params, state = step(params, state)
        assert_exact(params, state)
    assert all((np.asarray(first[name]) != mask).any() for name, mask in sparserl.topology(state).items())


def test_extra_arguments_reach_the_optimizer_inside():
    optimizer = sparserl.sparsify(optax.polyak_sgd(), "static", sparsity=0.5)
    params = fresh_params()
    state = optimizer.init(params)
    params = sparserl.born_sparse(params, state)
    gradients = jax.grad(loss)(params)
    steps = [optimizer.update(gradients, state, params, value=jnp.float32(value))[0] for value in (0.1, 0.2)]
    once, twice = (step["q"]["output"]["bias"] for step in steps)
    np.testing.assert_allclose(2 * once, twice, rtol=1e-5)


def test_choices_of_a_method_by_name_are_those_of_its_class():
    choices = {"drop_fraction": 0.3, "start_fraction": 0.5, "interval_updates": 2}
    by_name = sparserl.sparsify(ADAM, "rigl", sparsity=0.5, total_updates=TOTAL, key=1, **choices)
    made = RigL(window=Window(0.5, 0.8, 2), drop_fraction=0.3)
    by_class = sparserl.sparsify(ADAM, made, sparsity=0.5, total_updates=float(TOTAL), key=1)
    params = fresh_params()

    def masks_before_each(optimizer):
        step = lambda carry, _: (stepper(optimizer)(*carry), carry[1].masks["rigl"]["q/output"])
        return np.asarray(jax.lax.scan(step, (params, optimizer.init(params)), None, 12)[1])

    masks = masks_before_each(by_name)
    assert_same(masks, masks_before_each(by_class))
    moved = [bool((masks[t] != masks[t + 1]).any()) for t in range(11)]
    assert moved == [t == 10 for t in range(11)], "a window that starts at half of 20 updates"


def test_a_plug_in_method_is_trained_and_traced_once_outside_of_jit():
    """One of no known name, which leaves a layer out; every call without `jit` uses the program of the first."""
    traced = []

    class Halves:  # of the layer of more weights, the half that is on
        window, wants_gradients, born_sparse = Window(0.0, 1.0, 1), True, True
        initial_live = final_live = staticmethod(lambda size, sparsity: size if size < 50 else size // 2)

        def init(self, key, kernels, sparsities):
            return {"q/hidden_1": jnp.arange(66).reshape(6, 11) % 2 == 0}

        def update(self, key, progress, masks, kernels, gradients, sparsities):
            assert sparsities.keys() == gradients.keys() == {"q/hidden_1", "q/output"}
            traced.append(1)
            return {name: ~mask for name, mask in masks.items()}

    optimizer = sparserl.sparsify(ADAM, Halves(), sparsity=0.5, total_updates=TOTAL)
    params = fresh_params()
    state = optimizer.init(params)
    for t in range(3):
        params, state = stepper(optimizer)(params, state)
        assert_exact(params, state)
        assert np.asarray(state.masks["halves"]["q/hidden_1"])[0, 0] == (t % 2 == 1)
    assert sum(traced) == 1
