"""Output folders: whole or not at all, and one export at a time."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from sparserl.deploy.place import output_folder, scratch_folder
from sparserl.types import UserError


def write(output):
    with output_folder(output) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text("whole")
        assert not output.exists() or not list(output.iterdir())


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_appears_whole(tmp_path, there):
    output = tmp_path / "a" / "b"
    if there:
        output.mkdir(parents=True)
    write(output)
    assert (output / "inner" / "file").read_text() == "whole"
    assert os.listdir(output.parent) == ["b"]


def test_what_raises_leaves_nothing(tmp_path):
    with pytest.raises(IsADirectoryError), output_folder(tmp_path / "a" / "b") as folder:
        folder.write_text("it is a folder")
    assert os.listdir(tmp_path) == []


def test_what_a_killed_export_left_is_swept(tmp_path):
    left = tmp_path / ".out.partial"
    left.mkdir()
    (left / "stale").write_text("begun")
    write(tmp_path / "out")
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(tmp_path / "out") == ["inner"]


def test_a_place_in_use_is_refused_and_left_alone(tmp_path):
    with output_folder(tmp_path / "out") as folder:
        (folder / "file").write_text("first")
        with pytest.raises(UserError, match="another export writes it now"):
            write(tmp_path / "out")
    assert (tmp_path / "out" / "file").read_text() == "first"


def test_places_that_are_taken_are_refused(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    cases = {"full": "not empty", "full/file": "a file or a link", "link": "a file or a link"}
    for name, told in cases.items():
        with pytest.raises(UserError, match=told):
            write(tmp_path / name)
    with pytest.raises(UserError, match="a file or a broken link is where a folder is needed"):
        write(tmp_path / "full" / "file" / "below")
    assert (tmp_path / "full" / "file").read_text() == "kept"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EIO])  # full, `ulimit -f`, a disk that fails
def test_a_disk_that_takes_no_more_is_told_in_one_line_and_leaves_nothing(tmp_path, number):
    with (
        pytest.raises(UserError, match=rf"cannot write .*out: {os.strerror(number)}$"),
        output_folder(tmp_path / "out"),
    ):
        raise OSError(number, os.strerror(number))
    assert os.listdir(tmp_path) == []


def test_a_name_that_cannot_be_leaves_no_folders_behind(tmp_path):
    with pytest.raises(UserError, match="File name too long"):
        write(tmp_path / "made" / ("long" * 63))
    assert os.listdir(tmp_path) == []


def test_the_current_folder_and_a_mounted_one_are_not_replaced(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    for name in (".", "", "../empty", str(tmp_path / "empty")):
        with pytest.raises(UserError, match="it is the current folder, and a new folder would take its place"):
            write(Path(name))
    write(Path("inside"))
    write(Path("nowhere") / ".." / "steps")
    assert sorted(os.listdir(tmp_path / "empty")) == ["inside", "steps"]
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == tmp_path / "disk")
    with pytest.raises(UserError, match="it is a file system of its own"):
        write(tmp_path / "disk")


def test_no_place_for_temporary_files_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    told = "no temporary files can be written: .*; name a folder in TMPDIR"
    with pytest.raises(UserError, match=told), scratch_folder():
        pass
