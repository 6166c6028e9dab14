"""Many seeds in one program: an agent and an environment lifted over a leading seed axis (for accelerators)."""

import dataclasses

import jax

from sparserl.types import Agent, AgentState, Array, Environment, EnvSpec, EnvState, Key, Metrics, TimeStep, Transition


@dataclasses.dataclass(frozen=True)
class SeedsAgent:
    """`agent` with a leading seed axis on keys, states and data; the clock `num_steps` stays one scalar for all."""

    agent: Agent

    @property
    def steps_per_update(self) -> int:
        return self.agent.steps_per_update

    def num_updates(self, num_steps: int) -> int:
        return self.agent.num_updates(num_steps)

    def init(self, key: Key) -> AgentState:
        return jax.vmap(self.agent.init)(key)

    def explore(self, key: Key, num_steps: Array, state: AgentState, observation: Array) -> Array:
        return jax.vmap(self.agent.explore, in_axes=(0, None, 0, 0))(key, num_steps, state, observation)

    def exploit(self, key: Key, state: AgentState, observation: Array) -> Array:
        return jax.vmap(self.agent.exploit)(key, state, observation)

    def update(self, key: Key, num_steps: Array, state: AgentState, rollout: Transition) -> tuple[AgentState, Metrics]:
        return jax.vmap(self.agent.update, in_axes=(0, None, 0, 0))(key, num_steps, state, rollout)


@dataclasses.dataclass(frozen=True)
class SeedsEnvironment:
    """A compiled `environment` with a leading seed axis on keys, states, actions and time steps."""

    environment: Environment

    @property
    def spec(self) -> EnvSpec:
        return self.environment.spec

    @property
    def num_envs(self) -> int:
        return self.environment.num_envs

    @property
    def compiled(self) -> bool:
        return True

    def reset(self, key: Key) -> tuple[EnvState, Array]:
        return jax.vmap(self.environment.reset)(key)

    def step(self, key: Key | None, state: EnvState, action: Array) -> tuple[EnvState, TimeStep]:
        return jax.vmap(self.environment.step)(key, state, action)


def over_seeds(agent: Agent, environment: Environment) -> tuple[SeedsAgent, SeedsEnvironment]:
    """Lift both, so that `start` and `train` take a key array `[seed]` and run all seeds in one program.

    The bits of a seed run this way differ from those of the seed run alone, within float tolerance.
    """
    if not environment.compiled:
        raise ValueError("only compiled environments can be lifted over seeds")
    return SeedsAgent(agent), SeedsEnvironment(environment)
