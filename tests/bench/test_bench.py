"""The bench measures what it says: all variants of a work compute the same, and rows are what the samples give."""

import functools
import importlib
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.scaling import model, worker
from sparserl import linalg
from sparserl.bench import (
    BreakEven,
    Inference,
    KernelProducts,
    Updates,
    break_even,
    dqn,
    exported,
    inference,
    kernels,
    libraries,
    measuring,
    sac,
    updates,
)
from sparserl.bench.problem import problem
from sparserl.bench.results import Sample, rows
from sparserl.deploy.peers import Peers
from sparserl.networks import MLP, MLPSettings
from sparserl.sparsity import topology
from sparserl.sparsity.storage import dense_kernels, dense_moments

pytestmark = pytest.mark.slow

native = pytest.mark.skipif(linalg.unavailable_reason() is not None, reason="there are no native kernels")
TINY = Updates(
    sparsities=(0.8,), hidden_units=(24,), batch_size=8, replay_steps=64, interval_updates=3, window_seconds=1e-4
)
WORKS = {"dqn_update": dqn.work, "sac_update": sac.work}
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


@functools.cache
def made(name, variant):
    return WORKS[name](TINY, 0.8, variant)


def compiled(function, *arguments):
    return jax.jit(function).lower(*arguments).compile(compiler_options=QUICKLY)


@functools.cache
def advanced(name, variant):
    """The state and the loss after four updates, and the program that made them."""
    work = made(name, variant)
    arguments = (jnp.int32(4), work.state, jax.random.key(1))
    program = compiled(updates.advancing(work), *arguments)
    return *program(*arguments), program.as_text()


def densified(groups):
    """Every number of the groups, with kernels and their moments as dense arrays."""
    leaves = {}
    for name, group in groups.items():
        leaves[f"{name} kernels"] = dense_kernels(group.params)
        leaves[f"{name} targets"] = {} if group.target_params is None else dense_kernels(group.target_params)
        inner = dense_moments(group.optimizer_state.inner, group.params)
        leaves[f"{name} moments"] = jax.tree.leaves(inner)
    return leaves


@native
@pytest.mark.parametrize("name", WORKS)
def test_masked_and_compressed_updates_do_the_same(name):
    (first, loss, _), (second, other_loss, _) = (advanced(name, variant) for variant in ("masked", "compressed"))
    assert np.isfinite(loss)
    np.testing.assert_allclose(loss, other_loss, rtol=1e-4)
    found, expected = densified(second.groups), densified(first.groups)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5)
    before = densified(made(name, "masked").state.groups)
    assert any((a != b).any() for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(expected), strict=True))


@native
@pytest.mark.thorough  # tests/optimizer holds it for every method; this is the program that bench measures
def test_targets_of_sac_lie_on_the_online_topology_through_topology_updates():
    """Updates 0 and 3 change the topology; averaging comes after each."""
    before = topology(made("sac_update", "compressed_rigl").state.groups["critics"])
    state, loss, _ = advanced("sac_update", "compressed_rigl")
    assert np.isfinite(loss)
    after = topology(state.groups["critics"])
    assert any((before[name] != after[name]).any() for name in before)
    targets, online = (
        dense_kernels(p) for p in (state.groups["critics"].target_params, state.groups["critics"].params)
    )
    for name, mask in after.items():
        assert not np.asarray(targets[name])[~np.asarray(mask)].any()
        assert (np.asarray(targets[name]) != np.asarray(online[name]))[np.asarray(mask)].any()


@native
@pytest.mark.parametrize("name", WORKS)
def test_products_alone_are_those_of_an_update(name):
    """The native calls of both compiled programs, counted; optimizer, targets and replay need none."""
    products, *operands = updates.products(made(name, "compressed").passes)
    found = calls(advanced(name, "compressed")[-1])
    assert found == calls(compiled(products, *operands).as_text())
    assert found["sparserl_product"]
    assert found["sparserl_gradients"]
    assert not made(name, "masked").passes


@native
@pytest.mark.parametrize("name", WORKS)
def test_the_model_of_the_roofline_has_the_products_of_an_update(name):
    """`benchmarks/scaling/model.py` counts passes by itself: here those of the agents, of compressed layers."""
    work = made(name, "compressed")
    layers = worker.sizes_of(work.state.groups)
    packed = {
        net: [layer._replace(live=layer.live * (layer.index_bytes > 0)) for layer in own] for net, own in layers.items()
    }
    found = model.work_of(name, packed, TINY.batch_size).flop
    products = lambda each: 1 + each.weights_wanted + each.inputs_wanted
    assert found == sum(2 * each.kernel.layout.capacity * each.batch_size * products(each) for each in work.passes) > 0


def test_rigl_by_masks_is_in_the_inner_optimizer():
    """Whose rule tests/bench/test_dense_masks.py holds; a turn of it has whole intervals of topology updates."""
    state = made("dqn_update", "masked_rigl").state.groups["q"].optimizer_state
    masks = [mask for mask in jax.tree.leaves(state.inner.masks) if mask.dtype == bool]
    assert [int(mask.sum()) for mask in masks] == [mask.size - int(0.8 * mask.size) for mask in masks]
    assert len(masks) == 2
    assert not state.masks
    assert "masked_rigl" in updates.WITH_TOPOLOGY_UPDATES


