"""Studies on disk: read back as stored, read without JAX, grown but never shrunk, refused where damaged."""

import dataclasses
import subprocess
import sys

import pytest

from sparserl import modules
from sparserl.experiment import from_preset, planned
from sparserl.study import Figure, Study
from sparserl.study.stored import StoredExperiment, stored, stored_names
from sparserl.study.storing import store
from sparserl.types import UserError


def experiment(**choices):
    return planned(from_preset("dqn", "rigl", "CartPole-v1", **choices))


@pytest.fixture(scope="module")
def small():
    experiments = tuple(experiment(sparsity=sparsity) for sparsity in (0.5, 0.9))
    figure = Figure("returns", "Returns of DQN", experiments=(experiments[0].identifier,))
    return Study("mine", "Does it learn?", experiments, num_seeds=3, figures=(figure,), waiting=("Atari",))


def test_a_study_is_read_back_as_it_was_stored(tmp_path, small, monkeypatch):
    monkeypatch.setattr(modules, "_folders", [str(tmp_path)])
    folder = store(tmp_path, small, "smoke")
    assert folder == tmp_path / "studies" / "mine@smoke"
    found = stored(tmp_path, "mine", "smoke")
    assert (found.folder, found.name, found.scale, found.question) == (folder, "mine", "smoke", "Does it learn?")
    assert [one.identifier for one in found.experiments] == [one.identifier for one in small.experiments]
    live = 132_608 + 1_026  # reference, 10.1
    assert found.experiments[0][1:7] == ("dqn", "rigl", "CartPole-v1", 0.5, 100_000, {"q": live})
    assert found.experiments[0].facts["live_parameters"] == live
    first, second = (one.identifier for one in small.experiments)
    assert found.runs == ((first, 0), (second, 0), (first, 1), (second, 1), (first, 2), (second, 2))
    assert found.figures[0]["experiments"] == [first]
    assert found.waiting == ("Atari",)
    assert found.module_folders == modules.folders()
    assert stored_names(tmp_path) == ["mine@smoke"]


def test_every_experiment_can_be_made_again_from_its_file(tmp_path, small):
    from sparserl import persistence
    from sparserl.experiment import Experiment

    store(tmp_path, small, "smoke")
    for one in small.experiments:
        document = persistence.read_experiment(tmp_path / one.identifier)
        assert Experiment.from_choices(document["choices"]) == one
        known = {"choices", "preset", "budget", "networks", "facts"}
        assert document.keys() == known | {"versions", "machine", "created"}


def test_a_stored_study_may_grow(tmp_path, small):
    store(tmp_path, small, "smoke")
    store(tmp_path, small, "smoke")
    more = dataclasses.replace(small, experiments=(experiment(sparsity=0.8), *small.experiments), num_seeds=4)
    store(tmp_path, more, "smoke")
    found = stored(tmp_path, "mine", "smoke")
    assert (len(found.experiments), found.num_seeds) == (3, 4)


def test_a_stored_study_never_shrinks(tmp_path, small):
    store(tmp_path, small, "smoke")
    with pytest.raises(UserError, match=r"num_seeds is 3 there and 2 here; choose another --output"):
        store(tmp_path, dataclasses.replace(small, num_seeds=2), "smoke")
    fewer = dataclasses.replace(small, experiments=small.experiments[1:], figures=())
    with pytest.raises(UserError, match=f"plans {small.experiments[0].identifier}, and here no experiment"):
        store(tmp_path, fewer, "smoke")
    changed = tuple(dataclasses.replace(one, total_steps=5_000) for one in small.experiments)
    with pytest.raises(UserError, match=r"choices.total_steps is 5000, there 100000"):
        store(tmp_path, dataclasses.replace(small, experiments=changed, figures=()), "smoke")
    assert stored(tmp_path, "mine", "smoke").num_seeds == 3


def test_a_study_that_is_not_there_is_told_with_its_nearest_names(tmp_path, small):
    store(tmp_path, small, "smoke")
    with pytest.raises(UserError, match=r"no study mime@smoke in .*; did you mean 'mine@smoke'"):
        stored(tmp_path, "mime", "smoke")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experiments": [{"identifier": "../../elsewhere"}]}, "another version"),
        (
            {"experiments": [StoredExperiment("../up", "", "", "", 0, 0, {})._asdict()]},
            "'../up'",
        ),
        ({"num_seeds": "many"}, "another version"),
        ({"figures": [3]}, "another version"),
    ],
)
def test_a_strange_study_file_is_one_line(tmp_path, small, change, message):
    from sparserl import persistence

    path = store(tmp_path, small, "smoke") / "study.json"
    persistence.write_document(path, {**persistence.read_document(path), **change})
    with pytest.raises(UserError, match=message) as caught:
        stored(tmp_path, "mine", "smoke")
    assert str(path) in str(caught.value)


