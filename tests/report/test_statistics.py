"""Statistics beside SciPy's, by hand, and reproducible to the bit."""

import numpy as np
import pytest
import scipy.stats

from sparserl.report import bootstrap_interval, interquartile_mean
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
    from sparserl.report import statistics

    curves = np.random.default_rng(0).normal(size=(5, 7))
    whole = bootstrap_interval(curves, seed=4)
    monkeypatch.setattr(statistics, "_LARGEST_BLOCK", 1000)
    np.random.seed(1)
    assert all((np.array(a) == b).all() for a, b in zip(whole, bootstrap_interval(curves, seed=4), strict=True))
    assert (bootstrap_interval(curves, seed=5)[0] != whole[0]).any()


def test_bootstrap_refuses_nonsense() -> None:
    for values, confidence, num_resamples in (([], 0.95, 10), ([1.0], 1.0, 10), ([1.0], 0.95, 0)):
        with pytest.raises(UserError, match="bootstrap interval needs"):
            bootstrap_interval(values, seed=0, confidence=confidence, num_resamples=num_resamples)
