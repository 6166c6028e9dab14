"""Topologies over time: what lived at the start, before the last topology update, now, and ever."""

from collections.abc import Mapping
from typing import Any, NamedTuple

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


def live_per_unit(mask: np.ndarray, axis: int) -> dict[str, Any]:
    """The live weights of each unit along an axis of a kernel `[..., in, out]`: -2 the inputs, -1 the outputs.

    The units of a convolution are its channels, with the weights of all places in the window.
    """
    others = tuple(other for other in range(mask.ndim) if other != axis % mask.ndim)
    live = np.count_nonzero(mask, axis=others)
    return {"weights_per_unit": mask.size // len(live), "live_weights": live.tolist()}
