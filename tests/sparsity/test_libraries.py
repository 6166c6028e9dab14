"""`sparsify` with the networks and checkpoints of other libraries: flax linen and nnx, equinox, haiku, orbax."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sparserl
from sparserl.sparsity import sparse_glorot_uniform
from sparsity.small_networks import assert_exact, assert_same, drawn, named, stepper

pytest.importorskip("flax")  # the others where they are used

import flax.linen as nn
from flax import nnx, serialization
from flax.training.train_state import TrainState

pytestmark = pytest.mark.slow

CHOICES = {"sparsity": 0.6, "total_updates": 20, "interval_updates": 2}
OPTIMIZER = sparserl.sparsify(optax.adam(1e-2), "set", **CHOICES)
born_sparse = jax.jit(functools.partial(sparserl.born_sparse, initializer=sparse_glorot_uniform))


class Critic(nn.Module):
    """Of everything that could be taken for a kernel some."""

    @nn.compact
    def __call__(self, tokens, image):
        x = nn.LayerNorm()(nn.Embed(7, 8)(tokens).sum(0))
        y = nn.Conv(3, (2, 2))(image).ravel()
        return nn.Dense(2, name="output")(nn.relu(nn.Dense(5)(jnp.concatenate([x, y]))))


class Critics(nn.Module):
    """Two networks whose parameters are stacked, as those of critics are."""

    @nn.compact
    def __call__(self, x):
        split = {"variable_axes": {"params": 0}, "split_rngs": {"params": True}}
        return nn.vmap(nn.Dense, in_axes=None, axis_size=2, **split)(4)(x)


LINEN = Critic().init(jax.random.key(0), jnp.array([1, 2]), jnp.ones((4, 4, 1)))
LINEN_LAYERS = {"params/Conv_0": (2, 2, 1, 3), "params/Dense_0": (56, 5), "params/output": (5, 2)}


def test_linen():
    assert named(LINEN) == LINEN_LAYERS
    state = TrainState.create(apply_fn=Critic().apply, params=LINEN, tx=OPTIMIZER)
    state = state.replace(params=born_sparse(state.params, state.opt_state))
    step = jax.jit(lambda state: state.apply_gradients(grads=state.params))
    for _ in range(3):
        assert_exact(state.params, state.opt_state)
        state = step(state)
    assert sparserl.topology(state).keys() == LINEN_LAYERS.keys()


def test_linen_stacks_have_topologies_of_their_own():
    params = Critics().init(jax.random.key(0), jnp.ones(3))
    optimizer = sparserl.sparsify(optax.sgd(0.1), "static", sparsity=0.5)
    state = optimizer.init(params)
    masks = sparserl.topology(state)
    assert {name: mask.shape for name, mask in masks.items()} == {
        "params/VmapDense_0[0]": (3, 4),
        "params/VmapDense_0[1]": (3, 4),
    }
    first, second = map(np.asarray, masks.values())
    assert first.sum() == second.sum() == 6
    assert (first != second).any()
    params, _ = jax.jit(stepper(optimizer, lambda params: (Critics().apply(params, jnp.ones(3)) ** 2).sum()))(
        params, state
    )
    assert_same(np.asarray(params["params"]["VmapDense_0"]["kernel"]) != 0, np.stack([first, second]))
    born = born_sparse(params, state)
    limits = [np.sqrt(3 / np.maximum(1, (m.sum(0)[None] + m.sum(1)[:, None]) / 2)) for m in (first, second)]
    assert (np.abs(born["params"]["VmapDense_0"]["kernel"]) <= np.stack(limits)).all()


def test_linen_scans_share_or_stack_and_attention_is_known():
    class Block(nn.Module):
        @nn.compact
        def __call__(self, x, _):
            return nn.MultiHeadAttention(2)(nn.Dense(6)(x)), None

    def layers(lifted):
        params = jax.eval_shape(nn.scan(Block, length=2, **lifted)().init, jax.random.key(0), jnp.ones((3, 6)), None)
        return named(params["params"])

    shared = layers({"variable_broadcast": "params", "split_rngs": {"params": False}})
    projections = {"query": (6, 2, 3), "key": (6, 2, 3), "value": (6, 2, 3), "out": (2, 3, 6)}
    attention = {f"MultiHeadAttention_0/{name}": shape for name, shape in projections.items()}
    assert shared == {"Dense_0": (6, 6), **attention}
    stacked = layers({"variable_axes": {"params": 0}, "split_rngs": {"params": True}})
    assert stacked == {f"{name}[{i}]": shape for name, shape in shared.items() for i in (0, 1)}


def test_nnx():
    class Net(nnx.Module):
        def __init__(self, rngs):
            self.tokens = nnx.Embed(5, 6, rngs=rngs)
            self.layers = nnx.List(
                [nnx.Linear(6, 4, rngs=rngs), nnx.LayerNorm(4, rngs=rngs), nnx.Linear(4, 2, rngs=rngs)]
            )

        def __call__(self, token):
            x = self.tokens(token)
            for layer in self.layers:
                x = layer(x)
            return x

    net = Net(nnx.Rngs(0))
    optimizer = nnx.Optimizer(net, OPTIMIZER, wrt=nnx.Param)
    nnx.update(net, sparserl.born_sparse(nnx.state(net, nnx.Param), optimizer))

    @nnx.jit
    def step(net, optimizer):
        optimizer.update(net, nnx.grad(lambda net: (net(jnp.array([1])) ** 2).sum())(net))

    for _ in range(3):
        assert_exact(nnx.state(net, nnx.Param), optimizer)
        step(net, optimizer)
    assert {name: mask.shape for name, mask in sparserl.topology(optimizer).items()} == {
        "layers/0": (6, 4),
        "layers/2": (4, 2),
    }


def test_equinox():
    eqx = pytest.importorskip("equinox")
    keys = jax.random.split(jax.random.key(0), 4)
    model = {
        "mlp": eqx.nn.MLP(3, 2, 4, 1, key=keys[0]),
        "tokens": eqx.nn.Embedding(5, 4, key=keys[1]),  # known by its type: its path does not say what it is
        "image": eqx.nn.Conv2d(2, 6, 3, key=keys[2]),
        "memory": eqx.nn.GRUCell(3, 4, key=keys[3]),
        "second": eqx.nn.LayerNorm((4, 4)),
    }
    params, static = eqx.partition(model, eqx.is_inexact_array)
    assert named(params) == {
        "image": (6, 2, 3, 3),
        "memory/weight_hh": (12, 4),
        "memory/weight_ih": (12, 3),
        "mlp/layers/0": (4, 3),
        "mlp/layers/1": (2, 4),
    }
    state = jax.jit(OPTIMIZER.init)(params)
    params = born_sparse(params, state)
    assert_exact(params, state)
    live = np.asarray(sparserl.topology(state)["image"])
    limit = np.sqrt(3 / np.maximum(1, (live.sum((1, 2, 3))[:, None] + live.sum((0, 2, 3))[None]) / 2))
    assert (np.abs(params["image"].weight) <= limit[:, :, None, None]).all()
    whole = lambda params: eqx.combine(params, static)["mlp"](jnp.ones(3)).sum()
    assert_exact(*jax.jit(stepper(OPTIMIZER, whole))(params, state))


def test_equinox_stacks_are_known_by_the_type_of_their_module():
    """A convolution over one input channel, and two dense layers of one output, have leaves of the same shapes."""
    eqx = pytest.importorskip("equinox")
    keys = jax.random.split(jax.random.key(0), 2)
    of = lambda function, *args: named(
        eqx.filter(eqx.filter_eval_shape(function, *args), lambda leaf: hasattr(leaf, "shape"))
    )
    assert of(lambda: {"series": eqx.nn.Conv1d(1, 2, 5, key=keys[0])}) == {"series": (2, 1, 5)}
    normed = of(lambda: {"lengths": eqx.nn.WeightNorm(eqx.nn.Linear(5, 3, key=keys[0]))})
    assert normed == {"lengths/layer": (3, 5)}, "norms of weights are no norms of what goes through"
    heads = of(eqx.filter_vmap(lambda key: {"heads": eqx.nn.Linear(5, 1, key=key)}), keys)
    assert heads == {"heads[0]": (1, 5), "heads[1]": (1, 5)}
    series = of(eqx.filter_vmap(lambda key: eqx.nn.Conv2d(3, 4, 5, use_bias=False, key=key)), keys)
    assert series == {"weight[0]": (4, 3, 5, 5), "weight[1]": (4, 3, 5, 5)}


def test_haiku():
    hk = pytest.importorskip("haiku")
    network = lambda x: hk.nets.MLP([4, 2])(hk.LayerNorm(-1, True, True)(x)) + hk.Embed(5, 2)(jnp.array(1))
    params = jax.eval_shape(hk.transform(network).init, jax.random.key(0), jnp.ones(3))
    assert named(params, overrides={"linear_1": 0.25}) == {"mlp/~/linear_0": (3, 4), "mlp/~/linear_1": (4, 2)}


def test_states_survive_flax_serialization_and_orbax(tmp_path):
    orbax = pytest.importorskip("orbax.checkpoint")
    params = drawn(jax.random.key(0))
    state = OPTIMIZER.init(params)
    step = jax.jit(stepper(OPTIMIZER))
    params, state = step(params, state)
    stored = serialization.to_bytes(state)
    fresh = OPTIMIZER.init(drawn(jax.random.key(1)))
    restored = serialization.from_bytes(fresh, stored)
    with orbax.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "state", state)
        checkpointer.wait_until_finished()
        again = checkpointer.restore(tmp_path / "state", jax.eval_shape(lambda: fresh))
    expected = step(params, state)
    for one in (restored, again):
        assert_same(one, state)
        assert_same(step(params, one), expected)
    with pytest.raises(ValueError, match="rigl"):
        serialization.from_bytes(sparserl.sparsify(optax.adam(1e-2), "rigl", **CHOICES).init(params), stored)
