"""Compressed beside masked storage, teacher-forced: the same parameters to both, the same topologies from both."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from covering import covering
from optimizer.regression import assert_alike, batch, fresh_params
from sparserl import linalg
from sparserl.linalg import Compressed, Layer
from sparserl.sparsity import SparseOptimizer, Window, kernels, num_live, topology
from sparserl.sparsity.methods import SET, SNIP, Prune, RigL, RigLInverted, Static
from sparserl.types import Group, UserError

pytestmark = [pytest.mark.slow, pytest.mark.kernels]
TOTAL = 40
WINDOW = Window(0.0, 0.8, 5)
SPARSITIES = {"q/hidden_1": 0.7, "q/output": 0.2}  # more is dropped from the output than is dead
ALWAYS = dict.fromkeys(SPARSITIES, 1.0)
BORN_SPARSE = {
    "static": Static(),
    "set": SET(window=WINDOW),
    "rigl": RigL(window=WINDOW),
    "rigl-inverted": RigLInverted(window=WINDOW),
}
PRUNE = Prune(window=Window(0.2, 0.8, 4))
INNERS = {
    "adam": optax.adam(1e-2),
    "adamw": optax.adamw(1e-2, weight_decay=1e-2),
    "sgd": optax.sgd(1e-2, momentum=0.9),
    "rmsprop": optax.rmsprop(1e-3, momentum=0.5),
    "lion": optax.lion(1e-3),
    "chained": optax.chain(optax.clip_by_global_norm(0.5), optax.adam(optax.linear_schedule(1e-2, 0.0, TOTAL))),
    "injected": optax.inject_hyperparams(optax.adam)(learning_rate=1e-2),
    "accumulated": optax.MultiSteps(optax.adam(1e-2), 3).gradient_transformation(),
}


def optimizer_of(method, break_even, inner="adam"):
    return SparseOptimizer(INNERS[inner], method, SPARSITIES, TOTAL, {"q/hidden_1": 1e-3}, break_even=break_even)


def loss(params, data):
    layers = [Layer(p["kernel"], p["bias"], f) for p, f in zip(params["q"].values(), (jax.nn.relu, None), strict=True)]
    value = ((linalg.feed_forward(layers, data[0]) - data[1]) ** 2).mean()
    return value, value


def stepper(optimizer, step_size=0.1):
    def step(key, t, group, data):
        group, value = optimizer.minimize(key, t, functools.partial(loss, data=data), group)
        return optimizer.average(group, step_size), value

    return jax.jit(step)


def unpacked(group):
    """A group as masked storage would hold it, as NumPy."""
    return jax.tree.map(np.asarray, _unpacked(group))


@jax.jit
def _unpacked(group):
    dense = lambda tree: jax.tree.map(linalg.to_dense, tree, is_leaf=lambda leaf: isinstance(leaf, Compressed))
    layouts = {name: k.layout for name, k in kernels(group.params).items() if isinstance(k, Compressed)}

    def moment(path, leaf):
        words = [str(getattr(step, "key", "")) for step in path]
        owner = next((layouts[name] for name in layouts if words[-3:] == [*name.split("/"), "kernel"]), None)
        return leaf if owner is None else linalg.scatter(owner, leaf)

    inner = jax.tree_util.tree_map_with_path(moment, group.optimizer_state.inner)
    state = group.optimizer_state._replace(masks=topology(group), inner=inner)
    return Group(dense(group.params), dense(group.target_params), state)


@pytest.mark.parametrize(
    ("method", "inner"),
    covering(
        [*((method, "adam") for method in BORN_SPARSE), *(("rigl", inner) for inner in INNERS if inner != "adam")],
        lambda case: case[1] in ("adam", "chained"),
    ),
)
def test_teacher_forced_storages_agree_at_every_update(method, inner):
    """At each update masked storage starts from what compressed storage has, so that nothing can add up."""
    masked = optimizer_of(BORN_SPARSE[method], {}, inner)
    packed = optimizer_of(BORN_SPARSE[method], ALWAYS, inner)
    first, second = stepper(masked), stepper(packed)
    group = packed.init(jax.random.key(1), fresh_params(), with_target=True)
    born = masked.init(jax.random.key(1), fresh_params(), with_target=True)
    jax.tree.map(np.testing.assert_array_equal, unpacked(group), jax.tree.map(np.asarray, born))
    moved = 0
    for t in range(TOTAL):
        given = unpacked(group), jax.random.fold_in(jax.random.key(2), t)
        expected, value = first(given[1], jnp.int32(t), jax.tree.map(jnp.asarray, given[0]), batch(t))
        group, found = second(given[1], jnp.int32(t), group, batch(t))
        np.testing.assert_allclose(found, value, rtol=1e-5)
        assert_alike(unpacked(group), jax.tree.map(np.asarray, expected), rtol=1e-4, atol=1e-6)
        before, after = given[0].optimizer_state.masks, expected.optimizer_state.masks
        moved += sum(int((after[name] & ~before[name]).sum()) for name in ALWAYS)
    assert (moved > 20) == (method != "static")


@pytest.mark.parametrize("method", BORN_SPARSE)
def test_counts_never_change_and_nothing_dense_is_kept(method):
    optimizer = optimizer_of(BORN_SPARSE[method], ALWAYS)
    group = optimizer.init(jax.random.key(1), fresh_params(), with_target=True)
    step = stepper(optimizer)
    shapes = jax.tree.map(jnp.shape, group)
    for t in range(TOTAL):
        group, _ = step(jax.random.key(t), jnp.int32(t), group, batch(t))
        assert jax.tree.map(jnp.shape, group) == shapes
        assert {name: int(k.num_live) for name, k in kernels(group.params).items()} == {
            "q/hidden_1": 20,
            "q/output": 36,
        }
    assert step._cache_size() == 1
    assert not any(leaf.ndim == 2 for leaf in jax.tree.leaves(group))
    assert not group.optimizer_state.masks


@pytest.mark.parametrize("step_size", [1.0, 0.25])
def test_targets_across_topology_changes(step_size):
    """A copied target is frozen with its own topology; an averaged one is laid onto the online one first."""
    optimizer = optimizer_of(BORN_SPARSE["rigl"], ALWAYS)
    minimize = jax.jit(
        lambda key, t, group, data: optimizer.minimize(key, t, functools.partial(loss, data=data), group)[0]
    )
    average = jax.jit(lambda group: optimizer.average(group, step_size))
    group = optimizer.init(jax.random.key(1), fresh_params(), with_target=True)
    for t in range(12):
        before = unpacked(group)
        group = minimize(jax.random.key(t), jnp.int32(t), group, batch(t))
        between = unpacked(group)
        jax.tree.map(np.testing.assert_array_equal, between.target_params, before.target_params)
        if t % 3 == 2:  # rarer than topology updates may come
            group = average(group)
            after = unpacked(group)
            for name, mask in topology(group).items():
                old, online = kernels(between.target_params)[name], kernels(between.params)[name]
                expected = online if step_size == 1 else np.where(mask, (1 - step_size) * old + step_size * online, 0)
                np.testing.assert_allclose(kernels(after.target_params)[name], expected, rtol=1e-6, atol=1e-7)
                np.testing.assert_array_equal(kernels(after.target_params)[name][~np.asarray(mask)], 0)
    copied = optimizer.average(group, step_size=1.0)
    jax.tree.map(np.testing.assert_array_equal, copied.target_params, copied.params)


@pytest.mark.parametrize("method", ["prune", "snip"])
def test_what_becomes_sparse_is_compressed_on_its_way(method):
    """Pruning goes through relayouts, shrinks in place, and stays what masked storage computes."""
    method = {"prune": PRUNE, "snip": SNIP()}[method]
    masked, packed = optimizer_of(method, {}), optimizer_of(method, {"q/hidden_1": 0.7, "q/output": 0.9})
    first, second = stepper(masked, 1.0), stepper(packed, 1.0)
    group = packed.init(jax.random.key(1), fresh_params(), with_target=True)
    due, capacities = packed.relayout_updates(), [{}]
    assert masked.relayout_updates() == []
    assert not any(isinstance(kernel, Compressed) for kernel in kernels(group.params).values())
    for t in range(TOTAL):
        given, key = unpacked(group), jax.random.key(t)
        expected, _ = first(key, jnp.int32(t), jax.tree.map(jnp.asarray, given), batch(t))
        group, _ = second(key, jnp.int32(t), group, batch(t))
        assert_alike(unpacked(group), jax.tree.map(np.asarray, expected), rtol=1e-4, atol=1e-6)
        if t + 1 in due:
            before = unpacked(group)
            group = packed.relayout(group)
            jax.tree.map(np.testing.assert_array_equal, unpacked(group), before)
        sizes = {name: k.layout.capacity for name, k in kernels(group.params).items() if isinstance(k, Compressed)}
        if sizes not in capacities:
            capacities.append(sizes)
    assert capacities[-1].keys() == ALWAYS.keys()
    live = {name: int(k.num_live) for name, k in kernels(group.params).items()}
    assert live == {"q/hidden_1": 20, "q/output": 35 if method is PRUNE else 36}
    assert all(live[name] <= capacity < 2 * live[name] for name, capacity in capacities[-1].items())
    assert len(capacities) <= 5, "each new capacity is a compilation"


def test_pruning_waits_for_its_break_even():
    never = optimizer_of(PRUNE, dict.fromkeys(SPARSITIES, 0.1))
    group = never.init(jax.random.key(1), fresh_params(), with_target=False)
    step = jax.jit(lambda key, t, g, data: never.minimize(key, t, functools.partial(loss, data=data), g)[0])
    for t in range(TOTAL):
        group = step(jax.random.key(t), jnp.int32(t), group, batch(t))
        assert never.relayout(group) is group


def test_seeds_side_by_side_each_with_its_own_topology():
    optimizer = optimizer_of(BORN_SPARSE["rigl"], ALWAYS)
    keys = jax.random.split(jax.random.key(3), 3)
    start = jax.vmap(lambda key: optimizer.init(key, fresh_params(), with_target=True))(keys)
    step = stepper(optimizer)
    lifted = jax.jit(jax.vmap(step, in_axes=(0, None, 0, None)))
    together, of = start, lambda seed, groups: jax.tree.map(lambda a: a[seed], groups)
    for t in range(7):
        before, (together, _) = together, lifted(keys, jnp.int32(t), together, batch(t))
        for i, key in enumerate(keys):  # from the same group, so that nothing adds up
            alone, _ = step(key, jnp.int32(t), of(i, before), batch(t))
            assert_alike(unpacked(of(i, together)), unpacked(alone), rtol=1e-4, atol=1e-6)
    assert len({np.asarray(topology(of(i, together))["q/hidden_1"]).tobytes() for i in range(3)}) == 3


def test_optimizers_of_whole_matrices_are_refused():
    optimizer = SparseOptimizer(optax.contrib.muon(1e-2), Static(), SPARSITIES, TOTAL, break_even=ALWAYS)
    with pytest.raises(UserError, match=r"treats a kernel as a matrix.*storage masked"):
        optimizer.init(jax.random.key(0), fresh_params(), with_target=False)


def test_layers_that_are_never_sparse_are_refused():
    with pytest.raises(UserError, match="q/other, which has no sparsity"):
        SparseOptimizer(optax.sgd(1.0), Static(), SPARSITIES, TOTAL, break_even={"q/other": 0.5})


def test_only_the_layers_that_pay_are_compressed():
    optimizer = optimizer_of(BORN_SPARSE["rigl"], {"q/hidden_1": 0.4, "q/output": 0.4})
    group = optimizer.init(jax.random.key(1), fresh_params(), with_target=True)
    packed = {name: isinstance(kernel, Compressed) for name, kernel in kernels(group.params).items()}
    assert packed == {"q/hidden_1": True, "q/output": False}
    assert group.optimizer_state.masks.keys() == {"q/output"}
    step = stepper(optimizer)
    for t in range(6):
        group, _ = step(jax.random.key(t), jnp.int32(t), group, batch(t))
    assert {name: int(mask.sum()) for name, mask in topology(group).items()} == {"q/hidden_1": 20, "q/output": 36}
    assert num_live(group) == {"q/hidden_1": 20, "q/output": 36}


def test_a_layer_of_just_the_density_that_pays_is_compressed():
    assert 1.0 - SPARSITIES["q/hidden_1"] > 0.3  # in floats
    for limit, pays in ((0.3, True), (0.29, False)):
        group = optimizer_of(BORN_SPARSE["static"], {"q/hidden_1": limit}).init(
            jax.random.key(1), fresh_params(), False
        )
        assert isinstance(kernels(group.params)["q/hidden_1"], Compressed) == pays


def test_memory_at_ninety_percent():
    """Parameters, optimizer and target, indices included, in at most 0.35 of what the dense network needs."""
    shapes = {"hidden_1": (6, 512), "hidden_2": (512, 512), "output": (512, 3)}
    layer = lambda shape: {"kernel": jnp.ones(shape), "bias": jnp.zeros(shape[1])}
    params = {"q": {name: layer(shape) for name, shape in shapes.items()}}
    sparsities = {"q/hidden_1": 0.66, "q/hidden_2": 0.91, "q/output": 0.66}
    size = lambda optimizer: sum(
        leaf.nbytes for leaf in jax.tree.leaves(optimizer.init(jax.random.key(0), params, with_target=True))
    )
    sparse = SparseOptimizer(optax.adam(1e-3), Static(), sparsities, TOTAL, break_even={"q/hidden_2": 0.4})
    assert size(sparse) <= 0.35 * size(SparseOptimizer(optax.adam(1e-3), Static(), {}, TOTAL))
