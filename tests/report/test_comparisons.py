"""Comparisons: differences, ratios and chances beside SciPy's, and what is equal where runs are compared."""

import numpy as np
import pytest
import scipy.stats
import synthetic
from claim_worlds import cell, full, matching

from sparserl.report.comparisons import at_equal_flops, at_equal_parameters, at_equal_seconds, return_after
from sparserl.report.statistics import (
    contrast,
    difference,
    estimate,
    few_seeds_warning,
    in_words,
    interquartile_mean_over_tasks,
    mean_interval,
    mean_over_tasks,
    probability_of_improvement,
    ratio,
    run_scores,
)
from sparserl.types import UserError

RANDOM = np.random.default_rng(4)
OURS, THEIRS = RANDOM.normal(1.0, 0.2, 8), RANDOM.normal(1.4, 0.4, 10)


def scores(values, first=0, task="task"):
    return run_scores({task: dict(enumerate(values, first))})


def near(estimate, ends, part=0.04):
    """Resamples leave the standard error uncertain by 1.6 %."""
    assert np.abs(np.subtract(estimate.ends, ends)).max() < part * (ends[1] - ends[0])


def test_the_interval_of_a_mean_is_students():
    found = estimate(scores(OURS), mean_over_tasks)
    low, high = mean_interval(OURS)
    near(found, (low, high))
    assert found == estimate(scores(OURS), mean_over_tasks)
    assert found != estimate(scores(OURS), mean_over_tasks, seed=1)


def test_an_unpaired_difference_has_welchs_interval():
    expected = scipy.stats.ttest_ind(OURS, THEIRS, equal_var=False).confidence_interval()
    found = difference(scores(OURS), scores(THEIRS))
    assert found.value == pytest.approx(OURS.mean() - THEIRS.mean())
    near(found, (expected.low, expected.high))


def test_the_same_seeds_are_compared_in_pairs():
    """Seeds that move both by as much leave a narrow interval: Student's, of the differences."""
    shared = RANDOM.normal(0, 5, 8)
    expected = scipy.stats.ttest_rel(OURS + shared, THEIRS[:8] + shared).confidence_interval()
    near(difference(scores(OURS + shared), scores(THEIRS[:8] + shared)), (expected.low, expected.high))
    apart = difference(scores(OURS + shared), scores(THEIRS[:8] + shared, first=20))
    assert apart.high - apart.low > 3 * (expected.high - expected.low)


def test_a_ratio_has_fiellers_interval():
    """The classical formula, of two independent means, with the degrees of freedom of Welch at the ratio."""
    found = ratio(scores(OURS), scores(THEIRS), num_resamples=20_000)
    a, b = OURS.mean(), THEIRS.mean()
    variances = OURS.var(ddof=1) / 8, THEIRS.var(ddof=1) / 10
    parts = variances[0], (a / b) ** 2 * variances[1]
    free = sum(parts) ** 2 / (parts[0] ** 2 / 7 + parts[1] ** 2 / 9)
    g = (scipy.stats.t.ppf(0.975, free) ** 2) * variances[1] / b**2
    root = scipy.stats.t.ppf(0.975, free) / b * np.sqrt(variances[0] * (1 - g) + (a / b) ** 2 * variances[1])
    assert found.value == pytest.approx(a / b)
    near(found, ((a / b - root) / (1 - g), (a / b + root) / (1 - g)), 0.03)


def test_there_is_no_ratio_to_what_is_not_above_0_and_no_interval_to_what_might_not_be():
    assert ratio(scores(OURS), scores(-THEIRS)) is None
    found = ratio(scores(OURS), scores(THEIRS - THEIRS.mean() + 0.01))
    assert found.ends is None
    assert "cannot be told from 0" in found.reason
    assert "(" not in in_words(found)


def test_the_chance_is_that_of_mann_and_whitney_with_ties_one_half():
    ours, theirs = np.array([1.0, 2, 2, 3, 5]), np.array([2.0, 2, 1, 0])
    expected = scipy.stats.mannwhitneyu(ours, theirs).statistic / 20
    assert probability_of_improvement(scores(ours), scores(theirs)).value == pytest.approx(expected)
    assert probability_of_improvement(scores(ours), scores(ours)).value == 0.5


