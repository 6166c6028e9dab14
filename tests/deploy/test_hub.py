"""Models for Hugging Face: what the hub's own library reads on their page, and uploads that do or do not happen."""

from types import SimpleNamespace
from unittest.mock import create_autospec

import pytest
import yaml
from huggingface_hub import HfApi, ModelCard
from huggingface_hub.errors import LocalTokenNotFoundError

from deploy.small_policies import perceptron
from sparserl.deploy import hub
from sparserl.deploy.exporting import contract_document
from sparserl.deploy.model_page import page
from sparserl.types import UserError

TRAINING = {"agent": "dqn", "method": "rigl", "environment": "atari:Pong", "sparsity": 0.95}
RETURNS = {"mean": 1e-05, "standard_deviation": 2.5, "num_episodes": 20}


@pytest.fixture
def contract():
    policy = perceptron()
    return contract_document(policy._replace(contract=policy.contract._replace(training=TRAINING)))


def test_the_hub_reads_the_page(contract):
    card = ModelCard(page("owner/a-name", contract, RETURNS, "# A card\n\n## Network\n", "replay.gif"))
    assert card.data.library_name == "sparserl"
    assert {"reinforcement-learning", "atari-Pong", "dqn", "rigl"} <= set(card.data.tags)
    assert card.data.model_name == "a-name"
    mean, deviation = card.data.eval_results
    assert (mean.metric_type, mean.metric_value) == ("mean_reward", 1e-05)
    assert (deviation.metric_type, deviation.metric_value) == ("std_reward", 2.5)
    assert (mean.task_type, mean.dataset_type, mean.dataset_name) == ("reinforcement-learning", *["atari:Pong"] * 2)
    for told in ("# dqn rigl at 95 % on atari:Pong\n", "![An episode](replay.gif)", "weights alive. In 20 episodes"):
        assert told in card.text
    assert "\n## A card\n\n### Network\n" in card.text
    assert 'snapshot_download("owner/a-name")' in card.text


@pytest.mark.parametrize("value", [1e-05, 1e16, -3.0, 0.1, -2.5e-300])
def test_numbers_of_the_page_are_numbers_in_yaml(contract, value):
    head = page(None, contract, RETURNS | {"mean": value}, "", None).split("---\n")[1]
    [result] = yaml.safe_load(head)["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == value


@pytest.mark.parametrize(
    "name", ["name", "a/b/c", "/b", "a/", "a/b--c", "a/-b", "a/b.", "a b/c", "a/b.git", f"a/{'b' * 95}", "ä/b", "a/b\n"]
)
def test_names_that_the_hub_does_not_have_are_refused(name):
    with pytest.raises(UserError, match=r"^hub is "):
        hub.check_name(name)


def test_names_that_the_hub_has():
    for name in ("owner/name", "o/n", "my-org_1/dqn.rigl-0.95", f"a/{'b' * 94}"):
        hub.check_name(name)


@pytest.fixture
def api():
    """The hub's own interface, as far as its arguments go; nothing is sent."""
    made = create_autospec(HfApi, instance=True)
    made.create_repo.return_value = "https://huggingface.co/owner/name"
    return made


@pytest.fixture
def made(monkeypatch):
    """Exports that are done at once, into the folder that they are asked for."""

    def write_folder(run, folder, name, work, say):
        folder.mkdir()
        for file in ("README.md", "policy.safetensors"):
            (folder / file).write_text(name)
        return SimpleNamespace(folder=folder, num_bytes=20)

    monkeypatch.setattr(hub, "write_folder", write_folder)


def pushed(api, name="owner/name"):
    return hub.push("run", name, True, hub.Work(), lambda line: None, api)


def test_all_files_are_one_commit(api, made):
    _, address = pushed(api)
    assert address == "https://huggingface.co/owner/name"
    api.create_repo.assert_called_once_with("owner/name", private=True, exist_ok=True)
    [call] = api.create_commit.call_args_list
    assert [operation.path_in_repo for operation in call.args[1]] == ["README.md", "policy.safetensors"]


def test_what_is_missing_is_told_before_anything_is_made(api, monkeypatch):
    api.whoami.side_effect = LocalTokenNotFoundError("a\nb")
    with pytest.raises(UserError, match=r"^no token of Hugging Face is here: `hf auth login` stores one"):
        pushed(api)
    api.whoami.side_effect = ConnectionError("no such host\nmore")
    with pytest.raises(UserError, match=r"^Hugging Face cannot be reached: no such host; --folder DIR does without$"):
        pushed(api)
    monkeypatch.setattr(hub.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^uploading needs huggingface_hub: pip install 'sparserl\[hub\]'$"):
        pushed(api)
    assert not api.create_repo.called
    assert not api.create_commit.called


def test_a_refused_upload_is_told_in_one_line(api, made):
    api.create_commit.side_effect = ValueError("403 Forbidden\nmore")
    with pytest.raises(hub.UploadFailure, match=r"^owner/name was not uploaded: 403 Forbidden$"):
        pushed(api)
    assert not api.delete_repo.called  # it was there before


def test_a_repository_that_was_made_for_a_refused_upload_is_removed(api, made):
    api.repo_exists.return_value = False
    pushed(api)
    api.create_repo.assert_called_once_with("owner/name", private=True, exist_ok=False)
    assert not api.delete_repo.called
    for stopped, raised in ((ValueError("403 Forbidden"), hub.UploadFailure), (KeyboardInterrupt, KeyboardInterrupt)):
        api.delete_repo.reset_mock()
        api.create_commit.side_effect = stopped
        with pytest.raises(raised, match=r"^(owner/name was not uploaded: 403 Forbidden)?$"):
            pushed(api)
        api.delete_repo.assert_called_once_with("owner/name")


def test_a_repository_that_cannot_be_removed_is_named(api, made):
    api.repo_exists.return_value = False
    api.create_commit.side_effect, api.delete_repo.side_effect = ValueError("500\nx"), ValueError("403\nno")
    address = "https://huggingface.co/owner/name"
    told = rf"^owner/name was not uploaded: 500; the empty repository {address} is left \(403\): delete it there$"
    with pytest.raises(hub.UploadFailure, match=told):
        pushed(api)


def test_a_repository_that_somebody_made_meanwhile_is_left_alone(api, made):
    api.repo_exists.return_value, api.create_repo.side_effect = False, ValueError("409 Conflict")
    with pytest.raises(hub.UploadFailure, match=r"^owner/name was not uploaded: 409 Conflict$"):
        pushed(api)
    assert not api.create_commit.called
    assert not api.delete_repo.called
