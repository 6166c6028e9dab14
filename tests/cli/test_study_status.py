"""`study status`: what is known of a study's runs, read from their folders alone."""

import pytest

from cli.command import call
from sparserl import persistence
from sparserl.study.stored import StoredExperiment, study_folder

HERE, THERE = {"compiled_for": "znver4 1a", "jaxlib": "0.10.2"}, {"compiled_for": "haswell 2b", "jaxlib": "0.10.2"}


@pytest.fixture
def study(tmp_path):
    """A function that stores a study of one experiment, whose seeds were trained by these machine classes."""

    def store(*machines):
        name = "dqn-rigl-CartPole-v1-0.9-0000001a"
        entry = StoredExperiment(name, "dqn", "rigl", "CartPole-v1", 0.9, 1_000, {"q": 700})._asdict()
        for seed, machine in enumerate(machines):
            folder = persistence.RunId(name, seed).folder(tmp_path)
            persistence.write_status(folder, persistence.Status("interrupted", 500, machine=machine))
        document = {"name": "one", "scale": "smoke", "question": "Where?", "num_seeds": len(machines)}
        document |= {"experiments": [entry], "figures": [], "waiting": [], "diagnostics": False, "created": "now"}
        persistence.write_document(study_folder(tmp_path, "one", "smoke") / "study.json", document)
        return ("study", "status", "one", "--output", tmp_path)

    return store


def test_runs_of_several_machine_classes_are_told_as_reports_tell_them(capsys, study):
    words = study(HERE, THERE, None)
    line = call(capsys, *words, "--json").document()["machine_classes"]
    assert line.startswith("seeds of dqn-rigl-CartPole-v1-0.9-0000001a (compiled_for znver4 1a and haswell 2b) were")
    assert line in call(capsys, *words).out.splitlines()


def test_of_one_machine_class_nothing_is_told(capsys, study):
    words = study(HERE, HERE, None)
    assert call(capsys, *words, "--json").document()["machine_classes"] is None
    assert "machine classes" not in call(capsys, *words).out
