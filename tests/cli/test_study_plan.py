"""`sparserl study list` and `plan`: tables for people, one JSON document for programs, nothing written."""

import functools
import importlib.util

import pytest

from cli.command import call
from sparserl.study.files import catalogue_names

pytestmark = pytest.mark.slow

NEEDS_MUJOCO = pytest.mark.skipif(importlib.util.find_spec("mujoco") is None, reason="needs mujoco")


@NEEDS_MUJOCO
def test_the_list_has_every_study(capsys, monkeypatch):
    from sparserl.cli.study import listing

    monkeypatch.setattr(listing, "from_catalogue", functools.cache(listing.from_catalogue))  # made once for both
    studies = call(capsys, "study", "list", "--json").document()["studies"]
    assert [one["name"] for one in studies] == catalogue_names()
    by_name = {one["name"]: one for one in studies}
    assert by_name["figure_15"]["runs"]["paper"] == 1_200
    assert by_name["figure_15"]["figures"][0]["kind"] == "bars"
    assert by_name["figure_10"]["runs"] == {"smoke": 12, "quick": 96, "paper": 3_510}
    table = call(capsys, "study", "list").out
    assert all(name in table for name in catalogue_names())
    assert "1,200" in table


def test_the_list_goes_on_where_a_package_is_missing(capsys, monkeypatch):
    from sparserl.cli.study import listing
    from sparserl.types import UserError

    def missing(name, scale):
        raise UserError("environment 'Hopper-v5' needs a package that is not installed: pip install 'sparserl[mujoco]'")

    monkeypatch.setattr(listing, "from_catalogue", missing)
    result = call(capsys, "study", "list")
    assert result.status == 0
    assert result.out.count("pip install 'sparserl[mujoco]'") == 1
    assert {line.split()[-1] for line in result.out.splitlines() if line.startswith(("figure_", "table_"))} == {"-"}


def test_a_plan_is_one_document(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = ["study", "plan", "figure_8", "--scale", "paper", "--output", tmp_path / "results", "--no-calibration"]
    document = call(capsys, *words, "--json").document()
    assert (document["study"], document["scale"], document["num_runs"]) == ("figure_8", "paper", 1_380)
    assert (document["num_experiments"], document["num_seeds"], document["core_seconds"]) == (138, 10, None)
    assert document["environment_steps"] == 1_380 * 100_000  # reference: 7.8e7 and 6e7
    assert [part["environment"] for part in document["parts"]] == ["CartPole-v1", "Acrobot-v1", "MountainCar-v0"]
    assert "study" not in document["parts"][0]
    text = call(capsys, *words).out
    for part in (
        "1,380 (138 experiments, 10 seeds each)",
        "138,000,000 of training",
        "not known",
        "GB",
        "MountainCar-v0",
    ):
        assert part in text
    assert not list(tmp_path.iterdir())


def test_a_file_of_ones_own_is_planned_at_each_scale(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("""
from sparserl.study import Study
from sparserl.study.grids import grid


def study(scale):
    print("thinking")
    steps = {"smoke": 5_000, "quick": 20_000, "paper": 100_000}[scale]
    experiments = grid("dqn", environments=("CartPole-v1",), sparsities=(0.9,), methods=("rigl",), total_steps=steps)
    return Study("mine", "Does it learn?", experiments, num_seeds=3, waiting=("Pong, which needs pixels",))
""")
    words = ["study", "plan", path, "--no-calibration", "--output", tmp_path / "results"]
    for scale, steps in (("smoke", 5_000), ("quick", 20_000), ("paper", 100_000)):
        document = call(capsys, *words, "--scale", scale, "--json").document()
        assert document["environment_steps"] == 9 * steps
    result = call(capsys, *words)
    assert "mine, scale quick: Does it learn?" in result.out
    assert "waits:   Pong, which needs pixels" in result.out
    assert "thinking" not in result.out


def test_a_study_all_of_which_waits_is_refused(capsys, tmp_path):
    path = tmp_path / "later.py"
    path.write_text("""
from sparserl.study import Study


def study(scale):
    return Study("later", "Does it learn?", (), 1, waiting=("Go, which has no environment yet",))
""")
    result = call(capsys, "study", "plan", path)
    assert (result.status, result.out) == (2, "")
    assert result.err == "sparserl: study later cannot be run yet: Go, which has no environment yet\n"


@pytest.mark.parametrize("words", [["study", "--help"], ["study", "list", "--help"], ["study", "plan", "--help"]])
def test_every_subcommand_has_help(capsys, words):
    result = call(capsys, *words)
    assert (result.status, result.err) == (0, "")
    assert "example" in result.out
