"""Windows of training and the two schedules, against their formulas."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparserl.sparsity import Window, WindowProgress, cosine_decay, cubic_sparsity, moved_count
from sparserl.types import UserError


def due_updates(window, total):
    """Every update of a training at which the window fires, counted out."""
    start = int(np.rint(window.start_fraction * total))
    stop = int(np.rint(window.stop_fraction * total))
    return [t for t in range(total) if start <= t <= stop and (t - start) % window.interval_updates == 0]


WINDOWS = st.builds(
    lambda a, b, interval: Window(min(a, b), max(a, b), interval),
    st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.75, 1.0]),
    st.sampled_from([0.0, 0.2, 0.5, 0.767, 0.8, 1.0]),
    st.integers(1, 40),
)


@settings(max_examples=200)
@given(WINDOWS, st.integers(1, 200))
def test_window_fires_where_counting_says(window, total):
    expected = due_updates(window, total)
    assert [t for t in range(total + 5) if window.due(t, total)] == expected
    if expected:
        assert (window.first(total), window.last(total)) == (expected[0], expected[-1])


@settings(max_examples=200)
@given(WINDOWS, st.integers(1, 200))
def test_check_refuses_windows_that_never_fire_or_fire_once_by_mistake(window, total):
    fires = len(due_updates(window, total))
    if fires == 0 or (fires == 1 and window.start_fraction != window.stop_fraction):
        with pytest.raises(UserError):
            window.check(total)
    else:
        window.check(total)


def test_messages_of_check_say_what_is_allowed():
    with pytest.raises(UserError, match="never fires"):
        Window(1.0, 1.0, 10).check(500)
    with pytest.raises(UserError, match=r"^interval_updates is 1000: .* is shorter; at most 300 is allowed"):
        Window(0.2, 0.8, 1000).check(500)
    with pytest.raises(UserError, match="train longer"):
        Window(0.5, 0.6, 10).check(2)
    with pytest.raises(UserError, match="never fires"):
        Window(0.0, 0.8, 10).check(0)
    Window(0.2, 0.8, 300).check(500)  # exactly one interval long: fires twice
    Window(0.0, 0.0, 1).check(1)


@pytest.mark.parametrize("fields", [(-0.1, 0.5, 1), (0.5, 0.4, 1), (0.0, 1.1, 1), (0.0, 0.8, 0), (math.nan, 0.8, 1)])
def test_impossible_windows_are_refused(fields):
    with pytest.raises(UserError, match=r"^(start_fraction|stop_fraction|interval_updates) is "):
        Window(*fields)


def test_due_is_the_same_when_traced():
    window = Window(0.2, 0.8, 7)
    traced = jax.jit(jax.vmap(lambda t: window.due(t, 100)))(jnp.arange(100))
    np.testing.assert_array_equal(np.flatnonzero(traced), due_updates(window, 100))


def test_paper_windows():
    assert (Window(0.0, 0.75, 1000).first(100_000), Window(0.0, 0.75, 1000).last(100_000)) == (0, 75_000)
    assert (Window(0.2, 0.8, 1000).first(100_000), Window(0.2, 0.8, 1000).last(100_000)) == (20_000, 80_000)
    assert Window(0.0, 1.0, 1000).last(100_000) == 99_000  # update 100,000 does not happen


@pytest.mark.parametrize(
    ("window", "total"), [(Window(0.2, 0.8, 7), 100), (Window(0.0, 1.0, 10), 100), (Window(0, 0, 1), 9)]
)
def test_progress_runs_from_zero_to_exactly_one(window, total):
    due = due_updates(window, total)
    at = [window.progress(t, total) for t in due]
    expected = [i / (len(due) - 1) for i in range(len(due))] if len(due) > 1 else [1.0]
    np.testing.assert_allclose([float(p.fraction()) for p in at], expected, rtol=1e-7)
    assert float(at[-1].fraction()) == 1.0
    assert float(window.progress(total + 50, total).fraction()) == 1.0
    assert float(window.progress(0, total).fraction()) == expected[0]


def test_tabulate_keeps_integers_exact_under_jit():
    large = lambda p: 2**24 + 1 + round(p * 8)  # not a float32
    values = jax.jit(jax.vmap(lambda i: WindowProgress(i, 4).tabulate(large)))(jnp.arange(5))
    assert values.dtype == jnp.int32
    np.testing.assert_array_equal(values, [2**24 + 1 + 2 * i for i in range(5)])
    assert WindowProgress(jnp.int32(2), 4).tabulate(lambda p: p / 3).dtype == jnp.float32


def test_progress_is_a_pytree_whose_count_is_static():
    leaves, structure = jax.tree.flatten(WindowProgress(jnp.int32(3), 5))
    assert len(leaves) == 1
    assert jax.tree.unflatten(structure, leaves).count == 5


def test_cubic_schedule_against_the_paper():
    # Zhu & Gupta: s_t = s_f + (s_i - s_f) (1 - (t - t_0) / (n dt)) ** 3 with s_i = 0.
    for final in (0.5, 0.9, 0.99):
        for p in np.linspace(0, 1, 11):
            assert cubic_sparsity(final, float(p)) == pytest.approx(final + (0.0 - final) * (1 - p) ** 3, abs=1e-15)
    assert [round(cubic_sparsity(0.9, p), 4) for p in (0.25, 0.5, 0.75)] == [0.5203, 0.7875, 0.8859]
    assert cubic_sparsity(0.9, 0.0) == 0.0
    assert cubic_sparsity(0.9, 1.0) == 0.9


def test_cosine_schedule_against_the_paper():
    # Evci et al.: f(t) = alpha / 2 (1 + cos(t pi / T_end)).
    for step in range(0, 75_001, 5_000):
        expected = 0.5 / 2 * (1 + np.cos(step * np.pi / 75_000))
        assert cosine_decay(0.5, step / 75_000) == pytest.approx(expected, abs=1e-15)
    assert cosine_decay(0.3, 0.0) == 0.3
    assert cosine_decay(0.3, 1.0) == 0.0


@pytest.mark.parametrize(
    ("drop_fraction", "live", "moved"), [(0.29, 100, 29), (0.57, 100, 57), (0.3, 10, 3), (0.7, 10, 7)]
)
def test_moved_count_is_that_of_the_fraction_as_it_was_typed(drop_fraction, live, moved):
    assert 0.29 * 100 < 29
    assert int(moved_count(WindowProgress(jnp.int32(0), 10), drop_fraction, live)) == moved


@pytest.mark.parametrize(
    ("fraction", "total", "update"), [(0.575, 100, 58), (0.145, 100, 14), (0.07, 50, 4), (0.29, 100, 29)]
)
def test_windows_begin_and_stop_at_fractions_as_they_were_typed(fraction, total, update):
    """Rounded half to even: 57.5 is 58, where floats have 57.49999999999999."""
    assert Window(fraction, 1.0, 1).first(total) == update
    assert Window(0.0, fraction, 1).last(total) == update


def test_moved_count_is_the_floor_of_the_decayed_fraction():
    moved = [int(moved_count(WindowProgress(jnp.int32(i), 10), 0.5, 1234)) for i in range(11)]
    assert moved == [int(1234 * 0.25 * (1 + np.cos(np.pi * i / 10))) for i in range(11)]
    assert moved[0] == 617
    assert moved[-1] == 0
