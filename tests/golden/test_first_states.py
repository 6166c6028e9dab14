"""First states of classic control, which results hang on: bits of programs that XLA optimises, as golden digests."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparserl.environments import TASKS, ClassicEnvironment

NUM_ENVS = 4

FIRST_STATES = {  # the scalars that are drawn, by the names that checkpoints hold, and the limits of all
    "CartPole-v1": (("x", "x_dot", "theta", "theta_dot"), -0.05, 0.05),
    "Acrobot-v1": (("joint_angle1", "joint_angle2", "velocity_1", "velocity_2"), -0.1, 0.1),
    "MountainCar-v0": (("position",), -0.6, -0.4),
}


@pytest.mark.parametrize("identifier", FIRST_STATES)
def test_results_that_are_stored_hang_on_names_and_keys(identifier):
    """What gymnax 1.0.1 had, from which results and checkpoints were made, and which holds on every processor."""
    names, low, high = FIRST_STATES[identifier]
    drawn = lambda key: jax.random.uniform(key, (len(names),) if len(names) > 1 else (), jnp.float32, low, high)
    environment, limit = ClassicEnvironment(identifier, NUM_ENVS), TASKS[identifier].time_limit_steps
    begun, _ = environment.reset(jax.random.key(5))
    anew, _ = environment.step(
        jax.random.key(6), begun._replace(time=jnp.full(NUM_ENVS, limit - 1, jnp.int32)), jnp.zeros(NUM_ENVS, jnp.int32)
    )
    keys = jax.random.split(jax.random.key(5), NUM_ENVS), jax.random.split(jax.random.key(6), (NUM_ENVS, 2))[:, 1]
    for state, of_each in zip((begun, anew), keys, strict=True):
        expected = jax.vmap(drawn)(of_each).reshape(NUM_ENVS, -1)
        fields = dict(jax.tree_util.tree_leaves_with_path(state))
        named = {jax.tree_util.keystr(path, simple=True): leaf for path, leaf in fields.items()}
        np.testing.assert_array_equal(jnp.stack([named.pop(name) for name in names], 1), expected)
        np.testing.assert_array_equal(named.pop("time"), np.zeros(NUM_ENVS, np.int32))
        assert not named or (identifier == "MountainCar-v0" and named.keys() == {"velocity"})
