"""Contracts: what environments and their manuals say of the numbers that go in and come out."""

import json
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest

from sparserl.deploy import features
from sparserl.deploy.contract import as_json
from sparserl.deploy.describing import contract_of
from sparserl.types import Box, Discrete, EnvSpec


def described(name, spec, decision="greatest", **choices):
    experiment = SimpleNamespace(environment=name, fake_features=0.0, **choices)
    document = as_json(contract_of(experiment, spec, decision, None, 1e9, 1.0, (), {}))
    return json.loads(json.dumps(document, allow_nan=False))


def test_classic_control_has_names_units_and_a_time_step():
    spec = EnvSpec("Acrobot-v1", (6,), np.dtype(np.float32), Discrete(3), 500)
    document = described("Acrobot-v1", spec)
    assert [each["place"] for each in document["observation"]["features"]] == list(range(6))
    assert document["observation"]["features"][5]["unit"] == "rad/s"
    assert document["observation"]["low"][:4] == [-1.0] * 4
    assert document["action"]["names"][0]["name"] == "torque of -1"
    assert document["timing"] == {
        "environment": "Acrobot-v1",
        "time_step_seconds": 0.2,
        "frame_skip": None,
        "time_limit_steps": 500,
    }


def test_mujoco_has_the_names_of_its_joints_and_motors():
    pytest.importorskip("mujoco")
    box = Box((6,), np.full(6, -1, np.float32), np.full(6, 1, np.float32))
    document = described("HalfCheetah-v5", EnvSpec("HalfCheetah-v5", (17,), np.dtype(np.float32), box, 1000), "tanh")
    names = [each["name"] for each in document["observation"]["features"]]
    assert names[:2] == ["rootz position", "rooty angle"], "x is left out"
    assert names[8] == "rootx velocity"
    assert names[-1] == "ffoot angular velocity"
    assert document["observation"]["low"] is None, "no bound, of any of them"
    assert document["action"]["names"][0]["name"] == "bthigh"
    assert (document["timing"]["time_step_seconds"], document["timing"]["frame_skip"]) == (pytest.approx(0.05), 5)


@pytest.mark.thorough
def test_names_of_mujoco_are_as_many_as_the_numbers():
    pytest.importorskip("mujoco")
    for name in ("Ant-v5", "Humanoid-v5", "Hopper-v5", "Walker2d-v5", "InvertedDoublePendulum-v5"):
        environment = gymnasium.make(name).unwrapped
        known = features.of_observations(name, environment, environment.observation_space.shape[0])
        assert known is None or len({each.name for each in known}) == len(known)
        assert len(features.of_actions(name, environment, environment.action_space.shape[0])) > 0
        environment.close()


def test_what_is_not_known_is_null_and_where_it_can_be_looked_up_is_told():
    spec = EnvSpec("MinAtar/Breakout-v1", (10, 10, 4), np.dtype(np.bool_), Discrete(3), None)
    document = described("MinAtar/Breakout-v1", spec)
    assert document["observation"]["features"] is None
    assert (document["observation"]["low"], document["observation"]["high"]) == (0.0, 1.0)
    assert document["observation"]["meaning"] == "of MinAtar/Breakout-v1"
    assert document["timing"]["time_step_seconds"] is None


def test_an_environment_whose_attributes_mean_something_else_does_no_harm():
    class Odd(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-1, 1, (3, 4, 2), np.float64)
        action_space = gymnasium.spaces.Discrete(2, start=7)
        frame_skip, model, observation_structure = "two", 5, {"qpos": 1, "qvel": 2}

        @property
        def dt(self):
            raise RuntimeError("not yet")

    gymnasium.register("DeployOdd-v0", Odd)
    document = described("DeployOdd-v0", EnvSpec("DeployOdd-v0", (3, 4, 2), np.dtype(np.float32), Discrete(2), None))
    assert document["action"]["first_action"] == 7
    assert (document["timing"]["time_step_seconds"], document["timing"]["frame_skip"]) == (None, None)
    assert "shows float64, which becomes float32" in document["observation"]["meaning"]
    assert document["observation"]["low"] == -1.0
