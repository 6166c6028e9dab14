"""What documents say of the code is so: commands, options, links, rooms, and the numbers of deviations."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sparserl.cli import main
from sparserl.experiment import AGENTS, RESULTS_VERSION
from sparserl.persistence import read_document
from sparserl.report.runs import read_results
from test_architecture import DOORS, ROOMS, SOURCE

ROOT = Path(__file__).parent.parent
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(f"docs/{file.name}" for file in ROOT.glob("docs/*.md"))]
DEVIATION = re.compile(r"^\*\*(\d+)\. ", re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def readme_commands() -> list[list[str]]:
    """The words of the README's `train` and `describe` commands, behind `sparserl`."""
    lines = read("README.md").replace("\\\n", " ").splitlines()
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("    .venv/bin/sparserl ")]
    return [words for words in commands if words[0] in ("train", "describe")]


@pytest.mark.parametrize("words", readme_commands(), ids=" ".join)
def test_commands_of_the_readme_are_understood(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if "--num-seeds" in words:  # `describe` knows all options of `train` but this
        at = words.index("--num-seeds")
        words = [*words[:at], *words[at + 2 :]]
    assert main(["describe", *words[1:]]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("file", sorted(ROOT.glob("reproduction/*/*.parquet")), ids=lambda file: file.parent.name)
def test_rows_that_are_kept_say_which_version_of_results_made_them(file: Path) -> None:
    for row in pq.read_table(file).to_pylist():
        is_ours = bool(row.get("experiment_id", "ours"))  # a peer's evaluations have no experiment of ours
        assert (row["results_version"] in range(1, RESULTS_VERSION + 1)) == is_ours, row


def test_studies_that_are_kept_can_be_read_and_hold_runs_of_theirs_that_are_over() -> None:
    for place in sorted(folder.parent for folder in ROOT.glob("reproduction/**/studies")):
        [study] = [read_document(file) for file in place.glob("studies/*/study.json")]
        assert str(ROOT.parent) not in json.dumps(study), "paths of a machine"
        if not study["num_seeds"]:  # of what networks compute
            continue
        results = read_results(place)
        assert results.problems == ()
        assert {run.status and run.status.status for run in results.runs} <= {"finished", "diverged"}
        assert all(run.columns["results_version"] in range(1, RESULTS_VERSION + 1) for run in results.runs)
        planned = {each["identifier"] for each in study["experiments"]}
        counts = Counter(run.id.experiment for run in results.runs)
        assert counts
        assert counts <= Counter(dict.fromkeys(planned, study["num_seeds"])), "runs of no study"


@pytest.mark.parametrize("file", sorted(ROOT.glob("reproduction/*/*.json")), ids=lambda file: file.parent.name)
def test_measurements_that_are_kept_say_which_version_of_results_was_measured(file: Path) -> None:
    assert json.loads(file.read_text())["results_version"] in range(1, RESULTS_VERSION + 1)


def test_the_readme_has_commands() -> None:
    assert len(readme_commands()) >= 3


def test_switches_of_deviations_exist(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (*([agent, "rigl"] for agent in AGENTS), ["dqn", "rigl", "--environment", "atari:Pong"]):
        assert main(["train", *words, "--help"]) == 0
    there = set(re.findall(r"--[a-z][\w.-]*", capsys.readouterr().out))
    told = set(re.findall(r"--[a-z][\w.-]*", read("docs/deviations.md")))
    assert told - there == set()
    assert len(told) > 20


def test_deviations_are_numbered_without_a_gap_and_cited_rightly() -> None:
    numbers = [int(number) for number in DEVIATION.findall(read("docs/deviations.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
    cited = {
        int(number) for file in SOURCE.rglob("*.py") for number in re.findall(r"Deviation (\d+)", file.read_text())
    }
    assert cited
    assert cited <= set(numbers)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)", read(name))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not ((ROOT / name).parent / link).exists()] == []


def test_the_readme_maps_every_room() -> None:
    entries = [entry for entry in SOURCE.iterdir() if entry.is_dir() or entry.suffix == ".py"]
    rooms = {entry.stem for entry in entries if entry.name != "__pycache__"}
    map_of_rooms = read("README.md").partition("## The rooms")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", map_of_rooms, re.MULTILINE)) == rooms - DOORS.keys()
    assert rooms - DOORS.keys() <= ROOMS.keys()


def test_contributing_stays_short() -> None:
    assert len(read("CONTRIBUTING.md").splitlines()) <= 60


def test_names_of_test_files_are_unique() -> None:
    """Without packages pytest knows a file by its name alone, and refuses the second one."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


@pytest.mark.thorough
@pytest.mark.processes
def test_every_test_is_read_where_there_are_no_kernels(tmp_path):
    """What a module computes when it is read must not need them: tests that do are left out after that."""
    without = {**os.environ, "SPARSERL_NATIVE_LIBRARY": str(tmp_path / "_native.so")}
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "tests"]
    read = subprocess.run(command, cwd=ROOT, env=without, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stdout[-2000:]