def test_tasks_that_one_side_lacks_are_left_out_and_named():
    ours = run_scores({"a": dict(enumerate(OURS)), "b": dict(enumerate(OURS))})
    theirs = run_scores({"a": dict(enumerate(THEIRS)), "c": dict(enumerate(THEIRS))})
    for found in (difference(ours, theirs), ratio(ours, theirs), probability_of_improvement(ours, theirs)):
        assert found.left_out == ("b", "c")
        assert found.num_tasks == 1
    assert difference(scores(OURS), scores(THEIRS, task="other")) is None
    assert contrast(scores(OURS), scores(THEIRS, task="other")).value == pytest.approx(OURS.mean() - THEIRS.mean())


def test_tasks_count_alike_however_many_runs_they_have():
    """Repeating every run of a task, which makes it ragged, moves no aggregate."""
    short, long = {"a": OURS[:4], "b": THEIRS[:4]}, {"a": np.repeat(OURS[:4], 3), "b": THEIRS[:4]}
    for aggregate in (mean_over_tasks, interquartile_mean_over_tasks):
        values = [
            estimate(run_scores({k: dict(enumerate(v)) for k, v in each.items()}), aggregate) for each in (short, long)
        ]
        assert values[0].value == pytest.approx(values[1].value)
    assert values[1].num_seeds == (4, 12)


def test_diverged_runs_are_counted_and_either_left_out_or_the_worst():
    by_task = {"a": {0: 1.0, 1: 3.0, 2: None, 3: float("nan"), 4: 5.0}, "b": {0: None}}
    excluded, worst = run_scores(by_task), run_scores(by_task, "worst")
    assert (excluded.num_diverged, worst.num_diverged) == (3, 3)
    assert excluded.tasks == worst.tasks == ("a",)
    assert estimate(excluded, mean_over_tasks).value == pytest.approx(3.0)
    assert estimate(worst, mean_over_tasks).value == pytest.approx((1 + 3 + 1 + 1 + 5) / 5)
    assert estimate(run_scores(by_task, "worst", {"a": -9.0, "b": -9.0}), mean_over_tasks).num_tasks == 2
    assert (estimate(excluded).treatment, estimate(worst).treatment) == ("excluded", "worst")
    with pytest.raises(UserError, match="treatment"):
        run_scores(by_task, "ignored")


def test_the_order_of_rows_moves_no_number():
    one = {"a": dict(enumerate(OURS)), "b": dict(enumerate(THEIRS))}
    other = {task: dict(reversed(one[task].items())) for task in reversed(one)}
    assert estimate(run_scores(one)) == estimate(run_scores(other))


def test_few_seeds_have_no_interval_or_a_warning():
    assert estimate(run_scores({})) is None
    for count, reason in ((1, "a single run"), (2, "needs 3 seeds")):
        found = estimate(scores(OURS[:count]))
        assert found.ends is None
        assert reason in found.reason
        assert difference(scores(OURS[:count]), scores(THEIRS[:count])).ends is None
    assert estimate(scores(OURS[:3])).ends
    assert [bool(few_seeds_warning(count)) for count in (1, 2, 3, 4, 5, 10)] == [True] * 4 + [False] * 2
    with pytest.raises(UserError, match="interval needs a confidence"):
        estimate(scores(OURS), confidence=95)


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (0.968, 0.912, 1.0199, "0.97 (0.91 to 1.02)"),
        (0.968, 0.953, 0.985, "0.968 (0.953 to 0.985)"),
        (12_345.6, 12_000.2, 12_700.8, "12,346 (12,000 to 12,701)"),
        (-85.2, -88.0, -82.0, "-85.2 (-88.0 to -82.0)"),
        (0.5, 0.5, 0.5, "0.500 (0.500 to 0.500)"),
        (0.0, 0.0, 0.0, "0 (0 to 0)"),
        (0.77, 0.7699999999999995, 0.7700000000000006, "0.770 (0.770 to 0.770)"),  # apart by rounding alone
        (0.0, -1e-17, 1e-17, "0 (0 to 0)"),
        (1e-5, 0.9e-5, 1.1e-5, "0.0000100 (0.0000090 to 0.0000110)"),
    ],
)
def test_numbers_have_as_many_digits_as_their_interval_warrants(value, low, high, words):
    assert in_words(estimate(scores(OURS))._replace(value=value, low=low, high=high)) == words


