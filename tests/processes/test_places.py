"""Places: a cache is where the user says, or at home, or nowhere; temporary files are anywhere that can be written."""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparserl.processes import places


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    return tmp_path


def nameless(number):
    raise KeyError(f"getpwuid(): uid not found: {number}")


@pytest.mark.parametrize("given", [None, "", "cache", "./cache", "~/cache"])
def test_what_is_no_absolute_path_is_as_if_unset(given, home, monkeypatch):
    if given is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", given)
    assert places.user_cache() == home / ".cache" / "sparserl"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "elsewhere"))
    assert places.user_cache() == home / "elsewhere" / "sparserl"
    assert places.not_kept() is None


@pytest.mark.parametrize("given", [None, "", "~", "here"])
def test_a_user_without_home_or_name_has_no_cache_and_is_told_once(given, home, monkeypatch):
    monkeypatch.delenv("HOME")
    if given is not None:
        monkeypatch.setenv("HOME", given)
    monkeypatch.setattr(places.pwd, "getpwuid", lambda number: SimpleNamespace(pw_dir=str(home / "of-passwd")))
    assert places.user_cache() == home / "of-passwd" / ".cache" / "sparserl"
    monkeypatch.setattr(places.pwd, "getpwuid", nameless)
    assert places.user_cache() is None
    assert places.NO_PLACE in places.not_kept()


def test_a_home_that_cannot_be_written(home, monkeypatch):
    (home / ".cache").write_text("a file in its place")
    assert places.user_cache() is None
    (home / ".cache").unlink()
    monkeypatch.setattr(places.os, "access", lambda path, mode: False)  # root may write everywhere
    assert places.user_cache() is None


def test_where_nothing_can_be_written_temporary_files_are_beside_the_results(tmp_path, monkeypatch):
    def no_folder():
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", "/missing")
    places.ensure_temporary(tmp_path)
    assert Path(tempfile.gettempdir()) != tmp_path / ".temporary"  # there is another place
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", no_folder)
    places.ensure_temporary(tmp_path)
    assert Path(tempfile.gettempdir()) == tmp_path / ".temporary"
    assert places.os.environ["TMPDIR"] == str(tmp_path / ".temporary")
