"""Sums in two float32 numbers beside exact ones."""

import fractions
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparserl import training
from sparserl.training import totals
from sparserl.training.playing import EpisodesInTurn, FirstEpisodes
from sparserl.types import TimeStep


@functools.partial(jax.jit, static_argnums=1)
def summed(numbers, num_times):
    """The sum of an array, gone through several times, compiled as in a loop."""
    once = lambda total, number: (totals.plus(total, number), None)
    again = lambda _, total: jax.lax.scan(once, total, numbers)[0]
    return jax.lax.fori_loop(0, num_times, again, totals.zero(()))


def test_a_hundred_thousand_tenths_are_ten_thousand():
    naive = np.cumsum(np.full(100_000, 0.1, np.float32), dtype=np.float32)[-1]
    assert abs(naive - 10_000) > 1
    total = totals.in_float64(summed(jnp.full(1_000, 0.1, jnp.float32), 100))
    assert total == pytest.approx(100_000 * float(np.float32(0.1)), rel=1e-13)


@pytest.mark.parametrize("seed", range(4))
def test_sums_of_any_size_and_sign_are_those_of_exact_arithmetic(seed):
    random = np.random.default_rng(seed)
    numbers = (random.normal(size=500) * 10.0 ** random.integers(-4, 5, 500)).astype(np.float32)
    exact = float(sum(map(fractions.Fraction, numbers.tolist())))
    assert float(totals.in_float64(summed(numbers, 1))) == pytest.approx(
        exact, abs=1e-13 * float(np.abs(numbers).sum())
    )


def test_whole_numbers_keep_their_bits():
    numbers = np.random.default_rng(0).integers(-500, 500, 2_000).astype(np.float32)
    total = summed(numbers, 1)
    assert (float(total.value), float(total.rest)) == (numbers.sum(), 0.0)


@pytest.mark.parametrize("account", [FirstEpisodes(3_000), EpisodesInTurn(3_000, 10)])
def test_evaluations_sum_so(account):
    ending = jnp.zeros(2, bool)
    step = TimeStep(None, jnp.array([0.1, 1000.1], jnp.float32), ending, ending, None)
    played = jax.lax.fori_loop(0, 3_000, lambda _, account_of: account.add(account_of, step), account.begin((2,)))
    returns = totals.in_float64(account.result(played).returns)
    first = returns if isinstance(account, FirstEpisodes) else returns.reshape(2, -1)[:, 0]
    expected = [3_000 * float(np.float32(reward)) for reward in (0.1, 1000.1)]
    np.testing.assert_allclose(first, expected, rtol=1e-13)


def test_training_episodes_are_summed_so():
    count = jnp.zeros(1, jnp.int32)
    nothing = jnp.zeros(1, jnp.float32)
    episodes = training.Episodes(nothing, nothing, count, nothing)
    state = training.LoopState(jnp.int32(0), None, None, nothing, episodes, jnp.array(True))
    never = jnp.zeros(1, bool)
    step = TimeStep(nothing, jnp.full(1, 0.1, jnp.float32), never, never, nothing)
    once = lambda _, state: training.loop.record(state, None, nothing, step)[0]
    state = jax.lax.fori_loop(0, 99_999, once, state)
    ended = training.loop.record(state, None, nothing, step._replace(terminated=~never))[0].episodes
    assert ended.last_return.tolist() == [10_000.0]
    assert (ended.open_return.tolist(), ended.open_rest.tolist()) == ([0.0], [0.0])
