"""What the optimizer's tests train: a network of two layers on random data."""

import jax
import jax.numpy as jnp
import numpy as np

SWAPPED = 2  # weights of a layer whose scores may be so close that rounding decides


def fresh_params():
    random = np.random.default_rng(0)
    layer = lambda a, b: {"kernel": jnp.asarray(random.normal(size=(a, b)), jnp.float32), "bias": jnp.zeros(b)}
    return {"q": {"hidden_1": layer(6, 11), "output": layer(11, 4)}}


def batch(step):
    random = np.random.default_rng(100 + step)
    return jnp.asarray(random.normal(size=(16, 6)), jnp.float32), jnp.asarray(random.normal(size=(16, 4)), jnp.float32)


def assert_alike(found, expected, rtol, atol):
    """The same step from the same group by two programs, which agree within rounding on any processor.

    Rounding may turn a close choice of a weight: topologies have as many live weights, and all but few are the same;
    where they are, so are parameters and moments. Trees hold arrays of NumPy.
    """
    differs = {}
    for name, mask in expected.optimizer_state.masks.items():
        other = found.optimizer_state.masks[name]
        assert mask.sum() == other.sum(), name
        differs[mask.shape] = (mask != other) | differs.get(mask.shape, False)
        assert differs[mask.shape].sum() <= 2 * SWAPPED, name

    def close(one, other):
        same = ~differs.get(np.shape(one), np.zeros(np.shape(one), bool))
        np.testing.assert_allclose(np.asarray(one)[same], np.asarray(other)[same], rtol=rtol, atol=atol)

    jax.tree.map(
        close,
        found._replace(optimizer_state=found.optimizer_state._replace(masks={})),
        expected._replace(optimizer_state=expected.optimizer_state._replace(masks={})),
    )