def calls(program):
    names = [f"sparserl_{kind}" for kind in ("product", "transposed_product", "sampled_product", "gradients")]
    return {name: program.count(f'custom_call_target="{name}"') for name in names}


def test_every_library_computes_the_same():
    drawn = problem((12, 7), 0.7, 5)
    kernel, mask, bias, x, dy = (array.astype(np.float64) for array in drawn)
    y = np.maximum(kernel.T @ x + bias[:, None], 0)
    slope = dy * (y > 0)
    expected = {
        "kernel_product": [kernel.T @ x],
        "kernel_transposed_product": [kernel @ dy],
        "kernel_sampled_product": [x @ dy.T * mask],
        "kernel_layer": [y, x @ slope.T * mask, slope.sum(1), kernel @ slope],
    }
    found = libraries.calculations(drawn)
    assert list(found)[:2] == ["dense", "masked"]
    assert {"bcsr", "bcoo"} <= found.keys()
    traced = {(name, work): each for name, works in found.items() for work, each in works.items() if each.traced}
    functions = {case: each.function for case, each in traced.items()}
    run = lambda operands: [functions[case](*given) for case, given in zip(traced, operands, strict=True)]
    operands = [each.operands for each in traced.values()]
    results = dict(zip(traced, compiled(run, operands)(operands), strict=True))
    for name, works in found.items():
        assert {"kernel_product", "kernel_transposed_product"} <= works.keys() <= expected.keys()
        for work, each in works.items():
            result = results[name, work] if each.traced else each.function(*each.operands)
            arrays = [as_numpy(leaf) for leaf in jax.tree.leaves(result)]
            assert len(arrays) == len(expected[work]), (name, work)
            for array, wanted in zip(arrays, expected[work], strict=True):
                same(array, wanted, mask.astype(bool))


def test_notes_say_what_is_not_there(monkeypatch):
    monkeypatch.setattr(linalg, "unavailable_reason", lambda: "no compiler was found")
    assert "ours: not measured, because no compiler was found" in kernels.notes()
    (line,) = updates.notes(TINY)
    assert line == "compressed, compressed_rigl: not measured, because no compiler was found"
    batches = Inference(batch_sizes=(64,))
    assert inference.notes(batches) == ["compressed: not measured, because no compiler was found"]
    assert "ours" not in libraries.available()
    assert "dense" in libraries.available()


def test_an_exported_policy_is_the_network_that_is_measured_beside_it():
    network = MLP(MLPSettings((24, 24)), (17,), 12)
    params = inference.parameters(network, 0.8, "masked")
    observations = np.asarray(jax.random.normal(jax.random.key(1), (3, 17)))
    policy = exported.policy_of(network, params)
    np.testing.assert_allclose(policy.act(observations), network.apply(params, observations), rtol=1e-4, atol=1e-5)
    live = sum(int(step.live.sum()) for step in policy.steps)
    assert live < 0.25 * sum(step.live.size for step in policy.steps)


@pytest.mark.processes
def test_c_is_measured_at_batch_size_1_where_there_is_a_compiler(monkeypatch):
    monkeypatch.setattr(exported, "peers", lambda policy: Peers({"jax": policy.act, "other": policy.act}, ()))
    network = MLP(MLPSettings((8,)), (17,), 12)
    params = inference.parameters(network, 0.8, "masked")
    found = {each.variant: each.run for each in exported.candidates(network, params, np.zeros((1, 17), np.float32))}
    in_c = [] if exported.compiler_missing() else ["c_dense_scalar", "c_dense_vector", "c_scalar", "c_vector"]
    assert list(found) == [*in_c, "other"]
    for run in found.values():
        run(3)
    monkeypatch.setenv("CC", "no-such-compiler")
    assert exported.notes()[0].startswith("c: not measured, because")
    assert "no-such-compiler" in exported.notes()[0]


def as_numpy(leaf):
    """A result of any library; sparse ones as their values."""
    if hasattr(leaf, "is_sparse_csr") and leaf.is_sparse_csr:
        leaf = leaf.values()
    return np.asarray(leaf, np.float64)


def same(array, wanted, mask):
    """Equal whichever way it lies: transposed, not masked yet (dense), or the live entries alone, in either order."""
    shapes = {wanted.shape: wanted, wanted.shape[::-1]: wanted.T}
    if array.shape in shapes and (array.ndim == 1 or wanted.shape != mask.shape):
        np.testing.assert_allclose(array, shapes[array.shape], rtol=1e-4, atol=1e-4)
    elif array.shape == mask.shape:
        np.testing.assert_allclose(array * mask, wanted, rtol=1e-4, atol=1e-4)
    else:
        orders = (wanted[mask], wanted.T[mask.T])
        assert array.shape == orders[0].shape
        assert min(np.abs(array - order).max() for order in orders) < 1e-4


