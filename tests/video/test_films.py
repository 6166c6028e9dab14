"""Films read back by Pillow and by ffmpeg; what bounds them, and what becomes of those that cannot be whole."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sparserl.errors import UserError
from sparserl.video import mp4, require_target, write, writing

HAS_FFMPEG = shutil.which("ffmpeg") is not None or importlib.util.find_spec("imageio_ffmpeg") is not None


def pictures(number, height=480, width=320):
    """A square that moves and changes its colour, and stands still for every third picture."""
    for index in range(number):
        picture = np.full((height, width, 3), 255, np.uint8)
        place = index - index % 3
        picture[10:20, place : place + 8] = (200, 10, place % 256)
        yield picture


def frames(path):
    with Image.open(path) as film:
        for index in range(film.n_frames):
            film.seek(index)
            yield np.asarray(film.convert("RGB")), film.info["duration"]


@pytest.mark.parametrize("pace", [50.0, 30.0, 7.0])
def test_a_gif_keeps_every_picture_exactly_and_its_time(tmp_path, pace):
    written = write(tmp_path / "a.gif", pictures(20), pace)
    shown = list(frames(tmp_path / "a.gif"))
    assert (written.num_frames, written.is_whole, len(shown)) == (20, True, 20)
    for (frame, _), picture in zip(shown, pictures(20), strict=True):
        np.testing.assert_array_equal(frame, picture)
    assert abs(sum(duration for _, duration in shown) - 1000 * 20 / pace) <= 5
    assert written.num_bytes == (tmp_path / "a.gif").stat().st_size
    again = write(tmp_path / "b.gif", pictures(20), pace)
    assert again == written
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_many_colours_become_similar_ones(tmp_path):
    height, width = 480, 400
    red, green = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    picture = np.stack([red, green, 255 - red], -1).astype(np.uint8)
    write(tmp_path / "a.gif", iter([picture]), 10.0)
    ((frame, _),) = frames(tmp_path / "a.gif")
    assert np.abs(frame.astype(int) - picture).mean() < 12


@pytest.mark.parametrize(
    ("size", "shown"),
    [((10, 10), (480, 480)), ((160, 210), (320, 420)), ((600, 400), (600, 400)), ((1280, 720), (640, 360))],
)
def test_pictures_have_a_size_that_can_be_seen(tmp_path, size, shown):
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[0, 0] = 255
    other = np.zeros((7, 9, 3), np.uint8)  # as an environment may draw that changes its window
    write(tmp_path / "a.gif", iter([picture, other]), 10.0)
    (first, _), (second, _) = frames(tmp_path / "a.gif")
    assert (first.shape, second.shape) == (2 * ((shown[1], shown[0], 3),))
    if size[0] <= 480:
        factor = shown[0] // size[0]
        assert first[:factor, :factor].min() == 255
        assert first.sum() == 3 * 255 * factor**2  # no colour in between


def test_films_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "MOST_FRAMES", 12)
    path = tmp_path / "a.gif"
    written = write(path, pictures(1_000_000), 10.0)  # whoever never ends
    assert (written.num_frames, written.is_whole, len(list(frames(path)))) == (12, False, 12)
    assert write(path, pictures(12), 10.0).is_whole
    size = path.stat().st_size
    monkeypatch.setattr(writing, "MOST_BYTES", size - 1)
    written = write(path, pictures(12), 10.0)
    assert (written.num_frames, written.is_whole, len(list(frames(path)))) == (11, False, 11)
    assert path.stat().st_size < size


@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
def test_what_breaks_off_leaves_the_old_film_and_nothing_else(tmp_path, name):
    if name.endswith(".mp4") and not HAS_FFMPEG:
        pytest.skip("neither ffmpeg nor imageio-ffmpeg is installed")

    def breaking():
        yield from pictures(3)
        raise KeyboardInterrupt

    path = tmp_path / name
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write(path, breaking(), 10.0)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write(path, pictures(3), 10.0)
    assert path.read_bytes() != b"old"


@pytest.mark.processes
@pytest.mark.skipif(not HAS_FFMPEG, reason="neither ffmpeg nor imageio-ffmpeg is installed")
def test_an_mp4_has_all_pictures(tmp_path):
    path = tmp_path / "a.mp4"
    written = write(path, pictures(20, 481, 319), 25.0)
    assert (written.num_frames, written.is_whole, written.num_bytes) == (20, True, path.stat().st_size)
    decoded = subprocess.run(
        [mp4.program(), "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        capture_output=True,
        check=True,
    )
    film = np.frombuffer(decoded.stdout, np.uint8).reshape(20, 482, 320, 3)
    for frame, picture in zip(film, pictures(20, 481, 319), strict=True):
        assert np.abs(frame[:481, :319].astype(int) - picture).mean() < 3


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("clip.gfi", "ends in .gif or .mp4; did you mean 'clip.gif'?"),
        ("clip.webm", "ends in .gif or .mp4"),
        ("clip", "ends in .gif or .mp4"),
        ("folder.gif", "a folder has this name"),
        ("file/clip.gif", "the folder file cannot be written: "),
    ],
)
def test_names_that_are_no_films(tmp_path, monkeypatch, name, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.gif").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as told:
        require_target(Path(name))
    assert str(told.value).startswith(f"video is '{name}': ")
    assert line in str(told.value)
    assert "\n" not in str(told.value)


def test_a_new_folder_is_made_and_mp4_needs_ffmpeg(tmp_path, monkeypatch):
    require_target(tmp_path / "new" / "clip.GIF")
    assert list((tmp_path / "new").iterdir()) == []
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(
        UserError, match=r"an MP4 needs ffmpeg: apt-get install ffmpeg, or pip install 'sparserl\[video\]'"
    ):
        require_target(tmp_path / "clip.mp4")
