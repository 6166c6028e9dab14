"""`sparserl export` and `sparserl.load`: what a finished run gives, and every mistake in one line, leaving nothing."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

import sparserl
from cli.command import call
from sparserl import persistence
from sparserl.deploy import formats
from sparserl.errors import UserError
from sparserl.experiment import describe, stored_experiment

FEW = ("--num-observations", "200", "--num-episodes", "2", "--card-seconds", "0")
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def run(trained):
    return trained.folder / "seed=3"


@pytest.mark.slow
def test_a_policy_is_written_verified_and_told(capsys, run, tmp_path, monkeypatch):
    output = tmp_path / "made" / "policy"
    result = call(capsys, "export", run, "--format", "safetensors", "--output", output, *FEW, "--json")
    assert (result.status, result.err) == (0, "")
    document = result.document()
    assert (
        document["files"]
        == sorted(os.listdir(output))
        == ["card.json", "card.md", "contract.json", "policy.safetensors"]
    )
    assert document["bytes"] == sum(path.stat().st_size for path in output.iterdir())
    assert (document["largest_difference"], document["action_agreement"]) == (0.0, 1.0)
    assert document["num_observations"] == 200
    returns = document["returns"]
    assert returns["num_episodes"] == returns["num_equal"] == 2
    assert returns["original"] == returns["written"]
    contract = json.loads((output / "contract.json").read_text())
    assert [each["name"] for each in contract["observation"]["features"]][2] == "pole angle from upright"
    assert contract["timing"]["time_step_seconds"] == 0.02
    assert contract["training"]["seed"] == 3
    assert contract["training"]["total_steps"] == 300
    policy_block, *_ = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "deploy.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    namespace = {}
    exec(policy_block.replace("results/EXPERIMENT/seed=0", str(run)), namespace)
    assert int(namespace["action"]) in (0, 1)
    live = {layer["name"]: layer["live_weights"] for layer in contract["layers"]}
    described = describe(stored_experiment(run))["networks"]["q"]["layers"]
    assert live == {layer["name"]: layer["live_weights"] for layer in described}
    again = call(capsys, "export", run, "--format", "safetensors", "--output", output, *FEW)
    assert again.status == 2
    assert again.err == f"sparserl: --output is {str(output)!r}: it is not empty: choose another folder\n"


@pytest.mark.slow
def test_what_was_written_wrong_leaves_nothing_and_ends_in_1(capsys, run, tmp_path, monkeypatch):
    kind = formats.FORMATS["safetensors"]

    def spoilt(policy, folder, choices, recorded):
        kind.write(policy, folder, choices, recorded)
        path = folder / "policy.safetensors"
        content = path.read_bytes()
        path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])

    monkeypatch.setitem(formats.FORMATS, "safetensors", kind._replace(write=spoilt))
    result = call(capsys, "export", run, "--format", "safetensors", "--output", tmp_path / "a" / "policy", *FEW)
    assert result.status == 1
    assert re.fullmatch(
        r"sparserl: verification failed, and nothing was written: .* holds other values of .*\n", result.err
    )
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "RUN is missing"),
        (("RUN", "RUN"), "one run at a time is exported"),
        (("RUN", "--output", "out"), "--format is missing: choose "),
        (("RUN", "--format", "safetensors"), "--output is missing"),
        (("RUN", "--format", "safetensor", "--output", "out"), "did you mean 'safetensors'"),
        (
            ("RUN", "--format", "safetensors", "--output", "out", "--weights", "int8"),
            "--weights is 'int8': format",
        ),
        (("RUN", "--format", "safetensors", "--output", "out", "--onnx-weights", "dense"), "has no such choice"),
        (
            ("RUN", "--format", "safetensors", "--output", "out", "--num-episodes", "0"),
            "--num-episodes is 0: it must lie in 1 to 10,000",
        ),
        (("nothing/seed=0", "--format", "safetensors", "--output", "out"), "no run 'nothing/seed=0'"),
    ],
)
def test_mistakes_are_told_in_one_line(capsys, run, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    result = call(capsys, "export", *(run if word == "RUN" else word for word in words))
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert told in result.err
    assert os.listdir(tmp_path) == []


def test_runs_that_have_no_policy_are_refused(run, tmp_path):
    folder = tmp_path / "experiment"
    shutil.copytree(run.parent, folder)
    copy = folder / "seed=3"
    weights = copy / "checkpoint" / "arrays.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UserError, match=r"arrays.safetensors is damaged: its content does not match its checksum"):
        sparserl.load(copy)
    status = persistence.read_status(copy)
    for word in ("running", "failed", "diverged", "interrupted"):
        persistence.write_status(copy, status._replace(status=word))
        with pytest.raises(UserError, match=f"has not finished, it is {word}: train it to its end first"):
            sparserl.load(copy)
    persistence.write_status(copy, status._replace(name="another/seed=3"))
    with pytest.raises(UserError, match=r"holds .*/seed=3, and .*status\.json is that of another/seed=3: put its own"):
        sparserl.load(copy)
    persistence.write_status(copy, status)
    shutil.rmtree(copy / "checkpoint")
    with pytest.raises(UserError, match="has finished, and its policy is not whole"):
        sparserl.load(copy)
