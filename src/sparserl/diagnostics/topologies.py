"""Topologies over time: what lived at the start, before the last topology update, now, and ever."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

NumpyMasks = Mapping[str, np.ndarray]  # bool, True = alive, by layer; for every kernel, whether it can be sparse or not


class History(NamedTuple):
    """The topologies of a run so far; `before` is the one before the last topology update."""

    start: NumpyMasks
    before: NumpyMasks
    now: NumpyMasks
    tried: NumpyMasks  # alive at any time


def beginning(masks: NumpyMasks) -> History:
    """The history of a topology that has never changed."""
    return History(masks, masks, masks, masks)


def after_update(history: History, masks: NumpyMasks) -> History:
    """The history after a topology update that led to `masks`; it must hear of every topology update."""
    return History(history.start, history.now, masks, {name: history.tried[name] | masks[name] for name in masks})


def jaccard(a: np.ndarray, b: np.ndarray) -> float:
    """Connections alive in both masks over those alive in either; 1 if there are none."""
    either = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / either) if either else 1.0
