"""`sparsify` as frameworks call it: a function of a learning rate that they inject, critics stacked, states pickled.

It is how SBX (Stable-Baselines3 in JAX) uses the `optimizer_class` of its policies, without SBX: `tests/examples` has
the real ones.
"""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sparserl
from sparserl.sparsity import erk
from sparserl.types import UserError
from sparsity.small_networks import assert_same

pytest.importorskip("flax")

import flax.linen as nn
from flax.training.train_state import TrainState

pytestmark = pytest.mark.slow
cloudpickle = pytest.importorskip("cloudpickle")

SPARSITY, INTERVAL_UPDATES = 0.7, 2
SHAPES = {"Dense_0": (7, 12), "Dense_1": (12, 12), "Dense_2": (12, 1)}  # of either critic


def optimizer_class(learning_rate):
    inner = optax.adam(learning_rate, eps=1e-5)
    choices = {"total_updates": 20, "interval_updates": INTERVAL_UPDATES}
    return sparserl.sparsify(inner, "rigl", sparsity=SPARSITY, **choices)


class Critic(nn.Module):
    @nn.compact
    def __call__(self, observation, action):
        x = jnp.concatenate([observation, action], -1)
        for _ in range(2):
            x = nn.relu(nn.LayerNorm()(nn.Dropout(0.1)(nn.Dense(12)(x), deterministic=False)))
        return nn.Dense(1)(x)


class VectorCritic(nn.Module):
    @nn.compact
    def __call__(self, observation, action):
        split = {"variable_axes": {"params": 0}, "split_rngs": {"params": True, "dropout": True}}
        return nn.vmap(Critic, in_axes=None, out_axes=0, axis_size=2, **split)()(observation, action)


CRITIC = VectorCritic()
BATCH = jax.random.normal(jax.random.key(1), (16, 5)), jax.random.normal(jax.random.key(2), (16, 2))


class Critics(TrainState):
    target_params: dict


@pytest.fixture(scope="module")
def born():
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(3)}
    params = jax.jit(CRITIC.init)(keys, *BATCH)
    injected = optax.inject_hyperparams(optimizer_class)(learning_rate=1e-2)
    return jax.jit(lambda p: Critics.create(apply_fn=CRITIC.apply, params=p, target_params=p, tx=injected))(params)


@jax.jit
def trained(state):
    """Three updates in a loop; the last one is left out, as updates are that a policy delay does without."""

    def loss(params, key):
        return jnp.mean((state.apply_fn(params, *BATCH, rngs={"dropout": key}) - BATCH[0][None, :, :1]) ** 2)

    def update(i, state):
        stepped = state.apply_gradients(grads=jax.grad(loss)(state.params, jax.random.key(i)))
        targets = optax.incremental_update(stepped.params, state.target_params, 0.1)
        return jax.lax.cond(i < 3, lambda: stepped.replace(target_params=targets), lambda: state)

    return jax.lax.fori_loop(0, 4, update, state)


def kernels(params, layer):
    return np.asarray(params["params"]["VmapCritic_0"][layer]["kernel"])


def assert_masked(state):
    """In no critic a weight that is dead in this one."""
    for layer in SHAPES:
        masks = [sparserl.topology(state)[f"params/VmapCritic_0/{layer}[{i}]"] for i in range(2)]
        assert not kernels(state.params, layer)[~np.stack(masks)].any()
        assert kernels(state.params, layer).any((1, 2)).all()


def test_each_of_stacked_critics_keeps_as_many_weights_as_asked(born):
    state = trained(born)
    assert_masked(state)
    masks = sparserl.topology(state)
    sparsities = erk({f"{i}{name}": shape for i in range(2) for name, shape in SHAPES.items()}, SPARSITY, {}, True)
    for name in SHAPES:
        first, second = (np.asarray(masks[f"params/VmapCritic_0/{name}[{i}]"]) for i in range(2))
        live = (1 - sparsities[f"0{name}"]) * first.size
        assert abs(first.sum() - live) < 1
        assert first.sum() == second.sum()
        assert (first != second).any() or first.all()
    norm = state.params["params"]["VmapCritic_0"]["LayerNorm_0"]["scale"]
    assert norm.shape == (2, 12)
    assert norm.all()  # of two dimensions, and no kernel


