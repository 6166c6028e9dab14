"""Print what rliable makes of fixed scores, as JSON: python rliable_numbers.py > ../data/rliable.json

A number of resamples may be given; 20,000 take a minute and a half. It needs rliable 1.2 and pandas < 3, which our own
environment cannot have: test_rliable.py makes one for it.
"""

import importlib.metadata
import json
import sys

import numpy as np
from rliable import library, metrics

NUM_RESAMPLES = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
THRESHOLDS = [0.0, 0.4, 0.6, 0.8, 1.0, 1.2, 1.6]
AGGREGATES = {
    "mean": metrics.aggregate_mean,
    "median": metrics.aggregate_median,
    "interquartile mean": metrics.aggregate_iqm,
    "optimality gap": metrics.aggregate_optimality_gap,
}
SHAPES = {"one task": (10, 1), "three seeds": (3, 4), "five tasks": (10, 5), "nine seeds of 15 games": (9, 15)}


def scores(name):
    """Two sets of scores, `[run, task]`, rounded so that some are equal: tasks differ, and so do both."""
    random = np.random.default_rng(sorted(SHAPES).index(name))
    num_runs, num_tasks = SHAPES[name]
    middle = np.linspace(0.5, 1.2, num_tasks) if num_tasks > 1 else np.array([0.9])
    ours = middle + 0.3 * random.standard_normal((num_runs, num_tasks))
    theirs = middle - 0.15 + 0.3 * random.exponential(size=(num_runs + 1, num_tasks))
    return np.round(ours, 2), np.round(theirs, 2)


def numbers(name):
    """What rliable says of both."""
    ours, theirs = scores(name)
    np.random.seed(1)
    every = lambda values: np.array([aggregate(values) for aggregate in AGGREGATES.values()])
    points, ends = library.get_interval_estimates({"ours": ours}, every, reps=NUM_RESAMPLES)
    pair = {"ours,theirs": (ours, theirs)}
    chance, chances = library.get_interval_estimates(pair, metrics.probability_of_improvement, reps=NUM_RESAMPLES // 4)
    shares, bands = library.create_performance_profile({"ours": ours}, THRESHOLDS, reps=NUM_RESAMPLES // 4)
    return {
        "ours": ours.tolist(),
        "theirs": theirs.tolist(),
        "aggregates": dict(zip(AGGREGATES, points["ours"].tolist(), strict=True)),
        "intervals": dict(zip(AGGREGATES, ends["ours"].T.tolist(), strict=True)),
        "improvement": float(np.ravel(chance["ours,theirs"])[0]),
        "improvement_interval": np.ravel(chances["ours,theirs"]).tolist(),
        "profile": np.ravel(shares["ours"]).tolist(),
        "profile_bands": np.asarray(bands["ours"]).tolist(),
    }


if __name__ == "__main__":
    versions = {name: importlib.metadata.version(name) for name in ("rliable", "arch", "numpy", "pandas", "scipy")}
    document = {"versions": versions, "thresholds": THRESHOLDS, "cases": {name: numbers(name) for name in SHAPES}}
    json.dump(document, sys.stdout)
    print()
