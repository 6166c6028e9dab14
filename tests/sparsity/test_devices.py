"""Seeds on several devices end in the bits of one device, in every way that JAX has of placing them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.thorough]

PROGRAM = """
import jax, numpy as np, optax, sparserl
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from sparsity.small_networks import assert_exact, assert_same, drawn, stepper

assert jax.device_count() == 4
optimizer = sparserl.sparsify(optax.adam(1e-2), "rigl", sparsity=0.7, total_updates=50, interval_updates=5)

def train(key):
    params = drawn(key)
    state = optimizer.init(params)
    step = lambda carry, _: (stepper(optimizer)(*carry), None)
    return jax.lax.scan(step, (sparserl.born_sparse(params, state), state), None, length=12)[0]

keys, spec = jax.random.split(jax.random.key(1), 8), PartitionSpec("seed")
expected = jax.jit(jax.vmap(train))(keys)
assert_exact(*expected)
flat = lambda tree: jax.tree.map(lambda leaf: leaf.reshape(8, *leaf.shape[2:]), tree)
assert_same(flat(jax.pmap(jax.vmap(train))(keys.reshape(4, 2))), expected)
for kind in (AxisType.Auto, AxisType.Explicit):
    mesh = jax.make_mesh((4,), ("seed",), axis_types=(kind,))
    placed = jax.device_put(keys, NamedSharding(mesh, spec))
    with jax.set_mesh(mesh):
        found = jax.jit(jax.vmap(train))(placed)
    assert jax.tree.leaves(found)[0].sharding.spec[0] == "seed"
    assert_same(found, expected)
alone = jax.shard_map(jax.vmap(train), mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
assert_same(jax.jit(alone)(placed), expected)
print("same")
"""


def test_seeds_on_four_devices_are_those_of_one():
    tests = Path(__file__).parent.parent
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    paths = os.pathsep.join([str(tests), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": paths}
    ended = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "same"
