"""What the optimizer's tests train: a network of two layers on random data."""

import jax.numpy as jnp
import numpy as np


def fresh_params():
    random = np.random.default_rng(0)
    layer = lambda a, b: {"kernel": jnp.asarray(random.normal(size=(a, b)), jnp.float32), "bias": jnp.zeros(b)}
    return {"q": {"hidden_1": layer(6, 11), "output": layer(11, 4)}}


def batch(step):
    random = np.random.default_rng(100 + step)
    return jnp.asarray(random.normal(size=(16, 6)), jnp.float32), jnp.asarray(random.normal(size=(16, 4)), jnp.float32)
