"""The types that all rooms share: what flows between environment, agent, optimizer and loop.

Axis order everywhere: `[seed, step, env, ...]`, leading axes absent where there is only one.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np

from sparserl.errors import Divergence as Divergence
from sparserl.errors import Field as Field
from sparserl.errors import UserError as UserError
from sparserl.errors import within as within
from sparserl.fields import check_fields as check_fields
from sparserl.parts import part_of as part_of

Array = jax.Array | np.ndarray
Key = jax.Array  # a typed key of jax.random.key
Params = Any  # a pytree of arrays; a kernel is a leaf whose last dictionary key is "kernel"
OptState = Any
AgentState = Any  # a NamedTuple; `groups: dict[str, Group]` are its networks, `replay` what it learns from or None
EnvState = Any
Aux = Any
Metrics = Mapping[str, Array]
Loss = Callable[[dict[str, Params]], tuple[Array, Aux]]


class Discrete(NamedTuple):
    """Actions are the integers 0 to `num_actions` - 1."""

    num_actions: int


class Box(NamedTuple):
    """Actions are float arrays of shape `shape` between `low` and `high`, elementwise."""

    shape: tuple[int, ...]
    low: np.ndarray
    high: np.ndarray


class EnvSpec(NamedTuple):
    """What an agent may know of an environment before it acts; images have the axes height, width, channels.

    stacked_frames: how many frames the last axis of an observation holds, oldest first; each step brings a new one, and
    frames before an episode's first are zero.
    """

    identifier: str
    observation_shape: tuple[int, ...]
    observation_dtype: np.dtype
    action: Discrete | Box
    time_limit_steps: int | None
    stacked_frames: int = 1


MOST_CHANNELS = 32  # of an image whose shape tells little: eight colour frames have 24


def channels_axis(image_shape: tuple[int, ...]) -> int | None:
    """Which axis of a shape of three are an image's channels, 0 or 2; None where that cannot be told.

    Two equal sides next to each other are height and width, else few channels stand beside longer sides.
    """
    first, middle, last = image_shape
    if first == middle:
        return 2 if last != first or last <= MOST_CHANNELS else None
    if first < middle == last:
        return 0
    if first < min(middle, last) and (first <= 4 or (first <= MOST_CHANNELS < last)):
        return 0
    return 2 if last <= MOST_CHANNELS else None


class TimeStep(NamedTuple):
    """What one step of an environment returns; every field has the leading axis `[env]`.

    `observation` is what to act on next (after a reset where the episode ended); `next_observation` is what the step
    itself led to, before any reset. `terminated`: the task ended. `truncated`: only the time ran out.
    """

    observation: Array
    reward: Array
    terminated: Array
    truncated: Array
    next_observation: Array


class Transition(NamedTuple):
    """One step as an agent learns from it; fields `[..., env, ...]`."""

    observation: Array
    action: Array
    reward: Array
    terminated: Array
    truncated: Array
    next_observation: Array


class Group(NamedTuple):
    """What one optimizer owns: networks by name, their targets, its state."""

    params: dict[str, Params]
    target_params: dict[str, Params] | None
    optimizer_state: OptState


class Environment(Protocol):
    """A batch of `num_envs` environments that reset themselves.

    `compiled` environments are pure functions of their arguments and run inside `jax.jit`. The others keep their
    state in Python: their `EnvState` is None, they take and return NumPy arrays, and only `reset` reads its key.
    """

    @property
    def spec(self) -> EnvSpec: ...
    @property
    def num_envs(self) -> int: ...
    @property
    def compiled(self) -> bool: ...
    def reset(self, key: Key) -> tuple[EnvState, Array]: ...
    def step(self, key: Key | None, state: EnvState, action: Array) -> tuple[EnvState, TimeStep]: ...


@runtime_checkable
class Surrounding(Protocol):
    """An environment that wraps another and changes its observations by pure functions of keys and arrays.

    `around(environment)` wraps another form of that environment alike: of a host environment, the form that is traced.
    """

    @property
    def environment(self) -> Environment: ...
    def around(self, environment: Environment) -> Environment: ...


@runtime_checkable
class TakesTurns(Protocol):
    """An environment whose places are played some at a time: those of `turns()`, until its next value is asked for."""

    def turns(self) -> Iterator[slice]: ...


def innermost(environment: Environment) -> Environment:
    """The environment inside all wrappers, which has the snapshots and can be closed."""
    return innermost(environment.environment) if isinstance(environment, Surrounding) else environment


def with_innermost(environment: Environment, form: Callable[[Environment], Environment]) -> Environment:
    """The same wrappers around another form of the innermost environment."""
    if isinstance(environment, Surrounding):
        return environment.around(with_innermost(environment.environment, form))
    return form(environment)


class Network(Protocol):
    """Outputs `[..., output]` of observations `[..., *observation_shape]`."""

    def init(self, key: Key) -> Params: ...
    def apply(self, params: Params, observation: Array) -> Array: ...
    def hidden(self, params: Params, observation: Array) -> dict[str, Array]: ...  # `[..., units]` by layer, in order


class Probe(NamedTuple):
    """A network in training, for diagnostics: what is minimized is the mean of `loss` over `examples`.

    Every array of `examples` and of `inputs`, which the network gets, has the leading axis `[batch]`; an example is
    `examples` without it, and `loss(params, example)` is a scalar that leaves out penalties on weights.
    """

    network: Network
    params: Params
    inputs: Array
    examples: Any
    loss: Callable[[Params, Any], Array]


class Optimizer(Protocol):
    """The only place that knows which weights are alive (design section 4)."""

    def init(self, key: Key, params: dict[str, Params], with_target: bool) -> Group: ...
    def minimize(self, key: Key, num_updates: Array, loss: Loss, group: Group) -> tuple[Group, Aux]: ...
    def average(self, group: Group, step_size: float) -> Group: ...
    def relayout_updates(self) -> list[int]: ...
    def relayout(self, group: Group) -> Group: ...


class AgentSettings(Protocol):
    """The hyperparameters of an agent, a frozen dataclass, and what follows from them without an agent."""

    @property
    def batch_size(self) -> int: ...  # of a gradient update
    @property
    def steps_per_update(self) -> int: ...
    @property
    def warmup_steps(self) -> int: ...  # before the first update
    def num_updates(self, num_steps: int, num_envs: int, /) -> int: ...  # gradient updates in that many steps
    def updates_per_rollout(self, num_envs: int) -> int: ...  # gradient updates between two rollouts


class Agent(Protocol):
    """A learner. `num_steps` counts environment steps per environment, is owned by the loop and is never batched."""

    @property
    def steps_per_update(self) -> int: ...
    def num_updates(self, num_steps: int) -> int: ...
    def init(self, key: Key) -> AgentState: ...
    def explore(self, key: Key, num_steps: Array, state: AgentState, observation: Array) -> Array: ...
    def exploit(self, key: Key, state: AgentState, observation: Array) -> Array: ...
    def update(self, key: Key, num_steps: Array, state: AgentState, rollout: Transition) -> tuple[Any, Metrics]: ...


@runtime_checkable
class Probed(Protocol):
    """An agent that diagnostics can look into.

    `probe` draws a batch from the agent's memory, which must not be empty, and gives its networks by name.
    """

    def probe(self, key: Key, state: AgentState) -> dict[str, Probe]: ...


Decision = Literal["greatest", "tanh", "mean"]
"""How outputs `[..., output]` become an action: the place of the greatest, the first of equal ones; tanh of the first
outputs, one for each dimension of the action, scaled to its bounds; those outputs themselves, cut at its bounds."""


class Normalizer(NamedTuple):
    """What brings features to a common scale: (x - mean) / scale, cut at +- limit; arrays `[*observation_shape]`."""

    mean: Array
    scale: Array
    limit: float


class Acting(NamedTuple):
    """How a trained agent acts where nothing is left to chance: one network, and what comes before and after it.

    The network's parameters are `name` in the group `group` of the agent's state. A normalizer takes observations as
    they are; without one, pixels (uint8) are divided by 255.
    """

    group: str
    name: str
    network: Network
    decision: Decision
    normalizer: Normalizer | None = None


@runtime_checkable
class Deployable(Protocol):
    """An agent whose policy can be exported: it says how it acts in evaluations, but for random actions."""

    def acting(self, state: AgentState) -> Acting: ...
