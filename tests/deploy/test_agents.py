"""Policies beside the agents that they come from: the same actions as in evaluations without random ones."""

import dataclasses
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from covering import covering
from sparserl.agents import ppo
from sparserl.deploy.contract import as_json
from sparserl.deploy.loading import policy_of
from sparserl.deploy.original import Original
from sparserl.deploy.verification import compare
from sparserl.experiment import AGENTS, from_preset
from sparserl.networks import CNNSettings, MLPSettings, ResNetSettings
from sparserl.sparsity import InnerOptimizer, SparseOptimizer, find_method
from sparserl.types import Box, Discrete, EnvSpec, Normalizer, UserError

pytestmark = pytest.mark.slow

TINY = MLPSettings((12, 10))
IMAGES = EnvSpec("Images-v0", (9, 8, 3), np.dtype(np.uint8), Discrete(4), 100, 3)
VECTOR = EnvSpec("Vector-v0", (4,), np.dtype(np.float32), Discrete(3), None)
MATRIX = EnvSpec("Matrix-v0", (2, 3), np.dtype(np.float32), Box((2,), np.float32([-1, 0]), np.float32([3, 0.5])), None)
FLAGS = EnvSpec("Flags-v0", (4, 3), np.dtype(np.bool_), Discrete(3), None)
FREE = MATRIX._replace(action=Box((2, 1), np.full((2, 1), -np.inf, np.float32), np.full((2, 1), np.inf, np.float32)))
UNBOUNDED = Box((2,), np.full(2, -np.inf, np.float32), np.full(2, np.inf, np.float32))
BYTES = EnvSpec("Bytes-v0", (5,), np.dtype(np.uint8), Discrete(3), None)
CNN = CNNSettings(channels=(3, 4), kernel_sizes=(4, 3), strides=(2, 1), hidden_units=8)
CASES = {
    "dqn, masked": ("dqn", VECTOR, {"network": TINY}, {}),
    "dqn, compressed": ("dqn", VECTOR, {"network": TINY, "storage": "compressed"}, {}),
    "dqn, cnn of pixels": ("dqn", IMAGES, {"network": CNN}, {}),
    "dqn, resnet": ("dqn", IMAGES, {"network": ResNetSettings(channels=(3,), num_blocks=1, hidden_units=8)}, {}),
    "dqn, flags": ("dqn", FLAGS, {"network": TINY}, {}),
    "sac": ("sac", MATRIX, {"network": TINY}, {}),
    "ppo, normalized and squashed": ("ppo", MATRIX, {"network": TINY}, {}),
    "ppo, squashed": ("ppo", MATRIX, {"network": TINY}, {"observation_limit": None}),
    "ppo, mean": ("ppo", MATRIX, {"network": TINY}, {"squash_mean": False}),
    "ppo, no bounds": ("ppo", FREE, {"network": TINY}, {"squash_mean": False, "observation_limit": None}),
    "ppo, discrete pixels": ("ppo", BYTES, {"network": TINY}, {}),
}
KEPT = ("dqn, compressed", "dqn, cnn of pixels", "dqn, flags", "sac", "ppo, normalized and squashed", "ppo, no bounds")
KEPT += ("ppo, discrete pixels",)


def trained(agent, spec, choices, settings):
    """An agent in an environment that is nowhere, a state of it as training may leave it, and its experiment."""
    name, example = agent, {"dqn": "CartPole-v1", "sac": "Pendulum-v1", "ppo": "CartPole-v1"}[agent]
    experiment = from_preset(name, "static", example, sparsity=0.5, **choices)
    changed = {**settings, **({"evaluation_epsilon": 0.0, "replay_capacity_steps": 50} if name == "dqn" else {})}
    changed |= {"replay_capacity_steps": 50} if name == "sac" else {}
    experiment = dataclasses.replace(experiment, agent=dataclasses.replace(experiment.agent, **changed))
    kind = AGENTS[name]
    networks = kind.networks(experiment.agent, spec, experiment.network, experiment.network)
    optimizers = {group: optimizer_of(members, choices) for group, members in networks.items()}
    agent = kind.make(experiment.agent, spec, networks, optimizers, 1)
    state = agent.init(jax.random.key(1))
    if name == "ppo":
        count, shape = jnp.int32(7), spec.observation_shape
        spread = jnp.linspace(1.0, 60.0, int(np.prod(shape))).reshape(shape)
        state = state._replace(observations=ppo.RunningMoments(count, spread / 50, spread))
    return agent, state, experiment


