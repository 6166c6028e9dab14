"""MP4, by ffmpeg: the one on PATH or, where there is none, that of the package imageio-ffmpeg."""

import importlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from sparserl.errors import UserError

_EVEN = "pad=ceil(iw/2)*2:ceil(ih/2)*2"  # the encoders of MP4 take no odd sizes


def program() -> str:
    """Where ffmpeg is. Raises UserError, in one line, where it is missing."""
    if ffmpeg := shutil.which("ffmpeg"):
        return ffmpeg
    try:
        return str(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        line = "an MP4 needs ffmpeg: apt-get install ffmpeg, or pip install 'sparserl[video]'; a .gif needs nothing"
        raise UserError(line, field="video") from None


def encoded(pictures: Iterator[np.ndarray], frames_per_second: float, most_bytes: int) -> tuple[bytes, int]:
    """An MP4 and its number of pictures. ffmpeg ends it where it becomes too large; H.264, or what ffmpeg has for it.

    ffmpeg works in a temporary folder. Raises UserError, in one line, where it fails.
    """
    first = next(pictures)
    with tempfile.TemporaryDirectory(prefix="sparserl-") as folder, tempfile.TemporaryFile() as told:
        path = Path(folder) / "film.mp4"
        process = _start(first, frames_per_second, most_bytes, path, told)
        try:
            number = _feed(process, first, pictures)
            status = process.wait()
        finally:
            process.kill()
            process.wait()
        if status != 0 or not path.exists():
            told.seek(0)
            lines = told.read().decode(errors="replace").split("\n")
            reason = next((line.strip() for line in reversed(lines) if line.strip()), f"status {status}")
            raise UserError(f"ffmpeg cannot write the film: {reason}")
        return path.read_bytes(), number


def _start(first: np.ndarray, pace: float, most_bytes: int, path: Path, told: IO[bytes]) -> "subprocess.Popen[bytes]":
    height, width, _ = first.shape
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{pace:g}", "-i", "-")
    form = ("-an", "-vf", _EVEN, "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-fs", str(most_bytes))
    command = [program(), "-nostdin", "-loglevel", "error", "-y", *raw, *form, str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=told)


def _feed(process: "subprocess.Popen[bytes]", first: np.ndarray, pictures: Iterator[np.ndarray]) -> int:
    """Write the pictures and return how many there were; ffmpeg stops reading at the size that is asked, or fails."""
    assert process.stdin is not None
    number = 1
    try:
        with process.stdin:
            process.stdin.write(first.tobytes())
            for picture in pictures:
                process.stdin.write(np.ascontiguousarray(picture).tobytes())
                number += 1
    except BrokenPipeError:
        pass
    return number
