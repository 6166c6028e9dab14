"""Statistics beside rliable's: on numbers that it gave for fixed scores and, thoroughly, on those it gives today."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sparserl.report.statistics import (
    AGGREGATES,
    bootstrap_estimate,
    bootstrap_performance_profile,
    bootstrap_probability_of_improvement,
    performance_profile,
    probability_of_improvement,
    run_scores,
)

HERE = Path(__file__).parent
STORED = json.loads((HERE.parent / "data" / "rliable.json").read_text())
CASES = STORED["cases"]
NEEDS = ("rliable==1.2.0", "pandas<3", "arch<8")  # rliable breaks with pandas 3


def runs(scores):
    """Scores `[run, task]` as ours."""
    return run_scores({str(task): dict(enumerate(column)) for task, column in enumerate(np.transpose(scores))})


def assert_near(ends, theirs, resamples=20_000):
    """Ends of bootstrap intervals agree but for the resamples: an end has a standard error of 0.7 % of the width."""
    width = max(theirs[1] - theirs[0], 1e-9)
    assert np.abs(np.subtract(ends, theirs)).max() < 0.03 * width * max(1, (20_000 / resamples) ** 0.5) + 1e-12


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", AGGREGATES)
def test_aggregates_and_their_percentile_intervals_are_rliables(case, name):
    ours = bootstrap_estimate(runs(CASES[case]["ours"]), AGGREGATES[name], num_resamples=20_000)
    assert ours.value == pytest.approx(CASES[case]["aggregates"][name], rel=1e-12)
    assert_near(ours.ends, CASES[case]["intervals"][name])


@pytest.mark.parametrize("case", CASES)
def test_the_probability_of_improvement_is_rliables(case):
    ours, theirs = runs(CASES[case]["ours"]), runs(CASES[case]["theirs"])
    found = bootstrap_probability_of_improvement(ours, theirs, num_resamples=5_000)
    assert found.value == pytest.approx(CASES[case]["improvement"], rel=1e-12)
    grain = 1 / (2 * len(CASES[case]["ours"]) * len(CASES[case]["theirs"]))  # of one task: quantiles lie on it
    width = found.high - found.low
    assert np.abs(np.subtract(found.ends, CASES[case]["improvement_interval"])).max() < 0.06 * width + grain
    assert probability_of_improvement(ours, theirs).value == found.value


@pytest.mark.parametrize("case", CASES)
def test_performance_profiles_are_rliables(case):
    ours = bootstrap_performance_profile(runs(CASES[case]["ours"]), STORED["thresholds"], num_resamples=5_000)
    np.testing.assert_allclose(ours.shares, CASES[case]["profile"], rtol=1e-12)
    grain = 1 / np.size(CASES[case]["ours"])
    np.testing.assert_allclose([ours.low, ours.high], CASES[case]["profile_bands"], atol=1.01 * grain)
    usual = performance_profile(runs(CASES[case]["ours"]), STORED["thresholds"])
    np.testing.assert_array_equal(usual.shares, ours.shares)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.processes
def test_rliable_still_gives_these_numbers(request):
    """In an environment of its own, made once for this checkout; skipped where the package index is out of reach."""
    python = environment(Path(request.config.cache.mkdir("rliable")) / "-".join(NEEDS).replace("<", "below"))
    process = subprocess.run(
        [python, HERE / "rliable_numbers.py", "1000"], capture_output=True, text=True, check=True, timeout=1_000
    )
    today = json.loads(process.stdout)["cases"]
    for case, stored in CASES.items():
        assert (today[case]["ours"], today[case]["theirs"]) == (stored["ours"], stored["theirs"])
        for name in ("aggregates", "improvement", "profile"):
            assert today[case][name] == pytest.approx(stored[name])
        for name, ends in stored["intervals"].items():
            assert_near(today[case]["intervals"][name], ends, 1_000)


def environment(folder):
    """The Python of a virtual environment with rliable."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=300)
        install = [python, "-m", "pip", "install", "-q", "--retries", "1", *NEEDS]
        process = subprocess.run(install, capture_output=True, text=True, timeout=900)
        if process.returncode:
            pytest.skip(f"rliable cannot be installed here: {process.stderr.strip().splitlines()[-1]}")
        (folder / "complete").touch()
    return python
