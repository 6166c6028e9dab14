"""The sparse optimizer against plain optax, against NumPy, and against its own invariants at every step."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from covering import covering
from optimizer.regression import assert_alike, batch, fresh_params
from sparserl.sparsity.initializers import sparse_glorot_uniform
from sparserl.sparsity.inner import InnerOptimizer
from sparserl.sparsity.masks import live_count, pruned_count
from sparserl.sparsity.methods import SET, SNIP, Dense, Prune, RigL, RigLInverted, Static
from sparserl.sparsity.optimizer import SparseOptimizer
from sparserl.sparsity.schedules import Window
from sparserl.types import UserError

pytestmark = pytest.mark.slow

TOTAL = 60
WINDOW = Window(0.0, 0.8, 5)
SPARSITIES = {"q/hidden_1": 0.7, "q/output": 0.45}
METHODS = {
    "prune": Prune(window=Window(0.2, 0.8, 5)),
    "static": Static(),
    "set": SET(window=WINDOW),
    "rigl": RigL(window=WINDOW),
    "rigl-inverted": RigLInverted(window=WINDOW),
    "snip": SNIP(),
}
INNERS = {
    "adam": optax.adam(1e-2),
    "adamw": optax.adamw(1e-2, weight_decay=1e-2),
    "sgd": optax.sgd(1e-2, momentum=0.9),
    "rmsprop": optax.rmsprop(1e-3, momentum=0.5),
    "lion": optax.lion(1e-3),
    "muon": optax.contrib.muon(1e-2),
    "chained": optax.chain(optax.clip_by_global_norm(0.5), optax.adam(optax.linear_schedule(1e-2, 0.0, TOTAL))),
    "injected": optax.inject_hyperparams(optax.adam)(learning_rate=1e-2),
    "accumulated": optax.MultiSteps(optax.adam(1e-2), 3).gradient_transformation(),
    "finite": optax.apply_if_finite(optax.adam(1e-2), 3),
}


def loss(params, data):
    x, y = data
    h = jnp.tanh(x @ params["q"]["hidden_1"]["kernel"] + params["q"]["hidden_1"]["bias"][None])
    error = h @ params["q"]["output"]["kernel"] + params["q"]["output"]["bias"][None] - y
    value = (error**2).mean()
    return value, value


def trajectory(optimizer, num_steps=TOTAL, wrap=jax.jit):
    """The group after every update, the first one included, as NumPy."""
    group = optimizer.init(jax.random.key(1), fresh_params(), with_target=True)
    one = wrap(
        lambda key, t, group, data: optimizer.minimize(key, t, functools.partial(loss, data=data), group)[0],
    )
    groups = [group]
    for t in range(num_steps):
        group = one(jax.random.fold_in(jax.random.key(2), t), jnp.int32(t), group, batch(t))
        groups.append(group)
    return jax.tree.map(np.asarray, groups)


def kernels(group):
    return {f"q/{name}": layer["kernel"] for name, layer in group.params["q"].items()}


@pytest.mark.parametrize("inner", INNERS)
def test_dense_is_plain_optax_bit_for_bit(inner):
    transformation = optax.with_extra_args_support(INNERS[inner])

    @jax.jit
    def plain(params, state, data):
        (_, _), gradients = jax.value_and_grad(loss, has_aux=True)(params, data)
        updates, state = transformation.update(gradients, state, params)
        return optax.apply_updates(params, updates), state

    params = fresh_params()
    state = transformation.init(params)
    for t in range(20):
        params, state = plain(params, state, batch(t))
    ours = trajectory(SparseOptimizer(INNERS[inner], Dense(), {}, TOTAL), 20)[-1]
    jax.tree.map(np.testing.assert_array_equal, ours.params, params)
    jax.tree.map(np.testing.assert_array_equal, ours.optimizer_state.inner, state)


def expected_live(method, name, size, t):
    """Live weights of a layer after update number t (t = 0 is before any)."""
    sparsity = SPARSITIES[name]
    if method == "prune":
        window = METHODS["prune"].window
        first, last = 12, 47  # round(0.2 * 60), and the last 12 + 5 i up to round(0.8 * 60)
        assert (window.first(TOTAL), window.last(TOTAL)) == (first, last)
        if t <= first:
            return size
        progress = min((t - 1 - first) // 5, 7) / 7
        if progress == 1:
            return pruned_count(size, sparsity)
        return max(round(size * (1 - sparsity * (1 - (1 - progress) ** 3))), 1)
    return size if method == "snip" and t == 0 else live_count(size, sparsity)


@pytest.mark.parametrize(("method", "inner"), [*((method, "adam") for method in METHODS), ("rigl", "muon")])
def test_invariants_hold_after_every_update(method, inner):
    groups = trajectory(SparseOptimizer(INNERS[inner], METHODS[method], SPARSITIES, TOTAL))
    for t, group in enumerate(groups):
        masks = group.optimizer_state.masks
        for name, kernel in kernels(group).items():
            assert masks[name].sum() == expected_live(method, name, kernel.size, t), (t, name)
            assert not kernel[~masks[name]].any(), "a dead weight is not exactly zero"
            shape = kernel.shape
            for path, leaf in jax.tree_util.tree_leaves_with_path(group.optimizer_state.inner):
                if name.split("/")[1] in jax.tree_util.keystr(path) and leaf.shape == shape:
                    assert not leaf[~masks[name]].any(), f"{jax.tree_util.keystr(path)} outlives its weight"
        assert np.isfinite(loss(group.params, batch(0))[0])


@pytest.mark.parametrize("method", ["set", "rigl", "rigl-inverted"])
def test_topologies_move_and_new_born_weights_take_their_first_step_from_zero(method):
    rate = 1e-2
    groups = trajectory(SparseOptimizer(optax.sgd(rate), METHODS[method], SPARSITIES, TOTAL))
    moved = 0
    for t, (before, after) in enumerate(itertools.pairwise(groups)):
        gradients = jax.grad(lambda p, t=t: loss(p, batch(t))[0])(jax.tree.map(jnp.asarray, before.params))
        for name, new in after.optimizer_state.masks.items():
            born = new & ~before.optimizer_state.masks[name]
            moved += born.sum()
            if t % 5 or t > 45:
                assert not born.any()
            slope = np.asarray(gradients["q"][name.split("/")[1]]["kernel"])
            np.testing.assert_allclose(kernels(after)[name][born], -rate * slope[born], rtol=2e-5, atol=1e-8)
    assert moved > 30


def test_rigl_with_adam_against_numpy():
    """Weights, moments and topologies re-derived in float64 from the paper's rules, on the same gradients.

    The output is so dense that more weights are dropped than were dead: those that return keep weight and moments.
    """
    sparsities = {**SPARSITIES, "q/output": 0.15}
    optimizer = SparseOptimizer(optax.adam(1e-2, eps=1e-7), RigL(window=WINDOW, drop_fraction=0.5), sparsities, TOTAL)
    groups = trajectory(optimizer)
    m, v, weights = {}, {}, {}
    masks = groups[0].optimizer_state.masks
    for name, kernel in kernels(groups[0]).items():
        m[name], v[name], weights[name] = np.zeros(kernel.shape), np.zeros(kernel.shape), kernel.astype(np.float64)
    for t in range(TOTAL):
        gradients = jax.grad(lambda p, t=t: loss(p, batch(t))[0])(jax.tree.map(jnp.asarray, groups[t].params))
        for name in masks:
            g = np.asarray(gradients["q"][name.split("/")[1]]["kernel"], np.float64)
            if t % 5 == 0 and t <= 45:
                fraction = 0.5 * 0.5 * (1 + np.cos(np.pi * (t // 5) / 9))
                masks[name] = numpy_drop_and_grow(masks[name], np.abs(kernels(groups[t])[name]), np.abs(g), fraction)
                for array in (m[name], v[name], weights[name]):
                    array[~(masks[name] & groups[t].optimizer_state.masks[name])] = 0
            np.testing.assert_array_equal(masks[name], groups[t + 1].optimizer_state.masks[name])
            g = g * masks[name]
            m[name], v[name] = 0.9 * m[name] + 0.1 * g, 0.999 * v[name] + 0.001 * g**2
            step = (m[name] / (1 - 0.9 ** (t + 1))) / (np.sqrt(v[name] / (1 - 0.999 ** (t + 1))) + 1e-7)
            weights[name] = weights[name] - 1e-2 * step
            np.testing.assert_allclose(kernels(groups[t + 1])[name], weights[name], rtol=1e-3, atol=2e-5)
        masks = groups[t + 1].optimizer_state.masks


def numpy_drop_and_grow(mask, magnitude, growth, fraction):
    live = mask.sum()
    count = int(np.floor(fraction * live))
    order = lambda score, allowed: sorted(np.flatnonzero(allowed), key=lambda i: (-score.flat[i], i))
    kept = np.zeros(mask.size, bool)
    kept[order(magnitude, mask)[: live - count]] = True
    kept[order(growth, ~kept.reshape(mask.shape))[:count]] = True
    return kept.reshape(mask.shape)


@pytest.mark.parametrize("method", ["rigl", "prune"])
def test_jit_equals_eager(method):
    optimizer = SparseOptimizer(optax.adam(1e-2), METHODS[method], SPARSITIES, TOTAL)
    groups = jax.tree.map(jnp.asarray, trajectory(optimizer, 14))
    for t, (group, compiled) in enumerate(itertools.pairwise(groups)):  # from the same group, so that nothing adds up
        key = jax.random.fold_in(jax.random.key(2), t)
        eager = optimizer.minimize(key, jnp.int32(t), functools.partial(loss, data=batch(t)), group)[0]
        assert_alike(jax.tree.map(np.asarray, compiled), jax.tree.map(np.asarray, eager), rtol=1e-4, atol=1e-5)


def test_vmap_over_seeds_equals_a_loop_and_keeps_its_cond():
    optimizer = SparseOptimizer(optax.adam(1e-2), METHODS["rigl"], SPARSITIES, TOTAL)
    keys = jax.random.split(jax.random.key(3), 3)
    start = jax.vmap(lambda key: optimizer.init(key, fresh_params(), with_target=False))(keys)
    one = lambda key, t, group: optimizer.minimize(key, t, functools.partial(loss, data=batch(0)), group)[0]
    lifted = jax.vmap(one, in_axes=(0, None, 0))
    program = str(jax.make_jaxpr(lifted)(keys, jnp.int32(0), start))
    assert " cond[" in program, "a batched predicate turned the topology update into a select"
    together = jax.jit(lifted)(keys, jnp.int32(5), start)
    for i in range(3):
        alone = jax.jit(one)(keys[i], jnp.int32(5), jax.tree.map(lambda x, i=i: x[i], start))
        ith = jax.tree.map(lambda x, i=i: np.asarray(x[i]), together)
        assert_alike(ith, jax.tree.map(np.asarray, alone), rtol=1e-4, atol=1e-6)


def test_weight_decay_is_l2_in_the_loss_of_the_named_layers():
    decayed = SparseOptimizer(optax.sgd(1.0), Static(), SPARSITIES, TOTAL, {"q/hidden_1": 0.25})
    plain = SparseOptimizer(optax.sgd(1.0), Static(), SPARSITIES, TOTAL)
    start, with_decay = trajectory(decayed, 1)
    without = trajectory(plain, 1)[1]
    expected = without.params["q"]["hidden_1"]["kernel"] - 2 * 0.25 * start.params["q"]["hidden_1"]["kernel"]
    np.testing.assert_allclose(with_decay.params["q"]["hidden_1"]["kernel"], expected, rtol=1e-5, atol=1e-6)
    ours, theirs = (group.params["q"]["output"]["kernel"] for group in (with_decay, without))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_the_growth_score_has_no_weight_decay():
    """RigL grows on the gradient of the loss alone: decay, however strong, does not change the topology."""
    window = Window(0.0, 0.0, 1)
    build = lambda c: SparseOptimizer(optax.sgd(0.1), RigL(window=window), SPARSITIES, TOTAL, {"q/hidden_1": c})
    with_decay, without = trajectory(build(100.0), 1)[1], trajectory(build(0.0), 1)[1]
    jax.tree.map(np.testing.assert_array_equal, with_decay.optimizer_state.masks, without.optimizer_state.masks)


def test_copied_target_is_an_exact_frozen_copy():
    optimizer = SparseOptimizer(optax.adam(1e-2), METHODS["set"], SPARSITIES, TOTAL)
    group = optimizer.init(jax.random.key(0), fresh_params(), with_target=True)
    jax.tree.map(np.testing.assert_array_equal, group.target_params, group.params)
    moved = optimizer.minimize(jax.random.key(1), jnp.int32(0), functools.partial(loss, data=batch(0)), group)[0]
    jax.tree.map(np.testing.assert_array_equal, moved.target_params, group.params)
    copied = optimizer.average(moved, step_size=1.0)
    jax.tree.map(np.testing.assert_array_equal, copied.target_params, moved.params)


def test_averaged_target_lives_on_the_online_topology():
    optimizer = SparseOptimizer(optax.adam(1e-2), METHODS["set"], SPARSITIES, TOTAL)
    group = optimizer.init(jax.random.key(0), fresh_params(), with_target=True)
    target = jax.tree.map(np.asarray, group.target_params)
    for t in range(12):
        group = optimizer.minimize(jax.random.key(t), jnp.int32(t), functools.partial(loss, data=batch(t)), group)[0]
        group = optimizer.average(group, step_size=0.1)
        for name, mask in group.optimizer_state.masks.items():
            layer = name.split("/")[1]
            old = np.where(mask, target["q"][layer]["kernel"], 0)
            expected = 0.9 * old + 0.1 * np.asarray(group.params["q"][layer]["kernel"])
            np.testing.assert_allclose(group.target_params["q"][layer]["kernel"], expected, rtol=1e-5, atol=1e-7)
            assert not np.asarray(group.target_params["q"][layer]["kernel"])[~np.asarray(mask)].any()
        target = jax.tree.map(np.asarray, group.target_params)


def test_snip_keeps_the_values_of_its_survivors():
    groups = trajectory(SparseOptimizer(optax.sgd(0.0), SNIP(), SPARSITIES, TOTAL), 2)
    gradients = jax.grad(lambda p: loss(p, batch(0))[0])(fresh_params())
    for name, mask in groups[1].optimizer_state.masks.items():
        layer = name.split("/")[1]
        start = np.asarray(fresh_params()["q"][layer]["kernel"])
        saliency = np.abs(start * np.asarray(gradients["q"][layer]["kernel"])).ravel()
        best = np.argsort(-saliency, kind="stable")[: live_count(start.size, SPARSITIES[name])]
        assert set(np.flatnonzero(mask)) == set(best)
        np.testing.assert_array_equal(kernels(groups[1])[name], np.where(mask, start, 0))
    jax.tree.map(np.testing.assert_array_equal, groups[1].optimizer_state.masks, groups[2].optimizer_state.masks)


@pytest.mark.parametrize(("method", "redrawn"), [("static", True), ("prune", False), ("snip", False), ("set", True)])
def test_only_networks_born_sparse_are_redrawn(method, redrawn):
    optimizer = SparseOptimizer(optax.adam(1e-2), METHODS[method], SPARSITIES, TOTAL, initializer=sparse_glorot_uniform)
    params = optimizer.init(jax.random.key(0), fresh_params(), with_target=False).params
    same = np.isin(
        np.asarray(params["q"]["hidden_1"]["kernel"]),
        [0, *np.asarray(fresh_params()["q"]["hidden_1"]["kernel"]).ravel()],
    )
    assert same.all() != redrawn


@pytest.mark.parametrize(
    "inner", covering(list(INNERS), lambda inner: inner in ("adam", "muon", "chained", "injected", "accumulated"))
)
def test_the_state_of_every_inner_optimizer_is_settled(inner):
    """Moments are found in wrapped and chained states: after an update in which weights were born, theirs are new."""
    optimizer = SparseOptimizer(INNERS[inner], METHODS["set"], SPARSITIES, TOTAL)
    groups = trajectory(optimizer, 11)
    before, after = groups[10], groups[11]
    for name in SPARSITIES:
        dead = ~after.optimizer_state.masks[name]
        was = before.optimizer_state.masks[name]
        assert (dead & was).any(), "nothing was dropped: the test shows nothing"
        found = [
            leaf
            for path, leaf in jax.tree_util.tree_leaves_with_path(after.optimizer_state.inner)
            if name.split("/")[1] in jax.tree_util.keystr(path) and leaf.shape == dead.shape
        ]
        assert found
        for leaf in found:
            assert not leaf[dead].any()


@pytest.mark.parametrize(
    ("inner", "word"),
    [
        (optax.adafactor(1e-3, min_dim_size_to_factor=2), "v_row"),
        (optax.flatten(optax.adam(1e-3)), "no single parameter"),
        (optax.lbfgs(1e-3), "memory"),
    ],
)
def test_optimizers_without_moments_per_weight_are_refused_by_name(inner, word):
    with pytest.raises(UserError, match=word) as error:
        SparseOptimizer(inner, METHODS["rigl"], SPARSITIES, TOTAL).init(jax.random.key(0), fresh_params(), True)
    assert "\n" not in str(error.value)
    SparseOptimizer(inner, Dense(), {}, TOTAL).init(jax.random.key(0), fresh_params(), True)  # dense may use any


def test_windows_are_checked_when_the_optimizer_is_made():
    with pytest.raises(UserError, match=r"never fires|shorter"):
        SparseOptimizer(optax.adam(1e-3), RigL(window=Window(0.0, 0.5, 1000)), SPARSITIES, TOTAL)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop", "lion", "muon"])
def test_inner_optimizers_by_name_learn(name):
    rate = {"sgd": 0.1, "lion": 1e-3}.get(name, 1e-2)
    inner = InnerOptimizer(name, learning_rate=rate).build(TOTAL)
    optimizer = SparseOptimizer(inner, METHODS["rigl"], SPARSITIES, TOTAL)
    groups = trajectory(optimizer)
    mean = lambda group: np.mean([loss(group.params, batch(t))[0] for t in range(10)])
    assert mean(groups[-1]) < mean(groups[0])


@pytest.mark.parametrize(("name", "second_moment"), [("adam", 1.0), ("adamw", 1.0), ("rmsprop", 0.1)])
def test_epsilon_is_added_to_the_root_of_the_second_moment(name, second_moment):
    """The first step by hand, on a bias: rate * g / (sqrt(second moment) + epsilon), the moments of Adam corrected."""
    transformation = InnerOptimizer(name, learning_rate=1.0, epsilon=0.5).build(TOTAL)
    gradient, bias = jnp.array([2.0, -0.25]), jnp.zeros(2)
    step, _ = transformation.update({"bias": gradient}, transformation.init({"bias": bias}), {"bias": bias})
    expected = -gradient / (jnp.sqrt(second_moment * gradient**2) + 0.5)
    np.testing.assert_allclose(step["bias"], expected, rtol=1e-5)


def test_bad_inner_settings_are_refused():
    with pytest.raises(UserError, match="decoupled_weight_decay"):
        InnerOptimizer("adam", decoupled_weight_decay=0.1)
    with pytest.raises(UserError, match="momentum"):
        InnerOptimizer("adam", momentum=0.9)
    with pytest.raises(UserError, match="learning_rate"):
        InnerOptimizer("adam", learning_rate=0.0)
