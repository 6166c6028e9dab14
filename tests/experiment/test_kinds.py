"""Agents as entries: one that no module knows is trained, described, resumed and reported by its entry alone."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sparserl
from sparserl import persistence, report
from sparserl.experiment import (
    AGENTS,
    AgentKind,
    Experiment,
    agents_for,
    describe,
    from_preset,
    plan_of,
    planned,
    policy_arrays,
    run,
)
from sparserl.experiment.stored import rebuild
from sparserl.networks import MLP, MLPSettings
from sparserl.persistence import EVALUATIONS
from sparserl.presets import Preset
from sparserl.sparsity import InnerOptimizer, Window, find_method
from sparserl.training import EvaluationSettings
from sparserl.types import Acting, Group, UserError

pytestmark = pytest.mark.slow


@dataclasses.dataclass(frozen=True)
class ToySettings:
    """Of a policy that makes rewarded actions likelier."""

    batch_size: int = 10
    warmup_steps = 0

    @property
    def steps_per_update(self):
        return self.batch_size

    def num_updates(self, num_steps, num_envs=1):
        return num_steps // self.batch_size

    def updates_per_rollout(self, num_envs):
        return 1


class ToyState(NamedTuple):
    groups: dict[str, Group]
    replay: None = None


@dataclasses.dataclass(frozen=True)
class Toy:
    settings: ToySettings
    network: Any
    optimizer: Any

    @property
    def steps_per_update(self):
        return self.settings.steps_per_update

    def num_updates(self, num_steps):
        return self.settings.num_updates(num_steps)

    def init(self, key):
        keys = jax.random.split(key)
        params = {"policy": self.network.init(keys[0])}
        return ToyState({"policy": self.optimizer.init(keys[1], params, with_target=False)})

    def explore(self, key, num_steps, state, observation):
        logits = self.network.apply(state.groups["policy"].params["policy"], observation)
        return jax.random.categorical(key, logits).astype(jnp.int32)

    def exploit(self, key, state, observation):
        return self.network.apply(state.groups["policy"].params["policy"], observation).argmax(-1).astype(jnp.int32)

    def acting(self, state):
        return Acting("policy", "policy", self.network, "greatest")

    def update(self, key, num_steps, state, rollout):
        def loss(params):
            chances = jax.nn.log_softmax(self.network.apply(params["policy"], rollout.observation))
            chosen = jnp.take_along_axis(chances, jnp.expand_dims(rollout.action, -1), -1)[..., 0]
            value = -(chosen * rollout.reward).mean()
            return value, {"loss": value}

        number = self.settings.num_updates(num_steps) - 1
        group, metrics = self.optimizer.minimize(key, number, loss, state.groups["policy"])
        return state._replace(groups={"policy": group}), metrics


def table(method, preset, environment, network=None):
    return Preset(
        agent=ToySettings(),
        method=find_method(method)(window=Window(0.0, 0.8, 5)),
        network=MLPSettings((16,)),
        optimizer=InnerOptimizer(),
        weight_decay=1e-4,
        decayed_layers="all",
        sparsity_aware_initialization=True,
        total_steps=400,
        evaluation=EvaluationSettings(interval_steps=100, num_episodes=2, max_episode_steps=40),
    )


def networks(settings, spec, network, critic):
    return {"policy": {"policy": MLP(network, spec.observation_shape, spec.action.num_actions)}}


def make(settings, spec, networks, optimizers, num_envs):
    return Toy(settings, networks["policy"]["policy"], optimizers["policy"])


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(AGENTS, "toy", AgentKind(ToySettings, table, "CartPole-v1", networks, make))
    return planned(from_preset("toy", "rigl", "CartPole-v1", sparsity=0.5, distribution="uniform", storage="masked"))


def train(experiment, checkpoint=None, stop_steps=math.inf, folder=None):
    """The rows and arrays of a run, and its checkpoint at `stop_steps`."""
    rows = []
    for told in run(experiment, 0, checkpoint=checkpoint):
        rows += [told.evaluation] if told.evaluation else []
        if told.environment_steps >= stop_steps:
            attempt, captured = persistence.claim(folder), told.capture()
            content = (captured.arrays, captured.document, captured.ring)
            persistence.write_generation(attempt, persistence.Kept(), told.environment_steps, *content)
            attempt.release()
            return rows, policy_arrays(told.state.agent), persistence.read_newest(folder)[0]
    return rows, policy_arrays(told.state.agent), None


def test_an_agent_of_one_entry_is_described(toy):
    assert toy.identifier.startswith("toy-rigl-CartPole-v1-0.5-")
    assert Experiment.from_choices(toy.choices()) == toy
    described = describe(toy)
    weights = [layer["live_weights"] for layer in described["networks"]["policy"]["layers"]]
    assert sum(weights) == (4 * 16 + 16 * 2) // 2
    assert described["split"] is None
    assert agents_for(plan_of(toy).spec) == ["dqn", "ppo", "toy"]  # what `sparserl environments` lists
    assert described["matched_dense"]["hidden_units"] < 16


def test_an_agent_of_one_entry_trains_resumes_and_is_reported(toy, tmp_path):
    folder = persistence.plan_experiment(tmp_path, toy.identifier, {"choices": toy.choices()}) / "seed=0"
    rows, arrays, _ = train(toy)
    begun, _, checkpoint = train(toy, stop_steps=200, folder=folder)
    gone_on, again, _ = train(toy, checkpoint)
    assert [row["environment_steps"] for row in begun + gone_on] == [row["environment_steps"] for row in rows]
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, again[name], err_msg=name)
    persistence.write_table(EVALUATIONS, folder, rows)
    persistence.write_bundle(folder / "checkpoint", arrays, {})
    experiment, learner, state = rebuild(folder)
    assert experiment == toy
    assert policy_arrays(state).keys() == arrays.keys()
    seen = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    exploited = learner.agent.exploit(jax.random.key(0), state, seen)
    np.testing.assert_array_equal(sparserl.load(folder).act(seen), exploited)
    assert report.learning_curves(persistence.read_evaluations(tmp_path), tmp_path / "curves.png").is_file()


def test_an_agent_without_actor_and_critic_takes_none_of_their_choices(toy):
    with pytest.raises(UserError, match=r"actor_sparsity is 0\.5: agent toy has neither actor nor critic"):
        dataclasses.replace(toy, actor_sparsity=0.5)
    with pytest.raises(UserError, match="network is 'cnn': agent toy learns with mlp only"):
        dataclasses.replace(toy, network=from_preset("dqn", "rigl", "atari:Pong").network)


def test_settings_of_no_agent_are_refused():
    experiment = from_preset("dqn", "rigl", "CartPole-v1")
    with pytest.raises(UserError, match=r"agent is .*: choose DQNSettings, SACSettings or PPOSettings"):
        dataclasses.replace(experiment, agent=EvaluationSettings())


def test_each_entry_has_settings_that_say_what_no_agent_is_needed_for():
    for name, kind in AGENTS.items():
        settings = from_preset(name, "rigl", kind.example).agent
        assert isinstance(settings, kind.settings)
        steps = settings.warmup_steps + 10 * settings.steps_per_update
        assert settings.num_updates(steps, 1) >= 10 * settings.updates_per_rollout(1)
        assert (kind.memory is not None) == hasattr(settings, "replay_capacity_steps")
