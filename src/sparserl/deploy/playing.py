"""Playing: episodes of the real environment with actions from outside of JAX, as those of an artefact."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl import training
from sparserl.deploy.original import Original
from sparserl.environments import seed_shared_generators
from sparserl.experiment import Experiment, RunFailure, close_environment, make_evaluation_environment
from sparserl.training.host_call import HostCall, available
from sparserl.types import Array, Box, Environment, EnvSpec, Key

Act = Callable[[np.ndarray], np.ndarray]  # actions `[env]` or `[env, *action]` of observations `[env, *shape]`
SEED = 0  # of the episodes' starts, as `sparserl evaluate` has it


class Stage:
    """The environment of an experiment with places for `num_episodes`, in which any function can act.

    Every function meets the same first observations. `play` is compiled once.
    """

    def __init__(self, experiment: Experiment, environment: Environment) -> None:
        self._experiment, self._environment = experiment, training.traceable(environment)
        self._account = training.account_of(environment.num_envs, experiment.evaluation.max_episode_steps, 0)
        self._agent = _Outside(_Calls(self._environment.spec, self._environment.num_envs))
        self._play = training.player(self._agent, self._environment, self._account)  # type: ignore[arg-type]

    def returns(self, act: Act) -> np.ndarray:
        """The return of each episode that `act` plays, float64 `[episode]`."""
        with self._agent.calls.numbered(act) as (number, errors):
            returns = self._returns(self._play, number)
        if errors:
            raise errors[0]
        return self._finite(returns)

    def returns_of(self, original: Original) -> np.ndarray:
        """The same of the network that was trained."""
        play = training.player(original, self._environment, self._account)  # type: ignore[arg-type]
        return self._finite(self._returns(play, original.params))

    def _returns(self, play: Any, state: Any) -> np.ndarray:
        seed_shared_generators(SEED)
        played = training.played(play, self._environment, jax.random.key(SEED), state)
        return np.asarray(played.returns, np.float64)

    def _finite(self, returns: np.ndarray) -> np.ndarray:
        if not np.isfinite(returns).all():
            raise RunFailure(f"environment {self._experiment.environment} gave a return that is not finite")
        return returns


@contextmanager
def staged(experiment: Experiment, num_episodes: int) -> Iterator[Stage]:
    """A stage whose environments are closed in the end."""
    seed_shared_generators(SEED)
    environment = make_evaluation_environment(experiment, num_episodes)
    try:
        yield Stage(experiment, environment)
    finally:
        close_environment(environment)


class _Calls:
    """Functions that programs call by number, so that one program serves all of them."""

    def __init__(self, spec: EnvSpec, num_envs: int) -> None:
        shape, dtype = (spec.action.shape, np.float32) if isinstance(spec.action, Box) else ((), np.int32)
        self.operand = jax.ShapeDtypeStruct((num_envs, *spec.observation_shape), spec.observation_dtype)
        self.result = jax.ShapeDtypeStruct((num_envs, *shape), dtype)
        self._acts: dict[int, tuple[Act, list[BaseException]]] = {}
        self._numbers, self._pure = itertools.count(), HostCall(self._nothing, self.operand, (self.result,))

    @contextmanager
    def numbered(self, act: Act) -> Iterator[tuple[Any, list[BaseException]]]:
        """The number of a function, and a list of what it raised: programs cannot pass that on."""
        errors = list[BaseException]()

        def function(operand: np.ndarray, results: tuple[np.ndarray, ...]) -> None:
            results[0][...] = self._answer(act, errors, operand)

        if available():
            call = HostCall(function, self.operand, (self.result,))
            yield jnp.int32(call.number), errors
            return
        number = next(self._numbers)
        self._acts[number] = act, errors
        yield jnp.int32(number), errors

    def traced(self, number: Array, observation: Array) -> Array:
        """The call of a function by its number, in a program."""
        if available():
            return self._pure(observation, number)[0]
        answer: Array = jax.pure_callback(
            lambda number, seen: self._answer(*self._acts[int(number)], np.asarray(seen)),
            self.result,
            number,
            observation,
        )
        return answer

    def _answer(self, act: Act, errors: list[BaseException], observation: np.ndarray) -> np.ndarray:
        """Its actions; zeros once it has raised."""
        if not errors:
            try:
                return np.asarray(act(observation.copy()), self.result.dtype).reshape(self.result.shape)
            except BaseException as error:
                errors.append(error)
        return np.zeros(self.result.shape, self.result.dtype)

    def _nothing(self, operand: np.ndarray, results: tuple[np.ndarray, ...]) -> None:
        results[0][...] = 0


@dataclasses.dataclass(frozen=True)
class _Outside:
    """What the player takes for an agent, whose state is the number of the function that acts."""

    calls: _Calls

    def exploit(self, key: Key, state: Array, observation: Array) -> Array:
        return self.calls.traced(state, observation)
