"""Words: what axes, facets and values of figures are called."""

import math
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any

from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font

from sparserl.report.style import method_name

_LABELS = {
    "actor_share": "actor's share of all parameters",
    "agent.batch_size": "batch size",
    "final_return": "final return",
    "mean_return": "mean return",
    "normalized_return": "normalized return",
    "human_normalized_return": "human-normalized return",
    "method.drop_fraction": "drop fraction",
    "method.window.interval_updates": "updates between topology changes",
    "observation_noise": "standard deviation of the noise on observations",
    "optimizer.learning_rate": "learning rate",
    "sparsity_aware_initialization": "initialization",
    "signal_to_noise": "signal-to-noise ratio of gradients",
    "live_macs": "live multiply-accumulates of a forward pass",
    "training_macs": "live multiply-accumulates \u00d7 updates",
    "seconds": "seconds of training",
    "num_updates": "updates",
}
_SHORT = {
    "weight_decay": "decay",
    "method.drop_fraction": "drop",
    "method.window.interval_updates": "interval",
    "optimizer.learning_rate": "rate",
    "agent.batch_size": "batch",
    "sparsity_aware_initialization": "initialization",
    "results_version": "results version",
}
_NAMES: Mapping[str, Mapping[Any, str]] = {
    "distribution": {"erk": "ERK", "uniform": "uniform"},
    "network_kind": {"mlp": "MLP", "cnn": "CNN", "resnet": "ResNet"},
    "dense_last_layer": {True: "last layer dense", False: "all layers sparse"},
    "sparsity_aware_initialization": {True: "sparsity-aware", False: "drawn as if dense"},
}
_SPEAKING = ("sparsity", "agent", "method", "environment", "storage", "preset", "network", "machine")
"""Columns whose values speak for themselves."""
_LONGEST = 300  # characters of a name; a canvas has no room for more, and the tables have all
_PERCENT = ("sparsity", "budget", "actor_share")
_LEFT_TO_RIGHT = "\u200e"
_KEPT = f"\u200c\u200d{_LEFT_TO_RIGHT}"  # joiners, which Persian and emoji need


def column_label(column: str) -> str:
    """A column or choice on an axis."""
    return _LABELS.get(column, printable(column.replace("_", " ")))


def column_short(column: str) -> str:
    """A column or choice where there is little room."""
    return _SHORT.get(column, printable(column.rpartition(".")[2].replace("_", " ")))


def value_label(column: str, value: Any) -> str:
    """A value where its column is known from elsewhere, as in the title of a panel."""
    if value is None:
        return "not known"
    if column in _NAMES:
        return _NAMES[column].get(value, printable(str(value)))
    if column == "method":
        return printable(method_name(str(value)))
    if column == "agent":
        return printable(str(value).upper())
    if column in _PERCENT and isinstance(value, int | float):
        return f"{100 * value:.4g} %"
    return number(value) if isinstance(value, int | float) else printable(str(value))


def told(column: str, value: Any) -> str:
    """A value with its column, where nothing else names it; short enough for a legend."""
    words = value_label(column, value)
    if value is not None and (column in _NAMES or column in _SPEAKING):
        return words
    return f"{column_short(column)} {words}"


def number(value: float) -> str:
    """A number as people write it: 1,000, 0.3, 1e-06 as 1e-6."""
    if isinstance(value, bool):
        return str(value)
    if not math.isfinite(value):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1e-3:
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def tick(value: float, place: int = 0) -> str:
    """A number beside an axis."""
    return number(float(f"{value:.6g}")).replace("-", "\u2212")


def estimate_in_words(value: float, low: float | None, high: float | None) -> str:
    """`0.97 (0.91 to 1.02)`, with as many digits as tell returns apart."""
    ends = "" if low is None or high is None else f" ({significant(low)} to {significant(high)})"
    return significant(value) + ends


def significant(value: float) -> str:
    """Three significant digits, whole numbers above a thousand."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def printable(text: str, longest: int = _LONGEST) -> str:
    """Text with escapes for what the figures' font lacks and for what would not be seen, as marks of direction.

    Words that are read from right to left stay in their place among others. What is longer ends in an ellipsis.
    """
    text = text if len(text) <= longest else f"{text[:longest]}\u2026"
    shown = "".join(each if _shows(each) else each.encode("unicode_escape").decode() for each in text)
    if not any(unicodedata.bidirectional(each) in ("R", "AL") for each in shown):
        return shown
    return f"{_LEFT_TO_RIGHT}{shown.strip(_LEFT_TO_RIGHT)}{_LEFT_TO_RIGHT}"


@cache
def _shows(character: str) -> bool:
    if character in _KEPT:
        return True
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp") and ord(character) in _glyphs()


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(FT2Font(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf").get_charmap())
