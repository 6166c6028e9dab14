"""Shrinking images by averaging over areas: OpenCV's `INTER_AREA`, bit for bit."""

import functools
import math

import numpy as np

# What is summed, in order: source rows `[row]` and their weights `[row, column]`.
Taps = list[tuple[np.ndarray, np.ndarray]]

_NEGLIGIBLE = 1e-3  # smaller shares of a pixel do not count


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """A larger uint8 image as uint8 `[height, width]`, each pixel the mean of the area that it covers.

    Follows OpenCV (modules/imgproc/src/resize.cpp) with float32 weights: first along the rows, then down the columns,
    each sum from its first pixel to its last, and at the end rounded to the nearest integer, ties to even.
    """
    turned = np.ascontiguousarray(image.T).astype(
        np.float32
    )  # gathering rows is many times faster than gathering columns
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
    """What each target row is summed from; rows with fewer sources are padded with the weight 0."""
    shares = [_shares(num_sources, num_targets, target) for target in range(num_targets)]
    length = max(map(len, shares))
    padded = np.array([share + [(0, 0.0)] * (length - len(share)) for share in shares])  # [target, tap, 2]
    weights = np.repeat(padded[:, :, 1:].astype(np.float32), num_columns, axis=2)  # whole rows multiply faster
    return [(padded[:, tap, 0].astype(np.intp), weights[:, tap].copy()) for tap in range(length)]


def _shares(num_sources: int, num_targets: int, target: int) -> list[tuple[int, float]]:
    """The sources that `target` covers, and what share of it each contributes."""
    scale = num_sources / num_targets
    begin = target * scale
    end, size = begin + scale, min(scale, num_sources - begin)
    last = min(math.floor(end), num_sources - 1)
    first = min(math.ceil(begin), last)
    shares = [(first - 1, (first - begin) / size)] if first - begin > _NEGLIGIBLE else []
    shares += [(source, 1 / size) for source in range(first, last)]
    if end - last > _NEGLIGIBLE:
        shares.append((last, min(end - last, 1.0, size) / size))
    return shares
