"""A `cond` under `vmap`, and `sparsify` over seeds: a topology changes when its own seed is due, and only then."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sparserl
from sparserl.sparsity.due import when_due
from sparsity.small_networks import assert_same, drawn, loss, stepper

pytestmark = pytest.mark.slow

DUE = [[False, False, False], [True, False, True]]
OPTIMIZER = sparserl.sparsify(optax.adam(1e-2), "rigl", sparsity=0.7, total_updates=50, interval_updates=5)
SEEDS = 8


@pytest.mark.parametrize("depth", [1, 2])
def test_a_batch_changes_only_where_due_and_computes_only_when_any_is(depth):
    ran = []

    def change(x):
        jax.debug.callback(lambda: ran.append(1))
        return {"twice": 2.0 * x}

    chosen = lambda due, x: when_due(due, lambda: change(x), lambda: {"twice": x})
    for due in DUE:
        due, x = np.array(due), np.arange(3.0, dtype=np.float32)
        lifted = jax.vmap(chosen)
        if depth == 2:
            lifted, due, x = jax.vmap(lifted), np.stack([due, due & False]), np.stack([x, x])
        ran.clear()
        found = jax.jit(lifted)(due, x)
        jax.effects_barrier()
        assert_same(found, {"twice": np.where(due, 2 * x, x)})
        assert bool(ran) == bool(due.any())


def test_what_is_not_batched_is_shared_by_the_batch():
    chosen = lambda due, x: when_due(due, lambda: 2.0 * x, lambda: x)
    due, x = jnp.array(DUE[1]), jnp.arange(3.0)
    assert_same(jax.vmap(chosen, in_axes=(None, 0))(jnp.bool_(True), x), 2 * np.arange(3.0))
    assert_same(jax.vmap(chosen, in_axes=(0, None))(due, jnp.float32(1.0)), np.where(due, 2.0, 1.0))


def begun(key):
    params = drawn(key)
    state = OPTIMIZER.init(params)
    return sparserl.born_sparse(params, state), state


def trained(key):
    step = lambda carry, _: (stepper(OPTIMIZER)(*carry), None)
    return jax.lax.scan(step, begun(key), None, length=12)[0]


@pytest.fixture(scope="module")
def seeds():
    keys = jax.random.split(jax.random.key(1), SEEDS)
    return keys, jax.jit(jax.vmap(trained))(keys)


def test_seeds_together_are_as_each_alone_and_each_has_its_own_topology(seeds):
    keys, (params, state) = seeds
    alone = jax.jit(trained)
    for i in range(SEEDS):
        own_params, own_state = alone(keys[i])
        assert_same(jax.tree.map(lambda x, i=i: x[i], state.key), own_state.key)
        swapped = 0
        for name, mask in own_state.masks["rigl"].items():
            swapped += (np.asarray(mask) != np.asarray(state.masks["rigl"][name][i])).sum()
        assert swapped <= 4, "rounding may turn a close choice"
        if not swapped:
            ours = jax.tree.map(lambda x, i=i: x[i], params)
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), ours, own_params)
    masks = np.asarray(state.masks["rigl"]["q/hidden_1"])
    assert len({mask.tobytes() for mask in masks}) == SEEDS
    assert (masks.sum((1, 2)) == masks[0].sum()).all()


def test_the_batched_update_has_one_cond_and_changes_topologies_nowhere_else(seeds):
    """In the compiled program; with a batch of batches, too. What chooses weights is not outside of the branch."""
    _, carry = seeds
    nested = jax.tree.map(lambda x: x.reshape(2, SEEDS // 2, *x.shape[1:]), carry)
    step = stepper(OPTIMIZER)
    for lifted, arguments in ((jax.vmap(step), carry), (jax.vmap(jax.vmap(step)), nested)):
        assert len(re.findall(r"= .* conditional\(", jax.jit(lifted).lower(*arguments).compile().as_text())) == 1
        program = jax.make_jaxpr(lifted)(*arguments)
        assert "top_ranks" in str(program)
        assert "top_ranks" not in _outside_of_conds(program.jaxpr)


def _outside_of_conds(jaxpr):
    """The text of a program without that of its branches."""
    text = []
    for equation in jaxpr.eqns:
        inner = [p.jaxpr for p in equation.params.values() if hasattr(p, "jaxpr")]
        if equation.primitive.name == "cond":
            continue
        text += [str(equation.params.get("name", "")), equation.primitive.name, *map(_outside_of_conds, inner)]
    return " ".join(text)


def test_seeds_that_are_apart_are_due_apart(seeds):
    _, (params, state) = seeds
    at = np.arange(SEEDS, dtype=np.int32) + 13
    _, moved = jax.jit(jax.vmap(stepper(OPTIMIZER)))(params, state._replace(num_updates=at))
    changed = [
        bool((np.asarray(state.masks["rigl"]["q/hidden_1"][i]) != moved.masks["rigl"]["q/hidden_1"][i]).any())
        for i in range(SEEDS)
    ]
    assert changed == [number in (15, 20) for number in at]


def test_a_batch_is_read_and_averaged_as_one_is(seeds):
    _, (params, state) = seeds
    lone = jax.tree.map(lambda x: x[2], state)
    assert all(live.shape == (SEEDS,) for live in sparserl.live_weights(state).values())
    assert_same(sparserl.live_weights(state)["q/output"][2], sparserl.live_weights(lone)["q/output"])
    assert "8 networks" in str(sparserl.summary(state))
    assert sparserl.summary(state).layers == sparserl.summary(lone).layers
    targets = jax.tree.map(jnp.ones_like, params)
    mixed = sparserl.masked_average(targets, params, 0.5, state)
    own = jax.tree.map(lambda x: x[2], (targets, params))
    assert_same(jax.tree.map(lambda x: x[2], mixed), sparserl.masked_average(*own, 0.5, lone))


def test_what_is_due_can_be_differentiated_around():
    """A learning rate that is learned: the derivative of the loss after a few updates, by finite differences."""

    def after(rate):
        inner = optax.inject_hyperparams(optax.sgd)(learning_rate=rate)
        optimizer = sparserl.sparsify(inner, "rigl", sparsity=0.5, total_updates=20, interval_updates=2, key=0)
        params = drawn(jax.random.key(0))
        state = optimizer.init(params)
        for _ in range(3):
            params, state = stepper(optimizer)(params, state)
        return loss(params)

    near = jax.jit(after)
    slope = (near(0.0205) - near(0.0195)) / 0.001
    np.testing.assert_allclose(jax.jit(jax.grad(after))(0.02), slope, rtol=0.05)


def test_donated_states_are_used_up_and_nothing_else():
    params, state = begun(jax.random.key(3))
    kept = jax.tree.map(np.array, (params, state))
    step = jax.jit(stepper(OPTIMIZER), donate_argnums=(0, 1))
    expected = jax.jit(stepper(OPTIMIZER))(*jax.tree.map(jnp.asarray, kept))
    assert_same(step(params, state), expected)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(params))


def test_one_device_of_many_holds_a_seed():
    """`shard_map` over the seeds, and a state that is sharded: on one device here, with the same code on many.

    Axes of a mesh whose type is explicit, as `jax.make_mesh` has them by default, are part of the types of arrays.
    """
    mesh, explicit = (
        jax.make_mesh((jax.device_count(),), ("seed",), axis_types=(kind,))
        for kind in (jax.sharding.AxisType.Auto, jax.sharding.AxisType.Explicit)
    )
    spec = jax.sharding.PartitionSpec("seed")
    keys = jax.random.split(jax.random.key(4), jax.device_count())
    carry = jax.vmap(begun)(keys)
    step = jax.vmap(stepper(OPTIMIZER))
    expected = jax.jit(step)(*carry)
    placed = jax.device_put(carry, jax.sharding.NamedSharding(mesh, spec))
    for mapped in (step, jax.shard_map(step, mesh=mesh, in_specs=spec, out_specs=spec)):
        found = jax.jit(mapped)(*placed)
        assert_same(found[1].masks, expected[1].masks)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found[0], expected[0])
    with jax.set_mesh(explicit):
        found = jax.eval_shape(step, *jax.device_put(carry, jax.sharding.NamedSharding(explicit, spec)))
    assert all(leaf.sharding.spec[0] == "seed" for leaf in jax.tree.leaves(found))
