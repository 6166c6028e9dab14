"""Slopes of what agents learn from where a formula bends or its terms cancel: at 0, at equality, at a limit."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from agents.test_ppo import agent_of as ppo_of
from agents.test_sac import agent_of as sac_of
from sparserl import linalg
from sparserl.agents.policies import Categorical, gaussian
from sparserl.agents.ppo import Samples
from sparserl.sparsity import InnerOptimizer
from sparserl.types import Box

POINTS = [0.0, -0.0, 1e-30, -1e-30, 1e-4, -1e-4, 0.5, -0.5, 20.0, -20.0, 100.0, -100.0]


def test_sac_log_density_has_the_slope_of_tanh_also_at_zero():
    """-log(1 - tanh(u)^2) has the slope 2 tanh(u), which is 0 at 0; by hand."""
    agent, zero = sac_of(), jnp.zeros((1, 1))
    of_mean = lambda mean: agent._squashed(jnp.full((1, 1), mean), zero, zero).log_density[0]
    for slope in (jax.vmap(jax.grad(of_mean)), jax.jit(jax.vmap(jax.grad(of_mean)))):
        np.testing.assert_allclose(slope(jnp.array(POINTS)), 2 * np.tanh(POINTS), rtol=2e-4, atol=1e-7)
    assert jax.grad(of_mean)(0.0) == 0


@pytest.mark.slow
def test_ppo_learns_at_a_ratio_of_one_as_if_nothing_were_clipped():
    """The ratio is exactly 1 in the first minibatch, where both sides of the minimum are equal."""
    agent = ppo_of()
    params = agent.init(jax.random.key(0)).groups["policy"].params
    observation, action = jnp.ones((3, *agent.spec.observation_shape)), jnp.full((3, *agent._action_shape), 0.25)
    log_density = lambda actor: agent.policy(actor, observation).log_density(action)
    advantage = jnp.array([-2.0, 0.0, 3.0])
    samples = Samples(observation, action, log_density(params["actor"]), advantage, jnp.zeros(3))
    found = jax.grad(lambda actor: agent.terms({**params, "actor": actor}, samples)[0].sum())(params["actor"])
    expected = jax.grad(lambda actor: -(advantage * log_density(actor)).sum())(params["actor"])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), found, expected)


def test_entropy_of_a_certain_action_has_no_slope():
    entropy = lambda logits: Categorical(logits).entropy()
    slope = jax.grad(entropy)(jnp.array([0.0, -200.0, -1e30]))
    np.testing.assert_allclose(slope, 0.0, atol=1e-12)


@pytest.mark.parametrize(("name", "expected"), [("softplus", 0.5), ("exponential", 1.0)])
def test_deviations_have_their_slope_at_zero(name, expected):
    box = Box((1,), -np.ones(1, np.float32), np.ones(1, np.float32))
    deviation = lambda raw: gaussian(jnp.stack([raw, raw]), box, True, name).deviation[0]
    assert jax.grad(deviation)(0.0) == expected


@pytest.mark.parametrize(("error", "expected"), [(0.0, 0.0), (1.0, 1.0), (-1.0, -1.0), (0.25, 0.25), (-7.0, -1.0)])
def test_huber_loss_has_one_slope_at_its_threshold(error, expected):
    assert jax.grad(optax.losses.huber_loss)(error) == expected


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop", "lion", "muon"])
def test_a_gradient_of_zero_steps_nowhere_and_clips_to_zero(name):
    transformation = InnerOptimizer(name=name, max_gradient_norm=0.5).build(total_updates=10)
    params = {"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)}
    updates, _ = transformation.update(jax.tree.map(jnp.zeros_like, params), transformation.init(params), params)
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(updates))


@pytest.mark.kernels
def test_a_unit_at_exactly_zero_has_no_slope_in_either_storage():
    """As `jax.nn.relu` and both published frameworks have it; a unit without live inputs and bias is exactly there."""
    mask = jnp.array([[True, False], [True, False]])
    kernel, bias, x = jnp.where(mask, 1.0, 0.0), jnp.zeros(2), jnp.array([[1.0, 2.0], [1.0, -2.0]])
    layout = linalg.layout_of(mask, 2)
    packed = linalg.Compressed(linalg.gather(layout, kernel), layout)
    dense = lambda bias, x: linalg.dense(kernel, bias, x, jax.nn.relu).sum()
    compressed = lambda bias, x: linalg.dense(packed, bias, x, jax.nn.relu).sum()
    for slopes in (jax.grad(dense, (0, 1))(bias, x), jax.grad(compressed, (0, 1))(bias, x)):
        np.testing.assert_array_equal(slopes[0], [1.0, 0.0])  # the first unit sees 2 and 0, the second 0 and 0
        np.testing.assert_array_equal(slopes[1], [[1.0, 0.0], [1.0, 0.0]])