@pytest.mark.parametrize(("value", "words"), [(1.0, "1.00"), (0.97412, "0.974"), (-97.25, "-97.2"), (468.4, "468")])
def test_numbers_without_an_interval_keep_their_zeros(value, words):
    assert in_words(estimate(scores(OURS))._replace(value=value, low=None, high=None)) == words


def test_at_equal_parameters_is_beside_the_network_that_matches():
    runs = synthetic.selection(
        cell("rigl", 97) + full(200) + matching(80) + matching(90, 0.8) + cell("rigl", 1, 0.8)
    ).runs
    ours = [run for run in runs if (run.columns["method"], run.columns["sparsity"]) == ("rigl", 0.9)]
    dense = [run for run in runs if run.columns["method"] == "dense"]
    found = at_equal_parameters(ours, dense)
    assert found.difference.value == pytest.approx(97 - 80)
    assert found.ratio.value == pytest.approx(97 / 80)
    assert found.improvement.value == 1.0


def test_at_equal_flops_is_beside_the_dense_network_of_as_many_or_between_two():
    """Half way between 100 and 400 live multiplications, on a logarithmic scale, are 200."""
    ours = cell("rigl", 97, live_macs=200, network_kind="cnn")
    sizes = [matching(mean, live_macs=macs, network_kind="cnn") for mean, macs in ((80, 100), (90, 400), (70, 200))]
    between = at_equal_flops(ours, sizes[0] + sizes[1])
    assert between.difference.value == pytest.approx(97 - 85)
    assert between.improvement is None
    same = at_equal_flops(ours, [run for each in sizes for run in each])
    assert same.difference.value == pytest.approx(97 - 70)
    assert same.improvement.value == 1.0
    for dense in (sizes[0], []):
        found = at_equal_flops(ours, dense)
        assert found.difference is None
        assert "no dense network of as many FLOPs" in found.missing[0]


def test_at_equal_seconds_both_are_cut_off_where_the_quicker_ends():
    """RigL takes 100 s for returns that rise to 100, dense 50 s to 60: after 50 s RigL is half way."""
    along = np.linspace(0, 1, 101)
    ours = [synthetic.run("rigl", 0.9, 0, seed, returns=100 * along + seed, seconds=100.0) for seed in range(5)]
    dense = [synthetic.run("dense", 0, 0, seed, returns=60 * along + 2 * seed, seconds=50.0) for seed in range(5)]
    found = at_equal_seconds(ours, dense)
    last = lambda values: np.mean(values[-(len(values) // 10) :])
    expected = last(100 * along[:51]) + 2 - (last(60 * along) + 4)
    assert found.difference.value == pytest.approx(expected)
    assert return_after(ours[0], -1.0) is None
    assert at_equal_seconds(ours, []).missing


@pytest.mark.parametrize("way", [{"results_version": 4}, {"preset": "sb3"}, {"storage": "compressed"}])
def test_sides_of_another_version_preset_or_storage_are_never_put_together(way):
    """Dense networks store all their weights, whatever their experiment says of the storage of sparse ones."""
    ours, theirs = cell("rigl", 97), matching(80, **way)
    runs = synthetic.selection(ours + theirs + full(100)).runs
    sparse, dense = ([run for run in runs if run.columns["role"] == role] for role in ("sparse", "matched-dense"))
    compared = at_equal_parameters(sparse, dense), at_equal_flops(sparse, dense), at_equal_seconds(sparse, dense)
    assert [one.difference is not None for one in compared] == [way.keys() == {"storage"}] * 3
    mixed = synthetic.selection(ours + cell("rigl", 90, **way)).runs
    for one in (at_equal_parameters(mixed, dense), at_equal_flops(mixed, dense), at_equal_seconds(mixed, dense)):
        assert one.difference is None
        assert "are compared apart" in one.missing[0]


def test_seconds_of_several_kinds_of_machines_do_not_compare():
    ours, theirs = cell("rigl", 97), full(100)
    machine = {"architecture": "x86_64", "cpu_features": "avx2"}
    theirs = [run._replace(status=run.status._replace(machine=machine)) for run in theirs]
    assert at_equal_seconds(ours, theirs).missing == ("seconds of several kinds of machines do not compare",)
