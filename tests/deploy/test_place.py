"""Output folders: whole or not at all, and one export at a time."""

import os

import pytest

from sparserl.deploy.place import output_folder
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


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(tmp_path):
    with (
        pytest.raises(UserError, match=r"cannot write .*out: No space left on device"),
        output_folder(tmp_path / "out"),
    ):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []
