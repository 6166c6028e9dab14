"""A work: an agent's experiment by variant, a filled replay, and the native passes of an update."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sparserl import linalg
from sparserl.agents.replay import Replay
from sparserl.bench.choices import BY_MASKS, Updates
from sparserl.bench.dense_masks import rigl_by_masks
from sparserl.experiment import Experiment, from_preset, with_choices
from sparserl.experiment.building import make_agent, make_optimizers
from sparserl.experiment.plan import Plan
from sparserl.linalg import Compressed
from sparserl.networks import MLP
from sparserl.types import Agent, Array, Key, Params, Transition


class Pass(NamedTuple):
    """A native forward pass of a layer in one update, and which of its gradients are wanted."""

    kernel: Compressed
    bias: Array
    relu: bool
    weights_wanted: bool
    inputs_wanted: bool
    batch_size: int


class AgentUpdate(NamedTuple):
    """`update(key, num_updates, state)` gives the next state and a loss; `passes` are the native ones in an update."""

    state: Any  # has a field `groups: dict[str, Group]`
    update: Callable[[Key, Array, Any], tuple[Any, Array]]
    passes: tuple[Pass, ...]


def network_passes(
    network: MLP, params: Params, batch_size: int, weights_wanted: bool = False, inputs_wanted: bool = False
) -> Iterator[Pass]:
    """The passes of one use of a network; `inputs_wanted` asks for the gradients of its inputs, too."""
    layers = [linalg.Layer(params[name]["kernel"], params[name]["bias"]) for name in network.layer_shapes]
    for index, layer in enumerate(linalg.as_computed(layers)):
        if isinstance(layer.kernel, Compressed):
            needed = inputs_wanted or (weights_wanted and index > 0)
            hidden = index < len(layers) - 1
            yield Pass(layer.kernel, layer.bias, hidden, weights_wanted, needed, batch_size)


def full_replay(key: Key, observation_size: int, action: Array, capacity_steps: int) -> Replay:
    """A full ring of random transitions of one environment; `action` is `[capacity_steps, env, ...]`."""
    keys = jax.random.split(key, 3)
    shape = (capacity_steps, 1)
    observation, next_observation = (jax.random.normal(key, (*shape, observation_size)) for key in keys[:2])
    terminated = jax.random.bernoulli(keys[2], 0.01, shape)
    storage = Transition(
        observation, action, jnp.full(shape, -1.0), terminated, jnp.zeros(shape, bool), next_observation
    )
    return Replay(storage, jnp.int32(capacity_steps))


METHOD_OF: Mapping[str, str] = {
    "dense": "dense",
    "masked": "static",
    "compressed": "static",
    "compressed_rigl": "rigl",
    "auto": "static",
    BY_MASKS: "dense",  # whose masks are in the inner optimizer
}
STORAGE_OF: Mapping[str, str] = {
    "dense": "masked",
    "masked": "masked",
    "compressed": "compressed",
    "compressed_rigl": "compressed",
    "auto": "auto",
    BY_MASKS: "masked",
}


def experiment(agent: str, environment: str, options: Updates, sparsity: float, variant: str) -> Experiment:
    """The paper's choices for an agent, with the method and the storage of a variant."""
    preset = from_preset(agent, METHOD_OF[variant], environment, sparsity=sparsity, storage=STORAGE_OF[variant])
    choices: dict[str, Any] = {
        "agent.replay_capacity_steps": options.replay_steps,
        "agent.batch_size": options.batch_size,
        "network.hidden_units": options.hidden_units,
        "sparsity_aware_initialization": True,
    }
    if preset.method.window is not None:
        choices["method.window.interval_updates"] = options.interval_updates
    return with_choices(preset, {name: value for name, value in choices.items() if value})


def agent_of(plan: Plan, options: Updates, sparsity: float, variant: str) -> Agent:
    """The agent of a plan; its optimizers mask as sparse peers do where the variant says so."""
    optimizers = make_optimizers(plan)
    if variant == BY_MASKS:
        optimizers = {
            group: dataclasses.replace(each, inner=rigl_by_masks(each.inner, sparsity, options.interval_updates))
            for group, each in optimizers.items()
        }
    return make_agent(plan, optimizers)
