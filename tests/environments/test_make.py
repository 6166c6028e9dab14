"""Names: what `make` gives for them, which there are, and the one line for those that nobody knows."""

import importlib.util
import sys

import gymnasium
import pytest

from sparserl.environments import DEFAULT_TASKS, TASKS, ClassicEnvironment, HostEnvironment, environment_names, make
from sparserl.types import UserError


def test_backends():
    assert isinstance(make("CartPole-v1", 2), ClassicEnvironment)
    assert isinstance(make("CartPole-v1", 2, "compiled"), ClassicEnvironment)
    assert isinstance(make("CartPole-v1", 2, "host"), HostEnvironment)
    assert make("CartPole-v1", 2).num_envs == make("CartPole-v1", 2, "host").num_envs == 2


def test_pendulum_is_compiled_only_where_that_is_asked_for():
    """An experiment's id holds the word `auto`, and results of Gymnasium's Pendulum are stored under such ids."""
    assert isinstance(make("Pendulum-v1", 2), HostEnvironment)
    assert isinstance(make("Pendulum-v1", 2, "auto"), HostEnvironment)
    assert isinstance(make("Pendulum-v1", 2, "compiled"), ClassicEnvironment)
    assert set(TASKS) - set(DEFAULT_TASKS) == {"Pendulum-v1"}


@pytest.mark.parametrize("identifier", TASKS)
def test_both_backends_have_one_spec(identifier):
    assert make(identifier, 1, "compiled").spec == make(identifier, 1, "host").spec


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("Acrobt-v1", 1), r"'Acrobt-v1': it is not registered in Gymnasium; .*; did you mean 'Acrobot-v1'\?$"),
        (("cartpole-v1", 1), r"'cartpole-v1': it is not registered in Gymnasium; .*; did you mean 'CartPole-v1'\?$"),
        (("CartPole", 1), r"'CartPole': .*; did you mean 'CartPole-v1' or 'CartPole-v0'\?$"),
        (("MountainCar-v7", 1), r"'MountainCar-v7': .*; did you mean 'MountainCar-v0'\?$"),
        (("!!!", 1), r"'!!!': it is not registered in Gymnasium; `sparserl environments` lists"),
        (("", 1), r"'': it is not registered in Gymnasium"),
        (("no_such_module:Env-v0", 1), r"module 'no_such_module' cannot be imported: .*No module named"),
        (("a:b:c", 1), r"module 'a:b' cannot be imported"),
        (
            ("Pendulum-v0", 1, "compiled"),
            r"'Pendulum-v0': it is not a compiled one; .*'host'.* did you mean 'Pendulum-v1'",
        ),
        (("CartPole-v1", 1, "gpu"), r"backend is 'gpu': choose auto, compiled or host"),
        (("CartPole-v1", 0), r"num_envs is 0: at least 1"),
        (("Pendulum-v1", -1), r"num_envs is -1: at least 1"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, line):
    with pytest.raises(UserError, match=line) as caught:
        make(*arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["mujoco", "imageio"])
def test_a_missing_package_is_named_with_what_installs_it(missing, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("gymnasium.envs.mujoco", missing))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    line = r"^environment is 'Ant-v5': it needs a package that is not installed: pip install 'sparserl\[mujoco\]'$"
    with pytest.raises(UserError, match=line):
        make("Ant-v5", 1)


def test_names_are_compiled_first_newest_only_and_can_be_made():
    names = environment_names()
    assert names[: len(DEFAULT_TASKS)] == DEFAULT_TASKS
    assert len(set(names)) == len(names)
    assert {"Pendulum-v1", "MountainCarContinuous-v0"} <= set(names)
    assert not {"CartPole-v0", "Ant-v4", "Ant-v2", "GymV21Environment-v0", "Taxi-v4", "tabular/CliffWalking-v0"} & set(
        names
    )
    for name in names:
        if name.split("-")[0] in ("Pendulum", "MountainCarContinuous", "CartPole"):
            make(name, 1)


@pytest.mark.parametrize(("package", "name"), [("mujoco", "Ant-v5"), ("Box2D", "LunarLander-v3")])
def test_names_follow_the_packages_that_are_there(package, name, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda wanted: None if wanted == package else find(wanted))
    monkeypatch.delitem(sys.modules, package, raising=False)
    assert name not in environment_names()
    monkeypatch.setattr(importlib.util, "find_spec", lambda wanted: object() if wanted == package else find(wanted))
    assert name in environment_names()


def test_what_a_user_registers_is_listed():
    gymnasium.register("Mine-v2", entry_point=lambda: None)
    try:
        assert "Mine-v2" in environment_names()
    finally:
        del gymnasium.registry["Mine-v2"]
