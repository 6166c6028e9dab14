"""Kinds of agents: all that an agent is made of, in one entry; a new agent is one entry more."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

from sparserl.agents import dqn, policies, ppo, replay, sac
from sparserl.agents.replay import ReplayMemory
from sparserl.networks import MLP, CNNSettings, MLPSettings, NetworkSettings, ResNetSettings, Sized, make
from sparserl.presets import PRESETS, PresetTable
from sparserl.types import Agent, AgentSettings, Box, Discrete, EnvSpec, Optimizer, UserError, within

Networks = Mapping[str, Mapping[str, Sized]]  # by the group that owns them, by name
Optimizers = Mapping[str, Optimizer]  # by the group that they own
Role = Literal["actor", "critic"]  # whose sparsity and widths can be chosen apart from the other's


@dataclasses.dataclass(frozen=True)
class AgentKind:
    """What an agent is made of, and which of an experiment's choices it can take.

    table: its published choices. example: an environment for it. networks: of settings, environment, the choices of
    the network and those of a critic; raises `UserError` where actions or observations are not for this agent. make: of
    settings, environment, networks, optimizers by group, and the number of environments. roles: by network, of those
    that have one. decay_factors: what the weight decay is multiplied with, by network, where it is not 1.
    target_groups: those with a second copy of their networks. memory: what remembers the steps of an environment, for
    settings that have `warmup_steps` and `replay_capacity_steps`; None: nothing does.
    """

    settings: type[AgentSettings]
    table: PresetTable
    example: str
    networks: Callable[[Any, EnvSpec, NetworkSettings, NetworkSettings], Networks]
    make: Callable[[Any, EnvSpec, Networks, Optimizers, int], Agent]
    learns_with: tuple[type[NetworkSettings], ...] = (MLPSettings,)
    roles: Mapping[str, Role] = dataclasses.field(default_factory=dict)
    decay_factors: Mapping[str, float] = dataclasses.field(default_factory=dict)
    target_groups: tuple[str, ...] = ()
    memory: Callable[[EnvSpec], ReplayMemory] | None = None


def by_name(networks: Networks) -> dict[str, Sized]:
    """All networks of all groups."""
    return {name: network for members in networks.values() for name, network in members.items()}


def name_of(settings: AgentSettings) -> str:
    """The name of the agent that `settings` are for. Raises UserError where they are of none."""
    for name, kind in AGENTS.items():
        if isinstance(settings, kind.settings):
            return name
    raise UserError(field="agent", value=settings, allowed=[kind.settings.__name__ for kind in AGENTS.values()])


def agents_for(spec: EnvSpec) -> list[str]:
    """The agents that can learn in an environment of `spec` with their published choices."""
    return [name for name, kind in AGENTS.items() if _can_learn(kind, spec)]


def _can_learn(kind: AgentKind, spec: EnvSpec) -> bool:
    table = kind.table("rigl", "paper", spec.identifier, None)
    try:
        kind.networks(table.agent, spec, table.network, table.network)
    except UserError:
        return False
    return True


def _dqn_networks(
    settings: dqn.DQNSettings, spec: EnvSpec, network: NetworkSettings, critic: NetworkSettings
) -> Networks:
    dqn.check_actions(spec)
    assert isinstance(spec.action, Discrete)
    with within("network"):
        return {"q": {"q": make(network, spec.observation_shape, spec.action.num_actions)}}


def _make_dqn(settings: dqn.DQNSettings, spec: EnvSpec, networks: Networks, optimizers: Optimizers, num: int) -> Agent:
    return dqn.DQN(settings, spec, networks["q"]["q"], optimizers["q"], num)


def _sac_networks(
    settings: sac.SACSettings, spec: EnvSpec, network: NetworkSettings, critic: NetworkSettings
) -> Networks:
    sac.check_actions(spec)
    assert isinstance(spec.action, Box)
    size = math.prod(spec.action.shape)
    actor = MLP(_of_vectors("sac", spec, network), spec.observation_shape, 2 * size)
    of_critic = MLP(_of_vectors("sac", spec, critic), (math.prod(spec.observation_shape) + size,), 1)
    return {"actor": {"actor": actor}, "critics": dict.fromkeys(sac.CRITICS, of_critic)}


def _make_sac(settings: sac.SACSettings, spec: EnvSpec, networks: Networks, optimizers: Optimizers, num: int) -> Agent:
    actor, critic = networks["actor"]["actor"], networks["critics"][sac.CRITICS[0]]
    return sac.SAC(settings, spec, actor, critic, dict(optimizers), num)


def _ppo_networks(
    settings: ppo.PPOSettings, spec: EnvSpec, network: NetworkSettings, critic: NetworkSettings
) -> Networks:
    """The actor, whose deviations are constants, and the value network."""
    with within("agent"):
        ppo.check_actions(spec, settings)
    of_actor = _of_vectors("ppo", spec, network)
    if isinstance(spec.action, Discrete):
        actor = MLP(of_actor, spec.observation_shape, spec.action.num_actions)
    else:
        size = math.prod(spec.action.shape)
        initial = policies.raw_deviation(settings.initial_deviation, settings.deviation)
        actor = MLP(of_actor, spec.observation_shape, size, num_constants=size, initial_constant=initial)
    of_value = dataclasses.replace(
        _of_vectors("ppo", spec, critic),
        activation=settings.value_activation,
        output_limit=settings.value_output_limit,
        output_gain=settings.value_output_gain,
    )
    return {ppo.GROUP: {"actor": actor, "value": MLP(of_value, spec.observation_shape, 1)}}


def _make_ppo(settings: ppo.PPOSettings, spec: EnvSpec, networks: Networks, optimizers: Optimizers, num: int) -> Agent:
    members = networks[ppo.GROUP]
    return ppo.PPO(settings, spec, members["actor"], members["value"], optimizers[ppo.GROUP], num)


def _of_vectors(agent: str, spec: EnvSpec, network: NetworkSettings) -> MLPSettings:
    """The settings of a network that sees vectors. Raises `UserError` where observations are images."""
    if len(spec.observation_shape) > 2:
        shape = " x ".join(map(str, spec.observation_shape))
        raise UserError(
            f"agent {agent} learns from vectors, and environment {spec.identifier} shows images of {shape}: try dqn"
        )
    assert isinstance(network, MLPSettings)
    return network


AGENTS: dict[str, AgentKind] = {
    "dqn": AgentKind(
        dqn.DQNSettings,
        PRESETS["dqn"],
        "CartPole-v1",
        _dqn_networks,
        _make_dqn,
        learns_with=(MLPSettings, CNNSettings, ResNetSettings),
        target_groups=("q",),
        memory=dqn.memory_of,
    ),
    "sac": AgentKind(
        sac.SACSettings,
        PRESETS["sac"],
        "HalfCheetah-v5",
        _sac_networks,
        _make_sac,
        roles={"actor": "actor", **dict.fromkeys(sac.CRITICS, "critic")},
        decay_factors=dict.fromkeys(sac.CRITICS, 0.5),  # as the rest of a critic's loss (Deviation 29)
        target_groups=("critics",),
        memory=lambda spec: replay,
    ),
    "ppo": AgentKind(
        ppo.PPOSettings,
        PRESETS["ppo"],
        "HalfCheetah-v5",
        _ppo_networks,
        _make_ppo,
        roles={"actor": "actor", "value": "critic"},
    ),
}
