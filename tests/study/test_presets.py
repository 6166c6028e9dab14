"""Studies of another preset: asked for by name, remembered, found again, and never taken for the paper's."""

import json
import re

import pytest

from cli.command import call
from sparserl import persistence
from sparserl.cli.study.options import find_stored
from sparserl.study.files import load
from sparserl.study.stored import stored_names, study_folder
from sparserl.study.storing import store
from sparserl.types import UserError

FILE = """
from sparserl.experiment import from_preset, planned
from sparserl.study import Study


def study(scale, preset="published-code"):
    experiment = planned(from_preset("dqn", "rigl", "CartPole-v1", preset))
    return Study("mine", "Does it learn?", (experiment,), 1)
"""


@pytest.mark.parametrize("name", ["figure_14_dqn", "figure_6", "table_1"])
def test_a_study_of_the_catalogue_comes_from_the_preset_that_is_asked_for(name):
    paper, published = (load(name, "smoke", preset) for preset in (None, "published-code"))
    assert (paper.preset, published.preset) == ("paper", "published-code")
    assert len(paper.experiments) == len(published.experiments)
    of_methods = lambda study: {one for one in study.experiments if one.method_name in ("set", "rigl")}
    assert not of_methods(paper) & of_methods(published)
    stop = lambda study: {one.method.window.stop_fraction for one in of_methods(study)}
    assert stop(paper) == {0.8}
    assert stop(published) <= {0.75, 2_000_000 / 2_495_000}  # reference, section 7


def test_studies_of_two_presets_lie_beside_each_other(tmp_path):
    paper, published = (load("figure_14_dqn", "smoke", preset) for preset in ("paper", "published-code"))
    assert store(tmp_path, paper, "smoke") == study_folder(tmp_path, "figure_14_dqn", "smoke")
    store(tmp_path, published, "smoke")
    assert stored_names(tmp_path) == ["figure_14_dqn@smoke", "figure_14_dqn@smoke+published-code"]
    both = r"at the scales smoke, smoke\+published-code: choose one by --scale, --preset"
    for scale in (None, "smoke"):
        with pytest.raises(UserError, match=both):
            find_stored("figure_14_dqn", scale, None, tmp_path)
    for name, preset, expected in (
        ("figure_14_dqn", "paper", "paper"),
        ("figure_14_dqn", "published-code", "published-code"),
        ("figure_14_dqn@smoke", None, "paper"),
        ("figure_14_dqn@smoke+published-code", None, "published-code"),
    ):
        assert find_stored(name, None, preset, tmp_path).preset == expected
    with pytest.raises(UserError, match=r"no study figure_14_dqn@quick\+sb3 in"):
        find_stored("figure_14_dqn", None, "sb3", tmp_path)
    for study in (paper, published):
        for one in study.experiments:
            document = persistence.read_experiment(tmp_path / one.identifier)
            assert document["preset"] == document["facts"]["preset"] == study.preset


def test_the_command_line_asks_for_a_preset(capsys, tmp_path):
    words = ("--preset", "published-code", "--scale", "smoke", "--output", tmp_path)
    planned = call(capsys, "study", "plan", "figure_14_dqn", *words, "--no-calibration", "--json").document()
    assert (planned["preset"], planned["num_runs"]) == ("published-code", 20)
    store(tmp_path, load("figure_14_dqn", "smoke", "published-code"), "smoke")
    shown = call(capsys, "study", "status", "figure_14_dqn", "--output", tmp_path)
    assert "figure_14_dqn@smoke, preset published-code, not being run" in shown.out
    told = call(capsys, "study", "status", "figure_14_dqn", *words, "--json").document()
    assert told["preset"] == "published-code"
    wrong = call(capsys, "study", "plan", "figure_14_dqn", "--preset", "published_code")
    assert (wrong.status, wrong.out) == (2, "")
    assert "--preset is 'published_code': it takes paper, published-code, sb3" in wrong.err
    lacking = call(capsys, "study", "plan", "figure_14_dqn", "--preset", "sb3", "--scale", "smoke")
    assert lacking.status == 2
    assert "agent dqn has none" in lacking.err


def test_a_file_of_ones_own_may_take_a_preset(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    assert load(path, "smoke").preset == "published-code"
    assert load(path, "smoke", "paper").preset == "paper"
    assert load(path, "smoke", "paper").experiments != load(path, "smoke").experiments
    path.write_text(FILE.replace('scale, preset="published-code"', "scale").replace(", preset)", ")"))
    assert load(path, "smoke").preset is None
    with pytest.raises(UserError, match=r"preset is 'sb3': study\(scale\) takes none; study\(scale, preset="):
        load(path, "smoke", "sb3")


def test_a_study_that_was_stopped_says_how_its_preset_is_gone_on_with(tmp_path):
    from sparserl.cli.study.options import WorkOptions
    from sparserl.cli.study.working import _how_to_go_on

    store(tmp_path, load("figure_14_dqn", "smoke", "published-code"), "smoke")
    line = _how_to_go_on(find_stored("figure_14_dqn", None, None, tmp_path), WorkOptions(output=tmp_path))
    assert re.search(r"resume figure_14_dqn --scale smoke --preset published-code --output \S+` goes on", line)


def test_a_stored_studys_document_tells_its_preset(tmp_path):
    folder = store(tmp_path, load("figure_14_dqn", "smoke", "published-code"), "smoke")
    document = json.loads((folder / "study.json").read_text())
    assert document["preset"] == "published-code"
    assert {one["facts"]["preset"] for one in document["experiments"]} == {"published-code"}