def test_topologies_change_when_they_are_due(born):
    moved = [trained(born)]
    moved.append(trained(moved[0]))
    before, after = (np.concatenate([m.ravel() for m in sparserl.topology(s).values()]) for s in moved)
    assert (before != after).any()
    assert before.sum() == after.sum()
    assert moved[1].step == 6


def test_learning_rates_are_set_from_outside(born):
    state = trained(born)
    state.opt_state.hyperparams["learning_rate"] = 0.0  # a plain number, as SBX sets it
    after = trained(state)
    both = [
        np.stack([sparserl.topology(s)[f"params/VmapCritic_0/Dense_0[{i}]"] for i in range(2)]) for s in (state, after)
    ]
    stayed = both[0] & both[1]
    assert_same(kernels(after.params, "Dense_0"), np.where(stayed, kernels(state.params, "Dense_0"), 0))
    assert_masked(after)
    assert after.opt_state.hyperparams["learning_rate"] == 0


def test_averaged_targets_keep_what_has_died_until_they_are_masked(born):
    state = trained(trained(born))
    dead = lambda targets: jax.tree.map(lambda a, b: np.abs(a - b).sum(), targets, live)
    live = sparserl.masked_average(state.target_params, state.params, 0.0, state)
    assert kernels(dead(state.target_params), "Dense_1") > 0
    for name in SHAPES:
        assert not kernels(live, name)[kernels(state.params, name) == 0].any()
    assert_same(
        live["params"]["VmapCritic_0"]["Dense_1"]["bias"],
        state.target_params["params"]["VmapCritic_0"]["Dense_1"]["bias"],
    )


CLIPPED = lambda made: (
    lambda **named: optax.chain(optax.clip_by_global_norm(9.0), optax.inject_hyperparams(made)(**named))
)


@pytest.mark.parametrize("frame", [lambda made: made, CLIPPED], ids=["dqn", "ppo"])
def test_states_that_are_pickled_in_the_middle_of_training_go_on(frame):
    params = {"kernel": jnp.arange(40.0).reshape(8, 5) - 11.0}
    state = TrainState.create(apply_fn=None, params=params, tx=frame(optimizer_class)(learning_rate=1e-2))
    state = state.apply_gradients(grads=state.params).apply_gradients(grads=params)
    again = cloudpickle.loads(cloudpickle.dumps(state))
    step = lambda state: state.apply_gradients(grads=params).apply_gradients(grads=params)
    assert_same(jax.tree.leaves(step(again)), jax.tree.leaves(step(state)))
    assert_same(pickle.loads(pickle.dumps(state.opt_state)), state.opt_state)


def test_a_learning_rate_inside_may_be_a_plain_number():
    inner = optax.inject_hyperparams(optax.sgd)(learning_rate=1.0)
    optimizer = sparserl.sparsify(inner, "static", sparsity=0.5)
    params = {"kernel": jnp.arange(1.0, 13.0).reshape(4, 3)}
    state = optimizer.init(params)
    params = sparserl.born_sparse(params, state)
    state.inner.hyperparams["learning_rate"] = 0.25
    updates, _ = optimizer.update(params, state, params)
    assert_same(optax.apply_updates(params, updates), {"kernel": 0.75 * params["kernel"]})


def choosing(learning_rate, sparsity=0.5, total_updates=20, interval_updates=2, drop_fraction=0.3, **of):
    choices = {"sparsity": sparsity, "total_updates": total_updates, "interval_updates": interval_updates, **of}
    return sparserl.sparsify(optax.adam(learning_rate), "rigl", drop_fraction=drop_fraction, **choices)


PLAIN = ("sparsity", "total_updates", "interval_updates", "drop_fraction")


@pytest.mark.parametrize("name", PLAIN)
def test_what_frameworks_make_arrays_of_is_told(name):
    numbers = ("learning_rate", *(other for other in PLAIN if other != name))
    injected = optax.inject_hyperparams(choosing, static_args=numbers)(learning_rate=1e-2)
    with pytest.raises(UserError, match=rf"^{name} is an array of JAX.* known before .*inject_hyperparams"):
        injected.init({"kernel": jnp.ones((8, 5))})


def test_overrides_and_keys_that_are_arrays_are_told():
    for choices, words in (
        ({"overrides": {"a": jnp.float32(0.5)}}, r"overrides\['a'\]"),
        ({"key": jnp.int32(3)}, "key"),
    ):
        with pytest.raises(UserError, match=f"^{words} is an array of JAX"):
            choosing(1e-2, **choices)
