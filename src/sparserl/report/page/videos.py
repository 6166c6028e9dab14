"""Videos: films of a trained policy that lie beside its run, as a page carries them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from sparserl.report.page.text import data_address

_VIDEOS = (("video.gif", "image/gif"), ("video.mp4", "video/mp4"))
_MOST_VIDEO_BYTES = 3_000_000  # of one


class Video(NamedTuple):
    """A video of a trained policy: its address, or why it is not shown."""

    kind: str
    address: Markup | None
    note: str = ""


def videos_in(folder: Path, room_bytes: int) -> Iterator[Video]:
    """Those of a run's folder, or why they are not shown; `room_bytes` are left for them on the page."""
    for name, kind in _VIDEOS:
        path = folder / name
        try:
            size = path.stat().st_size
            if size > _MOST_VIDEO_BYTES or 4 * size / 3 > room_bytes:
                yield Video(
                    kind, None, f"{name} ({size:,} bytes) is too large for the page; it lies in the run's folder."
                )
            else:
                yield Video(kind, data_address(kind, path.read_bytes()))
        except OSError:
            continue
