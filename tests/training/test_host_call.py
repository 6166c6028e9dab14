"""Calls from compiled programs back into Python: right arrays, in order, and another way where there is none."""

import gc
import shutil
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from probes import ENDLESS, HostTwin
from sparserl import foreign
from sparserl.training import host_call, hosted

needs_calls = pytest.mark.skipif(not host_call.available(), reason="XLA's interface is another one here")
shape = jax.ShapeDtypeStruct


FIELDS = {  # what the structures of `host_call` are called in XLA's header, and their fields, in order
    "XLA_FFI_Extension_Base": (host_call._Extension, "struct_size type next"),
    "XLA_FFI_Metadata": (
        host_call._Metadata,
        "struct_size api_version.struct_size api_version.extension_start api_version.major_version "
        "api_version.minor_version traits",
    ),
    "XLA_FFI_Metadata_Extension": (host_call._MetadataExtension, "extension_base metadata"),
    "XLA_FFI_Args": (host_call._Buffers, "struct_size extension_start size types args"),
    "XLA_FFI_Rets": (host_call._Buffers, "struct_size extension_start size types rets"),
    "XLA_FFI_Buffer": (host_call._Buffer, "struct_size extension_start dtype data rank dims"),
    "XLA_FFI_CallFrame": (host_call._CallFrame, "struct_size extension_start api ctx stage args rets"),
}
COMPILER = shutil.which("g++") or shutil.which("clang++")


@needs_calls
@pytest.mark.skipif(COMPILER is None, reason="there is no compiler to read the header with")
def test_the_structures_are_those_of_the_official_header(tmp_path):
    lines = ["#include <cstddef>", '#include "xla/ffi/api/c_api.h"']
    lines.append(f'static_assert(XLA_FFI_Extension_Metadata == {host_call.METADATA}, "METADATA");')
    for theirs, (ours, names) in FIELDS.items():
        for name, (own_name, *_) in zip(names.split(), ours._fields_, strict=True):
            field, what = getattr(ours, own_name), f"{theirs}.{name}"
            lines.append(f'static_assert(offsetof({theirs}, {name}) == {field.offset}, "{what} stands elsewhere");')
            lines.append(f'static_assert(sizeof((({theirs}*)0)->{name}) == {field.size}, "{what} has another size");')
    source = tmp_path / "structures.cpp"
    source.write_text("\n".join(lines) + "\n")
    command = [COMPILER, "-std=c++17", "-fsyntax-only", "-I", jax.ffi.include_dir(), source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@needs_calls
def test_arrays_of_all_types_come_through_and_calls_keep_their_order():
    seen = []

    def step(operand, results):
        seen.append(operand.copy())
        results[0][...] = operand[:, :1] * 2
        results[1][...] = np.arange(2 * 84 * 84, dtype=np.uint8).reshape(2, 84, 84) + np.uint8(len(seen))
        results[2][...] = (True, False)

    results = (shape((2, 1), np.int32), shape((2, 84, 84), np.uint8), shape((2,), np.bool_))
    call = host_call.HostCall(step, shape((2, 3), np.int32), results)

    @jax.jit
    def program(x, num_steps):
        def body(i, carry):
            x, total, _ = carry
            doubled, pixels, flags = call(x)
            return jnp.tile(doubled, (1, 3)) + i, total + pixels.astype(jnp.int32).sum(), flags

        return jax.lax.fori_loop(0, num_steps, body, (x, jnp.int32(0), jnp.zeros(2, bool)))

    for start, num_steps in ((1, 3), (5, 40)):
        seen.clear()
        x, total, flags = jax.block_until_ready(program(jnp.full((2, 3), start, jnp.int32), num_steps))
        expected, pixels = np.full((2, 3), start, np.int32), np.arange(2 * 84 * 84, dtype=np.uint8)
        totals = 0
        for i in range(num_steps):
            np.testing.assert_array_equal(seen[i], expected)
            expected = expected * 2 + np.int32(i)
            totals += int((pixels + np.uint8(i + 1)).astype(int).sum())
        np.testing.assert_array_equal(x, expected)
        np.testing.assert_array_equal(flags, [True, False])
        assert int(total) == totals
        assert len(seen) == num_steps


@needs_calls
def test_a_program_calls_the_function_that_it_was_made_with():
    def made(value):
        def function(operand, results):
            results[0][...] = operand + value

        return host_call.HostCall(function, shape((1,), np.float32), (shape((1,), np.float32),))

    one, ten = made(1), made(10)
    both = lambda first, second: jax.jit(lambda x: second(first(x)[0])[0])(np.zeros(1, np.float32))
    np.testing.assert_array_equal(np.concatenate([both(one, one), both(one, ten), both(ten, ten)]), [2, 11, 20])
    number = ten.number
    del ten
    jax.clear_caches()  # programs hold what they call
    gc.collect()
    assert number not in host_call._calls


@needs_calls
def test_results_that_nobody_reads_are_computed_all_the_same():
    count = []
    call = host_call.HostCall(lambda *_: count.append(1), shape((1,), np.float32), (shape((1,), np.float32),))
    jax.jit(lambda x: call(x) and x)(np.zeros(1, np.float32)).block_until_ready()
    assert count == [1]


@needs_calls
def test_environments_that_are_alike_have_one_program_that_steps_the_one_it_is_called_for():
    environments = [hosted.Hosted(HostTwin(ENDLESS)) for _ in range(2)]
    first, second = (
        hosted.compiled(environment, lambda action, its=environment: its.step(None, None, action)[1].reward)
        for environment in environments
    )
    for environment in environments:
        environment.reset(jax.random.key(0))
    action = jnp.zeros(1, jnp.int32)
    texts = {program.args[0].lower(*program.args[1:], action).as_text() for program in (first, second)}
    assert len(texts) == 1  # or the second is compiled anew
    for program in (first, second, first, first):
        program(action)
    assert [environment.environment.time.tolist() for environment in environments] == [[3], [1]]


def test_where_the_interface_is_another_one_steps_are_callbacks_of_jax(monkeypatch):
    steps = []

    def run():
        environment = hosted.Hosted(HostTwin(ENDLESS))
        steps.append(environment._call is not None)
        _, observation = environment.reset(jax.random.key(0))
        body = lambda _, carry: environment.step(None, None, carry.reward.astype(jnp.int32))[1]
        zeros = environment._result(jnp.zeros)._replace(observation=observation)
        return jax.jit(lambda first: jax.lax.fori_loop(0, 7, body, first))(zeros)

    usual = run()
    with monkeypatch.context() as patch:
        patch.setattr(foreign, "interface_version", lambda: (host_call.MAJOR + 1, 0))
        jax.tree.map(np.testing.assert_array_equal, run(), usual)
    assert steps == [host_call.available(), False]
    np.testing.assert_array_equal(usual.next_observation, [[0.0]])
    np.testing.assert_allclose(usual.reward, [0.1])
