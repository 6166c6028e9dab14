"""Video: pictures into a file that plays, a GIF or an MP4, of bounded length and size."""

from sparserl.video.targets import DEFAULT_NAME, ENDINGS, require_target
from sparserl.video.writing import MOST_BYTES, MOST_FRAMES, MOST_FRAMES_PER_SECOND, WrittenFilm, write

__all__ = [
    "DEFAULT_NAME",
    "ENDINGS",
    "MOST_BYTES",
    "MOST_FRAMES",
    "MOST_FRAMES_PER_SECOND",
    "WrittenFilm",
    "require_target",
    "write",
]
