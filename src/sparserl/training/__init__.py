"""Training: the loop, evaluation, and many seeds in one program."""

from sparserl.training.evaluation import Evaluation, EvaluationSettings, evaluator, stops
from sparserl.training.loop import Episodes, LoopState, start, train
from sparserl.training.seeds import over_seeds

__all__ = [
    "Episodes",
    "Evaluation",
    "EvaluationSettings",
    "LoopState",
    "evaluator",
    "over_seeds",
    "start",
    "stops",
    "train",
]
