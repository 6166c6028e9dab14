"""Each of the six networks with five learning rates, so that all are tuned alike: HalfCheetah, a third of the minutes.

.venv/bin/sparserl study run reproduction/return_against_seconds/learning_rates.py --output results/seconds
.venv/bin/python reproduction/return_against_seconds/choose.py results/seconds
"""

from six_networks import ENVIRONMENTS, NETWORKS, PRESET, Network, trained

from sparserl.study import Scale, Study

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)  # the second is the preset's; all networks want more
ENVIRONMENT = ENVIRONMENTS[0]
SHARE = 1 / 3  # of the seconds, and of the evaluations


def tuned(network: Network, scale: Scale) -> dict:
    """The experiments of a network by their learning rates."""
    of_rate = lambda rate: trained(network, ENVIRONMENT, scale, rate, SHARE)
    return {rate: of_rate(rate) for rate in RATES}


def study(scale: Scale) -> Study:
    question = "Which learning rate does each network want, where all train for the same seconds?"
    experiments = tuple(each for network in NETWORKS for each in tuned(network, scale).values())
    return Study("learning_rates", question, experiments, num_seeds=2, preset=PRESET)
