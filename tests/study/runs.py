"""Runs that take seconds, planned in a results directory as `train` plans them."""

import dataclasses

from sparserl import persistence
from sparserl.agents.dqn import DQNSettings
from sparserl.experiment import from_preset, planned
from sparserl.networks import MLPSettings
from sparserl.training import EvaluationSettings


def plan(directory, environment="CartPole-v1", seed=0, **choices):
    """The folder of one tiny run of a static network, its `experiment.json` written."""
    tiny = {
        "agent": DQNSettings(warmup_steps=100),
        "network": MLPSettings(hidden_units=(16, 16)),
        "evaluation": EvaluationSettings(interval_steps=100, num_episodes=2),
        "total_steps": 300,
    }
    experiment = planned(dataclasses.replace(from_preset("dqn", "static", environment), **{**tiny, **choices}))
    persistence.plan_experiment(directory, experiment.identifier, {"choices": experiment.choices()})
    return persistence.RunId(experiment.identifier, seed).folder(directory)
