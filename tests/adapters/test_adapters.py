"""Networks of other libraries, as they are, with compressed kernels: flax linen and nnx, equinox, their checkpoints."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sparserl
from sparserl import linalg
from sparserl.linalg import Compressed
from sparserl.types import UserError

pytest.importorskip("flax")

import flax.linen as nn
from flax import nnx, serialization
from flax.training.train_state import TrainState

from sparserl.adapters import linen
from sparserl.adapters import nnx as adapter_of_nnx

pytestmark = [pytest.mark.slow, pytest.mark.kernels]

X = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
STORAGE = "masked" if linalg.unavailable_reason() else "compressed"  # without kernels this is read, and never run
OPTIMIZER = sparserl.sparsify(
    optax.adam(1e-2), "set", sparsity=0.6, total_updates=20, interval_updates=2, storage=STORAGE
)


class Network(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(3, use_bias=False)(nn.LayerNorm()(nn.relu(nn.Dense(9)(x))))


def dense(tree):
    return jax.tree.map(linalg.to_dense, tree, is_leaf=lambda leaf: isinstance(leaf, Compressed))


def assert_laid_out(kernels, state):
    """The layouts of parameters are those of the state."""
    layouts = sparserl.topology(state)
    assert kernels.keys() == layouts.keys()
    for name, kernel in kernels.items():
        kernel.check()
        np.testing.assert_array_equal(linalg.to_mask(kernel.layout), layouts[name])


def test_linen(tmp_path):
    """A TrainState, and its way through the bytes of flax and the files of orbax."""
    model, apply = Network(), linen.adapt(Network().apply)
    params = model.init(jax.random.key(0), X)
    state = TrainState.create(apply_fn=apply, params=params, tx=OPTIMIZER)
    state = state.replace(params=sparserl.born_sparse(params, state.opt_state))
    np.testing.assert_allclose(apply(state.params, X), model.apply(dense(state.params), X), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(apply(params, X), model.apply(params, X))
    step = jax.jit(
        lambda state: state.apply_gradients(
            grads=jax.grad(lambda params: (state.apply_fn(params, X) ** 2).mean(), allow_int=True)(state.params)
        )
    )
    losses = []
    for _ in range(3):
        losses.append(float((apply(state.params, X) ** 2).mean()))
        state = step(state)
        kernels = {f"params/{name}": state.params["params"][name]["kernel"] for name in ("Dense_0", "Dense_1")}
        assert_laid_out(kernels, state)
    assert losses[-1] < losses[0]
    same = lambda found: jax.tree.map(np.testing.assert_array_equal, found, state)
    same(serialization.from_bytes(state, serialization.to_bytes(state)))
    stored = serialization.msgpack_restore(serialization.to_bytes(state.params))
    layout = stored["params"]["Dense_0"]["kernel"]["layout"]
    layout["inputs"] = np.where(np.arange(len(layout["inputs"])) == 0, np.uint16(300), layout["inputs"])
    with pytest.raises(ValueError, match=r"inputs\[\d+\] is 300"):
        serialization.from_state_dict(state.params, stored)
    orbax = pytest.importorskip("orbax.checkpoint")
    arrays = (state.params, state.opt_state)
    with orbax.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "state", arrays)
        checkpointer.wait_until_finished()
        again = checkpointer.restore(tmp_path / "state", jax.eval_shape(lambda: arrays))
    same(state.replace(params=again[0], opt_state=again[1]))


def test_other_modules_of_linen_say_that_they_take_none():
    model = nn.DenseGeneral(4)
    params = model.init(jax.random.key(0), X)
    params = sparserl.born_sparse(params, OPTIMIZER.init(params))
    with pytest.raises(UserError, match=r"kernel is compressed, in a DenseGeneral: only nn.Dense may be"):
        linen.adapt(model.apply)(params, X)


def test_nnx():
    class Net(nnx.Module):
        def __init__(self, rngs):
            self.first, self.second = nnx.Linear(7, 9, rngs=rngs), nnx.Linear(9, 3, use_bias=False, rngs=rngs)

        def __call__(self, x):
            return self.second(nnx.relu(self.first(x)))

    net = Net(nnx.Rngs(0))
    expected = net(X)
    adapter_of_nnx.adapt(net)
    np.testing.assert_array_equal(net(X), expected)
    optimizer = nnx.Optimizer(net, OPTIMIZER, wrt=nnx.Param)
    nnx.update(net, sparserl.born_sparse(nnx.state(net, nnx.Param), optimizer))

    @nnx.jit
    def step(net, optimizer):
        graph, _, rest = nnx.split(net, nnx.Param, ...)
        loss = lambda params: (nnx.merge(graph, params, rest)(X) ** 2).mean()
        optimizer.update(net, nnx.grad(lambda net: (net(X) ** 2).mean(), allow_int=True)(net), value_fn=loss)

    before = float((net(X) ** 2).mean())
    for _ in range(3):
        step(net, optimizer)
        kernels = {name: getattr(net, name).kernel.get_value() for name in ("first", "second")}
        assert_laid_out(kernels, optimizer)
    assert float((net(X) ** 2).mean()) < before
    assert {name: int(live) for name, live in sparserl.live_weights(optimizer).items()} == {"first": 22, "second": 16}
    own = nnx.Linear(2, 2, dot_general=lambda *given, **named: jax.lax.dot_general(*given, **named), rngs=nnx.Rngs(0))
    with pytest.raises(UserError, match="the model has a dot_general of its own"):
        adapter_of_nnx.adapt(own)


def test_equinox_needs_no_adapter():
    eqx = pytest.importorskip("equinox")
    model = eqx.nn.MLP(7, 3, 9, 1, key=jax.random.key(0))
    loss = lambda model: (jax.vmap(model)(X) ** 2).mean()
    params, static = eqx.partition(model, eqx.is_array)
    state = OPTIMIZER.init(params)
    model = eqx.combine(static, sparserl.born_sparse(params, state))
    np.testing.assert_allclose(jax.vmap(model)(X), jax.vmap(dense(model))(X), rtol=1e-4, atol=1e-5)

    @eqx.filter_jit
    def step(model, state):
        value, gradients = eqx.filter_value_and_grad(loss)(model)
        params, static = eqx.partition(model, eqx.is_array)
        whole = lambda params: loss(eqx.combine(params, static))
        updates, state = OPTIMIZER.update(gradients, state, params, value_fn=whole)
        return eqx.apply_updates(model, updates), state, value

    losses = []
    for _ in range(3):
        model, state, value = step(model, state)
        losses.append(float(value))
        assert_laid_out({f"layers/{i}": layer.weight for i, layer in enumerate(model.layers)}, state)
    assert losses[-1] < losses[0]
    floats = eqx.filter(model, eqx.is_inexact_array)
    with pytest.raises(UserError, match=r"layers/0/weight has no layout, which is to change: give eqx.filter\(model"):
        OPTIMIZER.update(floats, state, floats)
    static_topology = sparserl.sparsify(optax.sgd(0.1), "static", sparsity=0.6, storage="compressed")
    state = static_topology.init(params)
    model = eqx.combine(static, sparserl.born_sparse(params, state))
    floats = eqx.filter(model, eqx.is_inexact_array)
    updates, _ = static_topology.update(eqx.filter_grad(loss)(model), state, floats)
    updated = eqx.apply_updates(model, updates)
    assert float(loss(updated)) < float(loss(model))
    assert jnp.array_equal(updated.layers[0].weight.layout.inputs, model.layers[0].weight.layout.inputs)