def test_a_loop_does_its_work_every_time():
    """XLA may take a pure call out of a loop in which it never changes; ours must change."""
    called = []

    def double(x):
        called.append(1)
        return np.asarray(x) * 2

    x = jnp.ones((2, 3))
    run = measuring.looped(lambda x: jax.pure_callback(double, jax.ShapeDtypeStruct(x.shape, x.dtype), x), x)
    run(5)
    assert len(called) == 5
    run(3)
    assert len(called) == 8


def test_turns():
    order = []
    runs = [(lambda count, name=name: order.append((name, count)), multiple) for name, multiple in (("a", 3), ("b", 1))]
    seconds = measuring.take_turns(runs, 4, 1e-9)
    assert [len(found) for found in seconds] == [4, 4]
    assert [name for name, _ in order][-8:] == ["a", "b"] * 4
    assert all(count % 3 == 0 for name, count in order if name == "a")


def test_rows_from_samples():
    """Two processes, two rounds: medians by hand, ratios from the same case only."""
    sample = lambda variant, seconds, products=(), sparsity=0.9: Sample(
        "dqn_update", sparsity, variant, {"batch_size": 8}, seconds, list(products), {"memory_bytes": 5}
    )
    found = rows(
        [
            *(sample("dense", [4.0, 6.0]), sample("compressed", [1.0, 2.0], [0.5, 1.0])),
            sample("dense", [100.0], sparsity=0.5),
            *(sample("dense", [5.0, 8.0]), sample("compressed", [2.0, 2.0], [1.0, 0.7])),
        ]
    )
    by_name = {(row["sparsity"], row["variant"]): row for row in found}
    assert by_name.keys() == {(0.9, "dense"), (0.9, "compressed"), (0.5, "dense")}
    row = by_name[0.9, "compressed"]
    assert (row["seconds_median"], row["ratio_to_dense"]) == (2.0, 5.5 / 2.0)
    assert (row["ratio_lowest"], row["ratio_highest"]) == (2.5, 4.0)
    assert (row["seconds_lowest"], row["seconds_highest"]) == (1.0, 2.0)
    assert row["seconds_products"] == pytest.approx(0.85)
    assert row["seconds_floor"] == pytest.approx(1.15)
    assert (row["batch_size"], row["memory_bytes"]) == (8, 5)
    assert by_name[0.5, "dense"]["ratio_to_dense"] == 1.0
    assert "seconds_products" not in by_name[0.9, "dense"]


def test_the_short_grid_is_a_star_in_the_full_one():
    short, full = kernels.grid(KernelProducts()), kernels.grid(KernelProducts(full=True))
    assert len(full) == 9 * 5 * 4
    assert len(short) == len(set(short)) == 1 + 8 + 4 + 3
    assert set(short) < set(full)
    assert ((512, 512), 0.9, 128) in short


@native
def test_break_even_is_read_by_linalg(tmp_path, monkeypatch):
    monkeypatch.setattr(break_even, "LADDER", (0.3,))
    options = BreakEven(sizes=(4, 16), batch_sizes=(8,), repetitions=1, window_seconds=1e-5)
    found = list(break_even.rows(options, 1, 4))
    assert [(row["inputs"], row["outputs"], row["batch_size"]) for row in found] == [(4, 16, 8)]
    assert found[0]["density"] in (0.0, 0.3)
    found[0]["density"] = 0.125
    (tmp_path / "break_even.json").write_text(json.dumps({"machine": {}, "rows": found}))
    reader = importlib.import_module("sparserl.linalg.break_even")  # the name is also that of a function
    monkeypatch.setattr(reader.resources, "files", lambda package: tmp_path)
    for cached in (reader._table, reader.break_even):
        cached.cache_clear()
    try:
        assert reader.break_even((5, 17), 9) == 0.125
    finally:
        monkeypatch.undo()
        for cached in (reader._table, reader.break_even):
            cached.cache_clear()


@native
def test_a_layer_of_the_break_even_is_the_same_both_ways():
    """Three updates with every weight alive: Adam moves dense and compressed weights alike."""
    shape, batch_size = (4, 16), 8  # as above: compiled already
    dense, packed = break_even.dense_update(shape, batch_size), break_even.compressed_update(shape, batch_size, 1.0)
    layout, x, dy = packed.operands
    (kernel, bias), *_ = dense.state
    start = (linalg.gather(layout, kernel), bias)
    state = (start, start, break_even.ADAM.init(start), jnp.int32(1), packed.state[-1])
    expected = dense.state

    def step(states):
        return dense.update((None, x.T, dy.T), states[0]), packed.update(packed.operands, states[1])

    program = compiled(step, (expected, state))
    for _ in range(3):
        expected, state = program((expected, state))
    np.testing.assert_allclose(linalg.scatter(layout, state[0][0]), expected[0][0], atol=1e-5)
    np.testing.assert_allclose(state[-1][0].T, expected[-1][0], atol=1e-5)
    np.testing.assert_allclose(state[-1][1].T, expected[-1][1], atol=1e-5)