def optimizer_of(members, choices):
    """One that masks half of the weights of two layers, and keeps them compressed where that is chosen."""
    layers = [f"{name}/{layer}" for name, net in members.items() for layer in list(net.layer_shapes)[1:3]]
    sparsities = dict.fromkeys(layers, 0.5)
    kept = dict.fromkeys(layers, 1.0) if choices.get("storage") == "compressed" else {}
    return SparseOptimizer(InnerOptimizer().build(1), find_method("static")(), sparsities, 1, break_even=kept)


@pytest.mark.kernels
@pytest.mark.parametrize("name", covering(list(CASES), lambda name: name in KEPT))
def test_a_policy_acts_as_its_agent_does_in_evaluations(name):
    agent, spec, choices, settings = CASES[name]
    agent, state, experiment = trained(agent, spec, choices, settings)
    policy = policy_of(SimpleNamespace(agent=agent, plan=SimpleNamespace(experiment=experiment, spec=spec)), state, {})
    random = np.random.default_rng(0)
    drawn = random.normal(size=(200, *spec.observation_shape)) * 2
    by_kind = {"f": drawn, "u": np.abs(drawn) * 30, "b": drawn > 0}
    seen = by_kind[spec.observation_dtype.kind].astype(spec.observation_dtype)
    exploited = np.asarray(agent.exploit(jax.random.key(0), state, seen))
    actions = policy.act(seen)
    if policy.decision == "greatest":
        assert len(set(actions.tolist())) > 1
        assert (actions == exploited).mean() > 0.98
    else:
        assert actions.shape == exploited.shape
        np.testing.assert_allclose(actions, np.clip(exploited, spec.action.low, spec.action.high), rtol=1e-4, atol=1e-5)
    acting = agent.acting(state)
    original = Original(acting, state.groups[acting.group].params[acting.name], spec)
    assert compare(policy, original, seen).action_agreement > 0.98
    assert any(not step.live.all() for step in policy.steps if hasattr(step, "live"))
    document = as_json(policy.contract)
    assert document["observation"]["shape"] == spec.observation_shape
    assert (document["observation"]["mean"] is not None) == (policy.normalizer is not None)
    assert document["observation"]["divisor"] == (255.0 if spec is IMAGES else 1.0)


def test_an_agent_that_does_not_say_how_it_acts_is_refused_in_one_line():
    experiment = from_preset("dqn", "static", "CartPole-v1", storage="masked")
    learner = SimpleNamespace(agent=object(), plan=SimpleNamespace(experiment=experiment, spec=VECTOR))
    with pytest.raises(UserError, match="agent dqn cannot be exported: it has no method `acting`") as caught:
        policy_of(learner, None, {})
    assert "\n" not in str(caught.value)


def test_what_could_lead_to_an_action_that_is_not_finite_is_refused():
    agent, state, experiment = trained("dqn", VECTOR, {"network": TINY}, {})
    learner = SimpleNamespace(agent=agent, plan=SimpleNamespace(experiment=experiment, spec=VECTOR))
    for factor, told in ((jnp.nan, "weights that are not finite"), (1e15, "weights so large that its outputs may not")):
        params = jax.tree.map(lambda x, factor=factor: x * factor, state.groups["q"].params)
        diverged = state._replace(groups={"q": state.groups["q"]._replace(params=params)})
        with pytest.raises(UserError, match=f"{told}.*: its training diverged"):
            policy_of(learner, diverged, {})


def test_normalizers_and_bounds_that_lead_nowhere_are_refused():
    """Of an agent of one's own, too, whose `acting` may say anything."""
    agent, state, experiment = trained("ppo", MATRIX, {"network": TINY}, {})
    acting, zeros = agent.acting(state), np.zeros((2, 3), np.float32)
    cases = [
        (
            MATRIX,
            acting._replace(normalizer=Normalizer(zeros, zeros + np.inf, 5.0)),
            "normalizer is not finite: it has",
        ),
        (MATRIX, acting._replace(normalizer=Normalizer(zeros * np.nan, zeros + 1, 5.0)), "normalizer is not finite"),
        (MATRIX, acting._replace(normalizer=Normalizer(zeros, zeros, 5.0)), "divides by numbers that are not above 0"),
        (MATRIX._replace(action=UNBOUNDED), acting._replace(normalizer=None), "squashes actions between bounds, and"),
    ]
    for spec, said, told in cases:
        own = SimpleNamespace(acting=lambda state, said=said: said)
        learner = SimpleNamespace(agent=own, plan=SimpleNamespace(experiment=experiment, spec=spec))
        with pytest.raises(UserError, match=told):
            policy_of(learner, state, {})
