"""The contract as a comment of the header, dimension by dimension."""

import re
import textwrap
from collections.abc import Iterator, Sequence

from sparserl.deploy.contract import DECISIONS, Contract, Feature

COLUMNS = 114


def lines(contract: Contract) -> list[str]:
    """The lines of the comment, in ASCII, without what would end it or what compilers warn of."""
    return [harmless(line) for line in _lines(contract)]


def harmless(text: str) -> str:
    """Text that a comment may hold, whoever wrote it."""
    ascii_only = text.encode("ascii", "backslashreplace").decode("ascii")
    one_line = re.sub(r"[^ -~]", " ", ascii_only)
    return re.sub(r"\?(?=\?)", "? ", one_line.replace("*/", "* /").replace("/*", "/ *"))


def _lines(contract: Contract) -> Iterator[str]:
    observed, action, timing = contract.observation, contract.action, contract.timing
    yield f"Environment: {timing.environment}"
    if timing.time_step_seconds is not None:
        yield f"An action every {timing.time_step_seconds:g} seconds of the environment's time"
    yield ""
    yield from _wrapped(
        f"Observation: {_shape(observed.shape)}, as floats"
        + (" (pixels from 0 to 255)" if observed.dtype == "uint8" else " (0 or 1)" if observed.dtype == "bool" else "")
        + f"; {observed.order}. "
        + (
            f"The last axis holds {observed.stacked_frames} frames, oldest first. "
            if observed.stacked_frames > 1
            else ""
        )
        + ("They are normalized inside: give them as the environment does. " if observed.mean is not None else "")
        + observed.not_finite.replace("limit,", f"{observed.limit:g},", 1)
    )
    yield from _dimensions(_size(observed.shape), observed.features, observed.low, observed.high, observed.meaning)
    yield ""
    if action.kind == "discrete":
        yield from _wrapped(f"Action: 0 to {(action.num_actions or 1) - 1}; {DECISIONS[action.decision]}.")
        if action.first_action:
            yield f"The environment itself counts its actions from {action.first_action} on: add that."
        yield from _dimensions(action.num_actions or 0, action.names, None, None, action.meaning)
        return
    yield from _wrapped(f"Action: {_shape(action.shape)}, as floats; {DECISIONS[action.decision]}.")
    yield from _dimensions(_size(action.shape), action.names, action.low, action.high, action.meaning)


def _dimensions(
    size: int,
    names: Sequence[Feature] | None,
    low: Sequence[float | None] | None,
    high: Sequence[float | None] | None,
    meaning: str | None,
) -> Iterator[str]:
    """A line for each dimension that something is known of."""
    if names is None and meaning:
        yield from _wrapped(meaning)
    told: dict[int, Feature] = {feature[0]: feature for feature in names or ()}
    for index in range(size):
        parts = [told[index].name + (f" ({told[index].unit})" if told[index].unit else "")] if index in told else []
        if low is not None and high is not None:
            parts.append(f"{_bound(low[index], '-')} to {_bound(high[index], '')}")
        if parts:
            yield f"  [{index}] {', '.join(parts)}"


def _bound(bound: float | None, sign: str) -> str:
    return f"{sign}infinity" if bound is None else f"{bound:.9g}"


def _shape(shape: Sequence[int]) -> str:
    return f"{' x '.join(map(str, shape))} numbers" if shape else "1 number"


def _size(shape: Sequence[int]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS)