def test_an_edited_study_file_is_refused(tmp_path, small):
    path = store(tmp_path, small, "smoke") / "study.json"
    path.write_text(path.read_text().replace('"num_seeds": 3', '"num_seeds": 1'))
    with pytest.raises(UserError, match="damaged or was edited"):
        stored(tmp_path, "mine", "smoke")


def test_reading_a_study_imports_no_experiment(tmp_path, small):
    store(tmp_path, small, "smoke")
    program = f"""
import sys
from sparserl.study.stored import stored
assert stored({str(tmp_path)!r}, "mine", "smoke").num_seeds == 3
sys.exit(any(name in sys.modules for name in ("sparserl.experiment", "sparserl.study.studies", "optax")))"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../up"}, "name is '../up'"),
        ({"name": ""}, "name is ''"),
        ({"question": " "}, "question is ' '"),
        ({"num_seeds": 0}, "num_seeds is 0: it takes a whole number, 1 to"),
        ({"num_seeds": 2.0}, "num_seeds is 2.0"),
        ({"num_seeds": True}, "num_seeds is True"),
        ({"experiments": ()}, "it must hold|at least one"),
        ({"experiments": []}, "experiments: it is of type list"),
        ({"experiments": ("dqn",)}, "experiments is 'dqn': it may hold Experiment only"),
        ({"figures": (Figure("a", "A", experiments=("elsewhere",)),)}, "shows elsewhere"),
        ({"figures": (Figure("a", "A"), Figure("a", "B"))}, "'a' twice"),
        (
            {"figures": (Figure("a", "A", x="budget", rows="no_such_thing"),)},
            r"^figure a, rows: unknown choice 'no_such_thing': choose agent, method, .*live_parameters",
        ),
        ({"figures": (Figure("a", "A", x="live_parametrs"),)}, "figure a, x: .*; did you mean 'live_parameters'?"),
        ({"figures": (Figure("a", "A", x="method.drop_fracton"),)}, "did you mean 'method.drop_fraction'?"),
        ({"figures": (Figure("a", "A", lines="network"),)}, "figure a, lines: .* 'network'"),
        ({"figures": (Figure("a", "A", y="final_retrun"),)}, "figure a, y: .*did you mean 'final_return'?"),
        ({"figures": (Figure("a", "A", x=""),)}, "figure a, x: unknown choice ''"),
        (
            {"preset": "published_code"},
            "preset is 'published_code': choose paper, published-code or sb3; did you",
        ),
        ({"budgets": {"elsewhere": None}}, "budgets has elsewhere"),
    ],
)
def test_a_study_that_cannot_be_run_is_refused(small, change, message):
    if change == {"experiments": ()}:
        change = {**change, "figures": (), "waiting": ()}
    with pytest.raises(UserError, match=message):
        dataclasses.replace(small, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": 5}, "x is 5: it takes a word"),
        ({"y": ["final_return"]}, r"y is \['final_return'\]: it takes a word"),
        ({"lines": None}, "lines is None: it takes a word"),
        ({"name": 3}, "name is 3: it takes a word"),
        ({"name": "a/b"}, "name is 'a/b': letters"),
        ({"kind": "pie"}, "kind is 'pie': choose lines"),
        ({"experiments": "abc"}, "experiments is 'abc': it takes a list of words"),
    ],
)
def test_a_figure_of_other_types_is_refused(change, message):
    with pytest.raises(UserError, match=message):
        Figure(**{"name": "a", "title": "A", **change})


def test_a_figure_of_diagnostics_may_have_networks_on_its_axes(small):
    figure = Figure("a", "A", "curves", x="environment_steps", y="signal_to_noise", rows="network", lines="sparsity")
    assert dataclasses.replace(small, figures=(figure,)).figures == (figure,)


def test_an_experiment_occurs_once_and_is_planned(small):
    with pytest.raises(UserError, match=r"experiments\[2\] is .*: it occurs twice"):
        dataclasses.replace(small, experiments=(*small.experiments, small.experiments[0]))
    unplanned = from_preset("dqn", "rigl", "CartPole-v1")
    with pytest.raises(UserError, match=r"experiments\[0\].storage is 'auto'"):
        dataclasses.replace(small, experiments=(unplanned,))
