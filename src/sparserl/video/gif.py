"""GIF, by Pillow: each picture is stored as the rectangle that has changed since the one before, with its own colours.

Up to 256 colours in a rectangle stay exact; of more, the nearest of 256 that are chosen for it.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import GifImagePlugin, Image

_TRAILER = b";"
_CENTISECONDS = 100  # a GIF counts time in these
_LONGEST = 65_535  # of them for one picture
_COLOURS = 256


class _Frame(NamedTuple):
    """A part of a picture and its place `(x, y)`."""

    image: Image.Image
    place: tuple[int, int]


def encoded(pictures: Iterator[np.ndarray], frames_per_second: float, most_bytes: int) -> tuple[bytes, int]:
    """A GIF that repeats for ever, and its number of pictures: all of them, or as many as fit into `most_bytes`."""
    content, number = bytearray(), 0
    before: np.ndarray | None = None
    for number, picture in enumerate(pictures, start=1):
        frame = _changed(before, picture)
        blocks = [] if number > 1 else _header(frame.image)
        blocks += GifImagePlugin.getdata(
            frame.image, frame.place, duration=10 * _duration(number, frames_per_second), include_color_table=True
        )
        size = sum(map(len, blocks))
        if number > 1 and len(content) + size + len(_TRAILER) > most_bytes:
            return bytes(content + _TRAILER), number - 1
        content += b"".join(blocks)
        before = picture
    return bytes(content + _TRAILER), number


def _header(image: Image.Image) -> list[bytes]:
    blocks, _ = GifImagePlugin.getheader(image.copy(), info={"loop": 0})
    return list(blocks)


def _duration(number: int, frames_per_second: float) -> int:
    """How many centiseconds the picture of this number, from 1 on, is shown; roundings do not add up."""
    until = lambda count: round(count * _CENTISECONDS / frames_per_second)
    return min(max(until(number) - until(number - 1), 1), _LONGEST)


def _changed(before: np.ndarray | None, picture: np.ndarray) -> _Frame:
    """The rectangle around everything that is new; where nothing is, a single pixel, which only takes time."""
    if before is None:
        return _Frame(_in_colours(picture), (0, 0))
    new = (before != picture).any(-1)
    rows, columns = (np.flatnonzero(new.any(axis)) for axis in (1, 0))
    if not rows.size:
        return _Frame(_in_colours(picture[:1, :1]), (0, 0))
    (top, bottom), (left, right) = (_ends(part) for part in (rows, columns))
    return _Frame(_in_colours(picture[top:bottom, left:right]), (left, top))


def _ends(positions: np.ndarray) -> tuple[int, int]:
    return int(positions[0]), int(positions[-1]) + 1


def _in_colours(picture: np.ndarray) -> Image.Image:
    """An image with a palette."""
    packed = picture.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colours, index = np.unique(packed, return_inverse=True)
    if len(colours) > _COLOURS:
        image = Image.fromarray(np.ascontiguousarray(picture))
        return image.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    image = Image.fromarray(index.reshape(picture.shape[:2]).astype(np.uint8), mode="P")
    image.putpalette(np.stack([colours >> 16, colours >> 8 & 255, colours & 255], -1).astype(np.uint8).tobytes())
    return image
