"""Target networks beside those of our agents: on the online topology from the first call on, exact where copied."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sparserl
from sparserl.sparsity import SparseOptimizer, SparseState
from sparserl.sparsity.methods import Static
from sparserl.types import Group
from sparsity.small_networks import assert_exact, assert_same, drawn, stepper

pytestmark = pytest.mark.slow

OPTIMIZER = sparserl.sparsify(optax.adam(1e-2), "set", sparsity=0.6, total_updates=20, interval_updates=1)


def test_averages_are_those_of_our_agents_and_never_leave_the_online_topology():
    """From a dense target on; a plain average would collect the weights of all past topologies."""
    agents = SparseOptimizer(optax.adam(1e-2), Static(), {}, 20)
    params = drawn(jax.random.key(0))
    state, target = OPTIMIZER.init(params), drawn(jax.random.key(1))
    step, average = jax.jit(stepper(OPTIMIZER)), jax.jit(sparserl.masked_average, static_argnums=2)
    plain = target
    for _ in range(4):
        params, state = step(params, state)
        group = Group(params, target, SparseState(sparserl.topology(state), state.inner))
        expected = jax.jit(lambda group: agents.average(group, 0.1).target_params)(group)
        target, plain = average(target, params, 0.1, state), optax.incremental_update(params, plain, 0.1)
        assert_same(target, expected)
        assert_exact(target, state)
    mask = np.asarray(sparserl.topology(state)["q/hidden_1"])
    assert np.asarray(plain["q"]["hidden_1"]["kernel"])[~mask].any()
    traced = jax.jit(sparserl.masked_average)(target, params, 0.1, state)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7), traced, average(target, params, 0.1, state)
    )


def test_a_copy_is_exact_and_its_own():
    """Also before the first update, when parameters that were not born sparse are not masked yet."""
    params = drawn(jax.random.key(0))
    state = OPTIMIZER.init(params)
    copy = sparserl.masked_average(jax.tree.map(jnp.zeros_like, params), params, 1, state)
    assert_same(copy, sparserl.born_sparse(params, state))
    params = sparserl.born_sparse(params, state)
    copy = sparserl.masked_average(params, params, 1.0, state)
    at = lambda tree: {leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(tree)}
    assert not at(copy) & at(params), "one array cannot be donated twice"


def test_whole_numbers_are_copied_and_precision_is_kept():
    params = {"a": jnp.full((4, 4), 2, "bfloat16"), "count": jnp.int32(7)}
    state = sparserl.sparsify(optax.sgd(1.0), "static", sparsity=0.5).init(params)
    target = {"a": jnp.zeros((4, 4), "bfloat16"), "count": jnp.int32(3)}
    mixed = jax.jit(sparserl.masked_average)(target, params, jnp.float32(0.25), state)
    assert mixed["a"].dtype == jnp.bfloat16
    assert set(np.asarray(mixed["a"], float).ravel()) == {0.0, 0.5}
    assert int(mixed["count"]) == 7
