"""Modules in the current directory are found without being installed, and hide none that are."""

import subprocess
import sys
from pathlib import Path

import pytest

from sparserl import modules

LIBRARIES = (  # of Python's, and ours
    *("signal", "typing", "enum", "re", "random", "email", "copy", "csv", "json", "dataclasses"),
    *("jax", "numpy", "rich"),
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_a_module_here_is_found_and_so_is_what_it_imports_later(here):
    (here / "my_robot.py").write_text("def part():\n    import my_arm\n    return my_arm.LENGTH\n")
    (here / "my_arm.py").write_text("LENGTH = 7\n")
    before = list(sys.path)
    assert modules.imported("my_robot").part() == 7
    assert sys.path == [*before, str(here)]


def test_a_module_in_a_folder_here_is_found(here):
    (here / "my_robots" / "legged").mkdir(parents=True)
    (here / "my_robots" / "legged" / "dog.py").write_text("LEGS = 4\n")
    assert modules.imported("my_robots.legged.dog").LEGS == 4


def test_what_is_installed_is_not_looked_for_here(here):
    (here / "sqlite3.py").write_text("raise RuntimeError('hidden')\n")
    before = list(sys.path)
    assert modules.imported("sqlite3").__name__ == "sqlite3"
    assert sys.path == before


@pytest.mark.parametrize(("text", "missing"), [(None, "my_missing"), ("import another_missing\n", "another_missing")])
def test_what_is_nowhere_is_told_and_leaves_no_trace(here, text, missing):
    before = list(sys.path)
    if text:
        (here / "my_missing.py").write_text(text)
    with pytest.raises(ModuleNotFoundError, match=f"No module named '{missing}'"):
        modules.imported("my_missing")
    assert sys.path == before or text  # a module that is here needs its folder, whatever else it lacks


def test_a_deleted_directory_has_no_modules(here, monkeypatch):
    (here / "gone").mkdir()
    monkeypatch.chdir(here / "gone")
    (here / "gone").rmdir()
    with pytest.raises(ModuleNotFoundError):
        modules.imported("my_missing")


@pytest.mark.processes
@pytest.mark.parametrize(
    ("command", "status", "told"),
    [
        (["-m", "sparserl", "methods"], 0, "rigl"),
        (["-m", "sparserl.sinks", "jsonl", "nowhere"], 2, "there is no folder nowhere"),
    ],
)
def test_files_here_hide_no_library_from_a_command(here, command, status, told):
    """Python itself would look here first."""
    for name in LIBRARIES:
        (here / f"{name}.py").write_text(f"raise RuntimeError('{name} is hidden')\n")
    source = str(Path(modules.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, *command], env={"PYTHONPATH": source}, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    assert told in done.stdout + done.stderr
    assert "hidden" not in done.stderr
