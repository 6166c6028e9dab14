"""Writing: pictures are brought to one size, encoded as they come, and become a file once they are all there."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from sparserl.persistence import write_atomically
from sparserl.video import gif, mp4

MOST_FRAMES = 3_000  # a minute at 50 a second
MOST_BYTES = 50_000_000
MOST_FRAMES_PER_SECOND = 50.0  # browsers show faster GIFs as slow ones
_USUAL_PIXELS = 480  # small pictures are enlarged by whole numbers to at most this many on the longer side
_MOST_PIXELS = 640  # larger ones shrink to this


class WrittenFilm(NamedTuple):
    """What a film has become; `is_whole` is False where it ends before its pictures do, for its length or its size."""

    num_frames: int
    num_bytes: int
    is_whole: bool


Encode = Callable[[Iterator[np.ndarray], float, int], tuple[bytes, int]]  # -> the content, and how many pictures it has


def write(path: Path, pictures: Iterable[np.ndarray], frames_per_second: float) -> WrittenFilm:
    """Write pictures, uint8 `[y, x, 3]`, as the film that the ending of `path` asks for; an old file is replaced.

    It has at most MOST_FRAMES pictures and MOST_BYTES bytes. The file appears when it is whole, or not at all. Raises
    UserError where it cannot be written or encoded, and whatever `pictures` raises.
    """
    counted = _Counted(iter(pictures))
    encode: Encode = mp4.encoded if path.suffix.lower() == ".mp4" else gif.encoded
    content, num_frames = encode(_of_one_size(islice(counted, MOST_FRAMES)), frames_per_second, MOST_BYTES)
    is_whole = num_frames == counted.number and next(counted, None) is None
    write_atomically(path, content)
    return WrittenFilm(num_frames, len(content), is_whole)


class _Counted:
    """An iterator that knows how many items it has given."""

    def __init__(self, items: Iterator[np.ndarray]) -> None:
        self.items, self.number = items, 0

    def __iter__(self) -> Iterator[np.ndarray]:
        return self

    def __next__(self) -> np.ndarray:
        item = next(self.items)
        self.number += 1
        return item


def _of_one_size(pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """All as large as the first, which is brought to a size that can be seen; edges stay sharp in enlarged ones."""
    size: tuple[int, int] | None = None
    for picture in pictures:
        own = picture.shape[1], picture.shape[0]
        size = size or _shown_size(*own)
        yield picture if own == size else _resized(picture, size)


def _shown_size(width: int, height: int) -> tuple[int, int]:
    longer = max(width, height)
    if longer > _MOST_PIXELS:
        return max(width * _MOST_PIXELS // longer, 1), max(height * _MOST_PIXELS // longer, 1)
    factor = max(_USUAL_PIXELS // longer, 1)
    return width * factor, height * factor


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    enlarged = size[0] % picture.shape[1] == 0 and size[1] % picture.shape[0] == 0
    method = Image.Resampling.NEAREST if enlarged else Image.Resampling.BOX
    return np.asarray(Image.fromarray(picture).resize(size, method))
