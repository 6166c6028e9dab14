"""Homes: `~` in a path is a home folder, and an unknown one is told."""

import pwd
from pathlib import Path

import pytest

from sparserl.errors import UserError
from sparserl.processes.homes import at_home


def test_the_home_is_that_of_who_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert at_home("~") == tmp_path
    assert at_home("~/results/a b") == tmp_path / "results/a b"
    assert at_home(Path("~/x")) == tmp_path / "x"
    user = pwd.getpwall()[0]
    assert at_home(f"~{user.pw_name}/x") == Path(user.pw_dir) / "x"
    for plain in ("results", "a/~/b", ".", "/x/~"):
        assert at_home(plain) == Path(plain)


def test_a_home_that_is_not_known_is_told_unless_a_folder_is_called_so(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"~nobody-here/x: the home folder ~nobody-here is not known here"):
        at_home("~nobody-here/x")
    (tmp_path / "~nobody-here/x").mkdir(parents=True)
    assert at_home("~nobody-here/x") == Path("~nobody-here/x")
