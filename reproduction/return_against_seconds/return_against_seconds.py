"""SAC on HalfCheetah and Walker2d with six networks, each trained for the same seconds on one core.

    .venv/bin/sparserl study run reproduction/return_against_seconds/return_against_seconds.py --output results/seconds

Scale `quick` is that of totals.json, `paper` trains ten times as long, and `smoke` shows in minutes that all works.
"""

from six_networks import ENVIRONMENTS, NETWORKS, PRESET, learning_rate, trained

from sparserl.study import Scale, Study


def study(scale: Scale) -> Study:
    question = "Which network has the highest return after equal seconds of training on one core?"
    experiments = tuple(
        trained(network, environment, scale, learning_rate(network, scale))
        for environment in ENVIRONMENTS
        for network in NETWORKS
    )
    return Study(
        "return_against_seconds", question, experiments, num_seeds=2 if scale == "smoke" else 10, preset=PRESET
    )
