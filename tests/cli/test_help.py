"""What a newcomer asks first: help at each level, the version, the lists."""

import importlib.metadata
import itertools
import subprocess
import sys

import pytest

import sparserl
from cli.command import call
from sparserl import bench
from sparserl.cli import COMMANDS
from sparserl.cli import bench as bench_command

METHODS = ["dense", "prune", "static", "set", "rigl", "rigl-inverted", "snip"]


def test_help_names_every_command(capsys):
    result = call(capsys, "--help")
    assert (result.status, result.err) == (0, "")
    for name in COMMANDS:
        assert f"\n  {name} " in result.out
    assert call(capsys).status == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_an_example(command, capsys):
    result = call(capsys, command, "--help")
    assert (result.status, result.err) == (0, "")
    assert f"usage: sparserl {command}" in result.out
    assert f"example:\n  sparserl {command}" in result.out


def test_help_of_train_has_every_choice_with_the_preset_as_default(capsys):
    words = ("train", "dqn", "rigl", "--environment", "CartPole-v1", "--preset", "published-code", "--help")
    out = " ".join(call(capsys, *words).out.replace("\u2502", " ").split())
    options = [
        "--sparsity",
        "--num-seeds",
        "--agent.batch-size",
        "--method.window.stop-fraction",
        "--network.hidden-units",
    ]
    for option in [
        *options,
        "--optimizer.name",
        "--evaluation.interval-steps",
        "--layer-sparsities",
        "--output",
        "--json",
    ]:
        assert f" {option} " in out
    assert (
        "--method.window.stop-fraction FLOAT part of all updates after which it changes no more (default: 0.75)" in out
    )


PIXELS = ("--environment", "MinAtar/Breakout-v1", "--network")
TRAINED = [
    ("dqn", "rigl", *PIXELS, "cnn"),
    ("dqn", "set", *PIXELS, "resnet"),
    ("sac", "rigl-inverted"),
    ("ppo", "prune"),
]


@pytest.mark.parametrize("words", TRAINED, ids=" ".join)
def test_every_option_of_train_says_what_it_is(words, capsys):
    lines = [line.strip("\u2502 ") for line in call(capsys, "train", *words, "--help").out.splitlines()]
    heads = ("--", "orthogonal}")  # the second: where the longest list of choices goes on
    untold = [line for line, after in itertools.pairwise(lines) if line.startswith(heads) and after[:9] == "(default:"]
    assert untold == []


@pytest.mark.parametrize("name", bench.BENCHES)
def test_help_of_each_bench_has_an_example_of_its_own_that_parses(name, capsys):
    line = call(capsys, "bench", name, "--help").out.partition("example:\n")[2].splitlines()[0]
    program, command, *words = line.split()
    assert (program, command, words[0]) == ("sparserl", "bench", name)
    assert bench_command._read(name, words[1:])


def test_methods_without_choices_show_none(capsys):
    assert "--method." not in call(capsys, "train", "dqn", "static", "--help").out


def test_version(capsys):
    version = importlib.metadata.version("sparserl")
    assert call(capsys, "--version").out == f"sparserl {version}\n"
    assert sparserl.__version__ == version


def test_methods(capsys):
    assert [line.split()[0] for line in call(capsys, "methods").out.splitlines()[2:9]] == METHODS
    document = call(capsys, "methods", "--json").document()
    by_name = {method["name"]: method for method in document["methods"]}
    assert list(by_name) == METHODS
    assert by_name["rigl"]["options"] == [
        "--method.window.start-fraction",
        "--method.window.stop-fraction",
        "--method.window.interval-updates",
        "--method.drop-fraction",
    ]


def test_environments(capsys, monkeypatch):
    from sparserl.cli import environments

    made = list(environments._environments())
    monkeypatch.setattr(environments, "_environments", lambda: made)  # once for both
    found = {row["name"]: row for row in call(capsys, "environments", "--json").document()["environments"]}
    assert found["CartPole-v1"] == {
        "name": "CartPole-v1",
        "agents": ["dqn", "ppo"],
        "runs": "compiled",
        "observation_shape": [4],
        "num_actions": 2,
        "action_shape": None,
        "time_limit_steps": 500,
    }
    assert {"Acrobot-v1", "MountainCar-v0"} <= found.keys()
    assert (found["Pendulum-v1"]["agents"], found["Pendulum-v1"]["action_shape"]) == (["sac", "ppo"], [1])
    assert found["MinAtar/Breakout-v1"]["agents"] == ["dqn"]  # images; ppo and sac refuse them
    assert {**found["atari:Pong"], "name": None} == {
        "name": None,
        "agents": ["dqn"],
        "runs": "host",
        "observation_shape": [84, 84, 4],
        "num_actions": None,
        "action_shape": None,
        "time_limit_steps": 27_000,
    }
    printed = call(capsys, "environments").out
    assert "MountainCar-v0" in printed
    assert "MsPacman, NameThisGame" in printed


def test_public_names():
    for name in sparserl.__all__:
        assert getattr(sparserl, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'describ'"):
        _ = sparserl.describ


def test_help_imports_nothing_heavy():
    code = "import sys, sparserl.cli; sparserl.cli.main(['--help']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "sparserl.cli" in loaded
    assert not {"jax", "numpy", "tyro", "gymnasium", "matplotlib"} & set(loaded)
