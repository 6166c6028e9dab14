"""`sparserl push`: the model folder of a finished run, and mistakes that are told before anything is computed."""

import json
import os

import pytest
from huggingface_hub import ModelCard

from cli.command import call

FEW = ("--num-observations", "200", "--num-episodes", "2")


@pytest.fixture
def run(trained):
    return trained.folder / "seed=3"


@pytest.mark.slow
def test_the_folder_is_written_without_network(capsys, run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody is there
    (run / "video.gif").write_bytes(b"GIF89a")
    folder = tmp_path / "made" / "model"
    result = call(capsys, "push", run, "--hub", "owner/name", "--folder", folder, *FEW, "--json")
    (run / "video.gif").unlink()
    assert (result.status, result.err) == (0, "")
    document = result.document()
    assert document["files"] == sorted(os.listdir(folder))
    assert {"README.md", "contract.json", "policy.safetensors", "replay.gif"} <= set(document["files"])
    assert document["bytes"] == sum(file.stat().st_size for file in folder.iterdir())
    assert (document["directory"], document["address"]) == (str(folder), None)
    card = ModelCard.load(folder / "README.md")
    assert card.data.eval_results[0].metric_value == document["returns"]["written"]["mean"]
    assert card.data.eval_results[0].dataset_name == "CartPole-v1"
    assert json.loads((folder / "contract.json").read_text())["training"]["seed"] == 3
    assert os.listdir(folder.parent) == ["model"]
    again = call(capsys, "push", run, "--folder", folder)
    assert (again.status, again.err) == (
        2,
        f"sparserl: --folder is '{folder}': it is not empty: choose another folder\n",
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "RUN is missing"),
        (("RUN", "RUN", "--folder", "model"), "one run at a time is pushed"),
        (("RUN",), "say where to: --hub owner/name uploads, --folder DIR writes the folder alone"),
        (("RUN", "--hub", "name"), "--hub is 'name': a repository is called owner/name"),
        (("RUN", "--hub", "a/b/c", "--folder", "model"), "--hub is 'a/b/c': a repository is called owner/name"),
        (("RUN", "--folder", "model", "--num-episodes", "0"), "--num-episodes is 0: it must lie in 1 to 10,000"),
        (("nothing/seed=0", "--folder", "model"), "no run 'nothing/seed=0'"),
        (("RUN", "--folder", "FILE"), "it is a file or a link: choose another folder"),
    ],
)
def test_mistakes_are_told_in_one_line(capsys, run, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").touch()
    result = call(capsys, "push", *(run if word == "RUN" else word for word in words))
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert told in result.err
    assert os.listdir(tmp_path) == ["FILE"]
