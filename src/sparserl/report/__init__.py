"""Report: tidy evaluations in, statistics and figures out; equal rows give equal bytes."""

from sparserl.report.figures import draw_learning_curves, draw_noise_curves, learning_curves, noise_curves
from sparserl.report.names import details, identity
from sparserl.report.scores import human_normalized, over_games
from sparserl.report.statistics import (
    FEW,
    FEWEST_FOR_INTERVAL,
    METHOD,
    bootstrap_interval,
    interquartile_mean,
    mean_interval,
)

__all__ = [
    "FEW",
    "FEWEST_FOR_INTERVAL",
    "METHOD",
    "bootstrap_interval",
    "details",
    "draw_learning_curves",
    "draw_noise_curves",
    "human_normalized",
    "identity",
    "interquartile_mean",
    "learning_curves",
    "mean_interval",
    "noise_curves",
    "over_games",
]
