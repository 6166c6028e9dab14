"""Figures: those of a study from their stored description and its runs, those of any runs, and their files."""

from sparserl.report.figures.drawing import draw
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.standard import standard_figures
from sparserl.report.figures.tidy_rows import draw_learning_curves, draw_noise_curves, learning_curves, noise_curves
from sparserl.report.figures.writing import stem_of, to_svg, write, write_png

__all__ = [
    "Drawn",
    "draw",
    "draw_learning_curves",
    "draw_noise_curves",
    "learning_curves",
    "noise_curves",
    "standard_figures",
    "stem_of",
    "to_svg",
    "write",
    "write_png",
]
