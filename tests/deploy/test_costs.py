"""What a policy costs: counted and timed for a policy written by hand, whose costs are known."""

import os

import numpy as np
import pytest

from deploy import small_c
from sparserl.bench import exported
from sparserl.deploy import builds, costs, instructions, latency, memory
from sparserl.deploy import peers as all_peers
from sparserl.deploy.costs import Chosen
from sparserl.deploy.peers import Peers
from sparserl.types import UserError

compiled = pytest.mark.skipif(exported.compiler_missing() is not None, reason="there is no C compiler")
OBSERVATIONS = np.random.default_rng(0).normal(size=(3, 64)).astype(np.float32)


def test_a_latency_is_the_median_and_what_99_in_100_stay_below():
    told = latency.summary(np.arange(1, 102) * 1e-6)
    np.testing.assert_allclose(told[:2], (51e-6, 100e-6))
    assert told.num_calls == 101


def test_candidates_take_turns_and_first_calls_do_not_count():
    order = []

    def calls(name, seconds):
        def of(count):
            order.append((name, count))
            return np.full(count, seconds)

        return of

    measured = latency.measure({"slow": calls("slow", 1e-3), "fast": calls("fast", 1e-5)}, 1.0)
    assert measured["slow"].p50_seconds == pytest.approx(1e-3)
    assert measured["fast"].p99_seconds == pytest.approx(1e-5)
    turns = order[-2 * latency.ROUNDS :]
    assert [name for name, _ in turns] == ["slow", "fast"] * latency.ROUNDS
    assert measured["slow"].num_calls == sum(count for name, count in turns if name == "slow")
    assert measured["slow"].num_calls + sum(c for n, c in order[: -2 * latency.ROUNDS] if n == "slow") > 500


def test_functions_of_python_get_one_observation_after_another():
    seen = []
    seconds = latency.in_python(seen.append, OBSERVATIONS)(5)
    assert len(seconds) == 5
    assert (seconds >= 0).all()
    np.testing.assert_array_equal(seen, OBSERVATIONS[[0, 1, 2, 0, 1]])


def test_the_dense_twin_has_every_weight_and_keeps_those_of_the_run():
    sparse = small_c.policy(5)
    twin = costs.dense_twin(sparse)
    assert twin.steps[0].kernel.all()
    assert twin.steps[0].live.all()
    np.testing.assert_array_equal(twin.steps[0].kernel[:5], sparse.steps[0].kernel[:5])


@compiled
@pytest.mark.processes
def test_c_is_timed_and_its_bytes_are_counted_beside_the_dense_twin(monkeypatch):
    monkeypatch.setattr(costs, "peers", lambda policy: Peers({"python": policy.act}, ("a note",)))
    told = costs.of_c(small_c.policy(5), OBSERVATIONS, small_c.write, Chosen(0.02, instructions=False))
    kinds = {way.name: way.kind for way in told.ways}
    assert kinds == {
        "C, scalar": "exported",
        "C, vector": "exported",
        "dense C, scalar": "dense",
        "dense C, vector": "dense",
        "python": "library",
    }
    assert all(0 <= way.latency.p50_seconds <= way.latency.p99_seconds for way in told.ways)
    assert "a note" in told.notes
    if not memory.unavailable_reason():
        sparse, _, dense, _, _ = (way.memory for way in told.ways)
        assert dense.text_bytes - sparse.text_bytes >= 4 * (64 - 5) - 64  # weights, and not more than code besides
        assert sparse.flash_bytes == sparse.text_bytes + sparse.data_bytes


@compiled
@pytest.mark.processes
@pytest.mark.thorough
@pytest.mark.skipif(instructions.unavailable_reason() is not None, reason=str(instructions.unavailable_reason()))
def test_instructions_of_an_action_are_exact(tmp_path):
    counted = []
    for live in (16, 48):
        source = small_c.write(small_c.policy(live), tmp_path)
        flags = ("-std=c99", "-O1", "-fno-tree-vectorize", "-fno-unroll-loops")
        harness = builds.built(small_c.policy(live), source, flags, tmp_path / str(live))
        counted.append([instructions.an_action(harness.command(OBSERVATIONS), calls) for calls in (30, 60)])
    (few, few_again), (many, many_again) = counted
    assert few == few_again  # what is done once cancels out
    assert many == many_again
    assert (many - few) % (48 - 16) == 0  # a loop takes the same for each weight


def test_what_cannot_be_counted_is_said(monkeypatch, tmp_path):
    valgrind = tmp_path / "valgrind"
    valgrind.write_text("#!/bin/sh\necho 'unhandled instruction' >&2\nexit 4\n")
    valgrind.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(UserError, match="valgrind could not run program: unhandled instruction"):
        instructions.an_action(["program"])
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(UserError, match="apt-get install valgrind"):
        instructions.an_action(["program"])
    with pytest.raises(UserError, match="size is not installed: apt-get install binutils"):
        memory.memory_of(["cc"], tmp_path / "source.c", tmp_path)


def test_a_library_that_is_broken_is_a_note_and_no_more(monkeypatch):
    def broken(policy):
        raise ImportError("libfast.so: cannot open shared object file\nsecond line")

    monkeypatch.setattr(all_peers, "absent_peers", dict)
    monkeypatch.setattr(all_peers, "_MAKERS", {"onnxruntime": broken, "jax": lambda policy: policy.act})
    told = all_peers.peers(small_c.policy(5))
    assert list(told.acts) == ["jax"]
    assert "onnxruntime: not measured, because libfast.so: cannot open shared object file" in told.notes
