"""Images made smaller by averaging over areas: what OpenCV calls `INTER_AREA`, bit for bit."""

import functools
import math

import numpy as np

Taps = list[
    tuple[np.ndarray, np.ndarray]
]  # what is summed, in order: source rows `[row]`, their weights `[row, column]`

_NOTHING = 1e-3  # shares of a pixel below this are none


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """uint8 `[height, width]` of a larger uint8 image, each pixel the mean of the area that it covers.

    As OpenCV (modules/imgproc/src/resize.cpp) with float32 weights: along the rows first, then down the columns, each
    sum from its first pixel to its last, and in the end to the nearest integer, of two the even one.
    """
    turned = np.ascontiguousarray(image.T).astype(np.float32)  # rows are gathered many times faster than columns
    across = _summed(turned, _taps(image.shape[1], width, image.shape[0]))
    return np.rint(_summed(np.ascontiguousarray(across.T), _taps(image.shape[0], height, width))).astype(np.uint8)


def _summed(rows: np.ndarray, taps: Taps) -> np.ndarray:
    (source, weight), *others = taps
    total = rows.take(source, 0) * weight
    for source, weight in others:
        total += rows.take(source, 0) * weight
    return total


@functools.cache
def _taps(num_sources: int, num_targets: int, num_columns: int) -> Taps:
    """What the rows are made of; those of fewer sources end with the weight 0."""
    shares = [_shares(num_sources, num_targets, target) for target in range(num_targets)]
    length = max(map(len, shares))
    padded = np.array([share + [(0, 0.0)] * (length - len(share)) for share in shares])  # [target, tap, 2]
    weights = np.repeat(padded[:, :, 1:].astype(np.float32), num_columns, axis=2)  # whole rows: faster to multiply by
    return [(padded[:, tap, 0].astype(np.intp), weights[:, tap].copy()) for tap in range(length)]


def _shares(num_sources: int, num_targets: int, target: int) -> list[tuple[int, float]]:
    """The sources that `target` covers, and which part of it each of them is."""
    scale = num_sources / num_targets
    begin = target * scale
    end, size = begin + scale, min(scale, num_sources - begin)
    last = min(math.floor(end), num_sources - 1)
    first = min(math.ceil(begin), last)
    shares = [(first - 1, (first - begin) / size)] if first - begin > _NOTHING else []
    shares += [(source, 1 / size) for source in range(first, last)]
    if end - last > _NOTHING:
        shares.append((last, min(end - last, 1.0, size) / size))
    return shares
