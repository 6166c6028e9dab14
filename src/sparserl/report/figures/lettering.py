"""Lettering: how wide text is before it is drawn, and text in lines that fit."""

from functools import cache

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from sparserl.report.style import PARAMETERS

_MEASURED_DPI = 160
_FAMILY = PARAMETERS["font.family"]


def wrapped(text: str, inches: float, font: FontProperties) -> str:
    """Text in lines no longer than `inches`: broken between words, and within those that are longer than a line."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            while word and width(f"{line} {word}" if line else word, font) > inches:
                if line:
                    lines.append(line)
                    line = ""
                    continue
                cut = next(i for i in range(len(word), 0, -1) if i == 1 or width(word[:i], font) <= inches)
                if cut == len(word):
                    break
                lines.append(word[:cut])
                word = word[cut:]
            line = f"{line} {word}" if line else word
        lines.append(line)
    return "\n".join(lines)


def shortened(text: str, inches: float, font: FontProperties) -> str:
    """Text of one line that is no longer than `inches`; what does not fit is an ellipsis."""
    if width(text, font) <= inches:
        return text
    fitting = [end for end in range(len(text)) if width(f"{text[:end]}\u2026", font) <= inches]
    return f"{text[: max(fitting, default=0)]}\u2026"


def width(text: str, font: FontProperties) -> float:
    """Inches, as the sum over characters: a little more than shaped text takes, and quickly told."""
    size, weight = font.get_size_in_points(), str(font.get_weight())
    return sum(_character_inches(each, size, weight) for each in text)


@cache
def _character_inches(character: str, size: float, weight: str) -> float:
    figure = Figure(dpi=_MEASURED_DPI)
    renderer = FigureCanvasAgg(figure).get_renderer()
    font = FontProperties(family=_FAMILY, size=size, weight=weight)
    return float(renderer.get_text_width_height_descent(character, font, False)[0]) / _MEASURED_DPI
