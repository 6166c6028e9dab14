"""Training: the loop, evaluation, and many seeds in one program."""

from sparserl.training.evaluation import EvaluationSettings, account_of, evaluator, played, stops
from sparserl.training.following import Moment, first_episode
from sparserl.training.hosted import traceable
from sparserl.training.loop import START, Episodes, LoopState, afresh, start, step_keys, train
from sparserl.training.playing import Account, Evaluation, Watch, player
from sparserl.training.seeds import over_seeds

__all__ = [
    "START",
    "Account",
    "Episodes",
    "Evaluation",
    "EvaluationSettings",
    "LoopState",
    "Moment",
    "Watch",
    "account_of",
    "afresh",
    "evaluator",
    "first_episode",
    "over_seeds",
    "played",
    "player",
    "start",
    "step_keys",
    "stops",
    "traceable",
    "train",
]
