"""Statistics beside SciPy's, by hand, and reproducible to the bit."""

import numpy as np
import pytest
import scipy.stats

from sparserl.report import bootstrap_interval, interquartile_mean, mean_interval
from sparserl.types import UserError


@pytest.mark.parametrize("num_values", [1, 2, 3, 4, 5, 7, 8, 10, 30])
def test_interquartile_mean_is_scipys_trimmed_mean(num_values: int) -> None:
    values = np.random.default_rng(num_values).normal(size=(3, num_values))
    np.testing.assert_allclose(interquartile_mean(values), scipy.stats.trim_mean(values, 0.25, axis=-1), rtol=1e-12)


@pytest.mark.parametrize("confidence", [0.95, 0.5])
@pytest.mark.parametrize(("ours", "theirs"), [(None, np.mean), (interquartile_mean, interquartile_mean)])
def test_bootstrap_agrees_with_scipy(confidence: float, ours: object, theirs: object) -> None:
    values = np.random.default_rng(3).gamma(2.0, size=12)
    chosen = {} if ours is None else {"statistic": ours}
    low, high = bootstrap_interval(values, seed=1, confidence=confidence, num_resamples=40_000, **chosen)
    result = scipy.stats.bootstrap(
        (values,), theirs, confidence_level=confidence, n_resamples=40_000, method="percentile", rng=2
    )
    width = result.confidence_interval.high - result.confidence_interval.low
    assert abs(low - result.confidence_interval.low) < 0.03 * width
    assert abs(high - result.confidence_interval.high) < 0.03 * width


def test_bootstrap_of_two_values_is_known_exactly() -> None:
    low, high = bootstrap_interval([0.0, 1.0], seed=0, confidence=0.4)  # means 0, 1/2, 1 with chances 1/4, 1/2, 1/4
    assert (low, high) == (0.5, 0.5)
    assert bootstrap_interval([0.0, 1.0], seed=0, confidence=0.6) == (0.0, 1.0)
    assert bootstrap_interval([7.0], seed=0) == (7.0, 7.0)


def test_bootstrap_draws_whole_runs_and_keeps_other_axes() -> None:
    curves = np.random.default_rng(0).normal(size=(6, 5, 4))
    low, high = bootstrap_interval(curves, seed=9, num_resamples=500)
    assert low.shape == high.shape == (5, 4)
    alone = bootstrap_interval(curves[:, 2, 3], seed=9, num_resamples=500)
    np.testing.assert_allclose([low[2, 3], high[2, 3]], alone, rtol=1e-12)


def test_bootstrap_is_the_same_every_time_whatever_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    from sparserl.report.statistics import means

    curves = np.random.default_rng(0).normal(size=(5, 7))
    whole = bootstrap_interval(curves, seed=4)
    monkeypatch.setattr(means, "_LARGEST_BLOCK", 1000)
    np.random.seed(1)
    assert all((np.array(a) == b).all() for a, b in zip(whole, bootstrap_interval(curves, seed=4), strict=True))
    assert (bootstrap_interval(curves, seed=5)[0] != whole[0]).any()


def test_bootstrap_refuses_nonsense() -> None:
    for values, confidence, num_resamples in (([], 0.95, 10), ([1.0], 1.0, 10), ([1.0], 0.95, 0)):
        with pytest.raises(UserError, match="bootstrap interval needs"):
            bootstrap_interval(values, seed=0, confidence=confidence, num_resamples=num_resamples)


@pytest.mark.parametrize("num_runs", [2, 3, 5, 10])
def test_the_interval_of_a_mean_is_scipys_t_interval(num_runs: int) -> None:
    values = np.random.default_rng(num_runs).gamma(2.0, size=(num_runs, 4))
    for confidence in (0.5, 0.95):
        expected = scipy.stats.ttest_1samp(values, 0.0).confidence_interval(confidence)
        np.testing.assert_allclose(mean_interval(values, confidence), (expected.low, expected.high), rtol=1e-10)


@pytest.mark.parametrize("num_runs", [3, 4, 5, 10, 30])
def test_the_interval_of_a_mean_covers_it_as_often_as_it_says(num_runs: int) -> None:
    """20,000 times, so that the share has a standard error of 0.0015; of skewed returns it covers a little less."""
    random, times = np.random.default_rng(num_runs), 20_000
    covered = lambda values, mean: np.mean([(low <= mean) & (mean <= high) for low, high in [mean_interval(values)]])
    for confidence in (0.8, 0.95):
        low, high = mean_interval(random.normal(7.0, 3.0, (num_runs, times)), confidence)
        assert abs(np.mean((low <= 7.0) & (high >= 7.0)) - confidence) < 0.012
    assert covered(random.uniform(size=(num_runs, times)), 0.5) > 0.92
    assert covered(random.exponential(size=(num_runs, times)), 1.0) > 0.86
    skewed = random.exponential(size=(num_runs, 300))
    percentile = bootstrap_interval(skewed, seed=0, num_resamples=500)
    assert np.mean((percentile[0] <= 1.0) & (percentile[1] >= 1.0)) < covered(skewed, 1.0)


def test_equal_returns_have_an_interval_without_width_and_one_run_has_none() -> None:
    assert mean_interval([5.0, 5.0, 5.0]) == (5.0, 5.0)
    for values, confidence in (([], 0.95), ([1.0], 0.95), ([1.0, 2.0], 1.0)):
        with pytest.raises(UserError, match="needs two runs"):
            mean_interval(values, confidence)
