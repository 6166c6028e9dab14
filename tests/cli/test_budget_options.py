"""`--budget` and `--actor-share`: what describe shows of them, and that they stand for sparsities or widths."""

import importlib.util

import pytest

from cli.command import call
from sparserl import persistence

SAC = ("--environment", "Pendulum-v1")
PARAMETERS = {"actor": 67_330, "critic_1": 67_329, "critic_2": 67_329}  # 3 x 256 x 256 x 2 and 4 x 256 x 256 x 1


def described(capsys, *words):
    result = call(capsys, "describe", "sac", *words, "--json")
    assert (result.status, result.err) == (0, "")
    return result.document()


@pytest.mark.parametrize("method", ["rigl", "dense"])
def test_asked_and_realised_parameters(method, capsys):
    document = described(capsys, method, *SAC, "--budget", "0.2", "--actor-share", "0.1")
    budget = 0.2 * sum(PARAMETERS.values())
    assert {name: facts["asked_parameters"] for name, facts in document["networks"].items()} == pytest.approx(
        {"actor": 0.1 * budget, "critic_1": 0.45 * budget, "critic_2": 0.45 * budget}
    )
    for facts in document["networks"].values():
        near = 5 if method == "rigl" else 0.03 * facts["asked_parameters"]  # widths are whole numbers
        assert abs(facts["live_parameters"] - facts["asked_parameters"]) < near
    assert document["split"]["actor"] == pytest.approx(0.1, abs=2e-3)
    assert sum(document["split"].values()) == pytest.approx(1)
    assert document["networks"]["actor"]["share_of_live_parameters"] == document["split"]["actor"]


def test_without_a_budget_nothing_is_asked(capsys):
    networks = described(capsys, "rigl", *SAC)["networks"]
    assert all("asked_parameters" not in facts for facts in networks.values())
    dqn = call(capsys, "describe", "dqn", "rigl", "--environment", "CartPole-v1", "--json").document()
    assert dqn["split"] is None


def test_table_says_the_same(capsys):
    words = ("describe", "sac", "rigl", *SAC, "--budget", "0.2", "--actor-share", "0.1")
    facts = call(capsys, *words, "--json").document()["networks"]["actor"]
    out = call(capsys, *words).out
    row = next(line for line in out.splitlines() if line.startswith("actor "))
    assert row.split() == ["actor", "4,039.8", f"{facts['live_parameters']:,}", "10.0%"]
    assert "actor : critics = 10 : 90 of the live parameters" in out
    assert "actor :" not in call(capsys, "describe", "dqn", "rigl", "--environment", "CartPole-v1").out


@pytest.mark.skipif(importlib.util.find_spec("mujoco") is None, reason="mujoco is not installed")
def test_the_split_of_the_paper(capsys):
    out = call(capsys, "describe", "sac", "dense", "--environment", "HalfCheetah-v5").out
    assert "actor : critics = 34 : 66" in out


def test_a_budget_stands_for_choices_that_one_can_type(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("sparserl.study.run_all", lambda *_, **__: [])

    def trained(method, *words):
        result = call(capsys, "train", "sac", method, *SAC, *words, "--output", tmp_path, "--json")
        assert result.status == 0, result.err
        identifier = result.document()["experiment_id"]
        return identifier, persistence.read_experiment(tmp_path / identifier)

    identifier, document = trained("rigl", "--budget", "0.2", "--actor-share", "0.1")
    asked = document["budget"]["asked_parameters"]
    assert document["budget"] == {"budget_fraction": 0.2, "actor_share": 0.1, "asked_parameters": asked}
    assert sum(asked.values()) == pytest.approx(0.2 * sum(PARAMETERS.values()))
    given = {f"--{name.replace('_', '-')}": document["choices"][name] for name in ("actor_sparsity", "critic_sparsity")}
    typed = [word for option in given.items() for word in option]
    assert trained("rigl", "--sparsity", "0.8", *typed)[0] == identifier
    assert identifier.startswith("sac-rigl-Pendulum-v1-0.8-")

    identifier, document = trained("dense", "--budget", "0.2", "--actor-share", "0.1")
    widths = document["choices"]["network"]["hidden_units"], document["choices"]["critic_hidden_units"]
    assert widths[0][0] < widths[1][0] < 256
    by_hand = ["--network.hidden-units", *widths[0], "--critic-hidden-units", *widths[1]]
    same, document = trained("dense", *by_hand)
    assert same == identifier
    whole, document = trained("dense", "--budget", "1")
    plain, _ = trained("dense", "--actor-sparsity", "0.3", "--critic-sparsity", "0.4")
    assert plain == whole
    assert (document["choices"]["network"]["hidden_units"], document["choices"]["sparsity"]) == ([256, 256], 0.0)


@pytest.mark.processes
def test_no_budget_is_recorded_where_none_was_asked_for(trained):
    assert persistence.read_experiment(trained.folder)["budget"] is None


def test_sparse_networks_of_other_widths_may_have_a_budget(capsys):
    words = ("--network.hidden-units", "64", "64", "--budget", "0.3")
    networks = described(capsys, "set", *SAC, *words)["networks"]
    dense = {"actor": 3 * 64 + 64 * 64 + 64 * 2 + 130, "critic_1": 4 * 64 + 64 * 64 + 64 + 129}
    for name, count in dense.items():
        assert networks[name]["parameters"] == count
    assert sum(facts["live_parameters"] for facts in networks.values()) == pytest.approx(
        0.3 * (dense["actor"] + 2 * dense["critic_1"]), abs=12
    )
