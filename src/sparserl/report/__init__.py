"""Report: tidy evaluations in, statistics and figures out; equal rows give equal bytes."""

from sparserl.report.figures import draw_learning_curves, draw_noise_curves, learning_curves, noise_curves
from sparserl.report.statistics import bootstrap_interval, interquartile_mean

__all__ = [
    "bootstrap_interval",
    "draw_learning_curves",
    "draw_noise_curves",
    "interquartile_mean",
    "learning_curves",
    "noise_curves",
]
