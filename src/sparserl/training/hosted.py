"""Host environments inside compiled programs: a step is a call back into Python."""

import contextlib
import functools
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from sparserl import foreign
from sparserl.training import host_call
from sparserl.types import (
    Array,
    Box,
    Environment,
    EnvSpec,
    EnvState,
    Key,
    TakesTurns,
    TimeStep,
    innermost,
    with_innermost,
)

SIGNALS = (signal.SIGINT, signal.SIGTERM)
Result = TypeVar("Result")


class Hosted:
    """A host environment whose `step` can be traced like that of a compiled environment; its state stays in Python.

    An exception cannot pass through a compiled program. It is kept, and `run` raises it once the program is over; until
    then every step ends all episodes with rewards that are not finite, which tells loops to stop.
    """

    compiled = False

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.failure: BaseException | None = None
        of_action = (np.float32, spec.shape) if isinstance(spec := environment.spec.action, Box) else (np.int32, ())
        operand = jax.ShapeDtypeStruct((environment.num_envs, *of_action[1]), of_action[0])
        results: tuple[Any, ...] = self._result(jax.ShapeDtypeStruct)
        self._call = host_call.HostCall(self._write, operand, results) if host_call.available() else None
        self._number: Array | None = None  # of the call, while a program is traced that takes it as an argument

    @property
    def spec(self) -> EnvSpec:
        return self.environment.spec

    @property
    def num_envs(self) -> int:
        return self.environment.num_envs

    def reset(self, key: Key) -> tuple[EnvState, Array]:
        """Fresh episodes; not to be traced."""
        state, observation = self.environment.reset(key)
        return state, jnp.asarray(observation)

    def step(self, key: Key | None, state: EnvState, action: Array) -> tuple[EnvState, TimeStep]:
        """One step of every environment. Steps stay in order, because each action depends on the last observation."""
        if self._call is not None:
            return state, TimeStep(*self._call(action, self._number))
        return state, foreign.callback(self._step, self._result(jax.ShapeDtypeStruct), action)

    def compiled_program(self, function: Callable[..., Result], donated: Sequence[int]) -> Callable[..., Result]:
        """`function`, compiled, which steps this environment."""
        if self._call is None:
            return functools.partial(self.run, jax.jit(function, donate_argnums=donated))

        def numbered(number: Array, *arguments: Any) -> Result:
            self._number = number
            try:
                return function(*arguments)
            finally:
                self._number = None

        numbered.__name__ = function.__name__
        program = jax.jit(numbered, donate_argnums=[place + 1 for place in donated])
        return functools.partial(self.run, program, np.int32(self._call.number))

    def run(self, program: Callable[..., Result], *arguments: Any) -> Result:
        """The result of a compiled program that steps this environment; raises what its steps raised, if they did.

        Signals such as Ctrl-C are handled once the program is over, which is soon: raised inside a call back into
        Python they would be lost, and the step with them.
        """
        self.failure = None
        with _deferred(self._interrupt):
            result = jax.block_until_ready(program(*arguments))
        if self.failure is not None:
            raise self.failure
        return result

    def _interrupt(self) -> None:
        self.failure = self.failure or KeyboardInterrupt()

    def _write(self, action: np.ndarray, results: tuple[np.ndarray, ...]) -> None:
        try:
            self._copy(self._step(action), results)
        except Exception as error:  # the environment returned arrays that do not fit
            self.failure = error
            self._copy(self._broken(), results)

    def _copy(self, step: TimeStep, results: tuple[np.ndarray, ...]) -> None:
        for result, value in zip(results, step, strict=True):
            result[...] = value

    def _step(self, action: Array) -> TimeStep:
        if self.failure is None:
            try:
                return self.environment.step(None, None, np.asarray(action))[1]
            except BaseException as error:  # environments may raise KeyboardInterrupt, too
                self.failure = error
        return self._broken()

    def _broken(self) -> TimeStep:
        step = self._result(np.zeros)
        return step._replace(reward=np.full_like(step.reward, np.nan), terminated=np.ones_like(step.terminated))

    def _result(self, make: Any) -> TimeStep:
        """What a step returns, with each part made by `make(shape, dtype)`."""
        spec, flags = self.spec, make((self.num_envs,), np.bool_)
        observation = make((self.num_envs, *spec.observation_shape), spec.observation_dtype)
        return TimeStep(observation, make((self.num_envs,), np.float32), flags, flags, observation)


def traceable(environment: Environment) -> Environment:
    """The environment itself, or a host environment in a form that compiled programs can step.

    Whatever surrounds a host environment can be traced already, and surrounds that form instead.
    """
    if environment.compiled:
        return environment
    return with_innermost(environment, lambda inner: inner if isinstance(inner, Hosted) else Hosted(inner))


def turns(environment: Environment) -> Iterator[slice]:
    """The places that the next reset begins to play, one turn after another; all at once in most environments."""
    inner = innermost(environment)
    host = inner.environment if isinstance(inner, Hosted) else inner
    return host.turns() if isinstance(host, TakesTurns) else iter([slice(None)])


def compiled(
    environment: Environment, function: Callable[..., Result], donated: Sequence[int] = ()
) -> Callable[..., Result]:
    """`function`, which steps a traceable environment, compiled; it takes over the arguments at the places `donated`.

    Which host environment is called is an argument of the program, which is then the same for all that are alike, and
    is found in JAX's compilation cache. Raises what steps raised; see `Hosted.run`.
    """
    inner = innermost(environment)
    if isinstance(inner, Hosted):
        return inner.compiled_program(function, donated)
    return jax.jit(function, donate_argnums=donated)


def run(environment: Environment, program: Callable[..., Result], *arguments: Any) -> Result:
    """The result of a compiled program that steps a traceable environment; see `Hosted.run`."""
    inner = innermost(environment)
    return inner.run(program, *arguments) if isinstance(inner, Hosted) else program(*arguments)


@contextlib.contextmanager
def _deferred(note: Callable[[], None]) -> Iterator[None]:
    """In the main thread, hold back signals that Python handles until the end, but call `note` at once.

    SIGTERM is held back without a note: its handlers want to end in good order, with the result of the program; all but
    the one that makes it another Ctrl-C.
    """
    waiting: list[int] = []

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append(number)
        if number != signal.SIGTERM or usual[number] is signal.default_int_handler:
            note()

    in_main = threading.current_thread() is threading.main_thread()
    usual = {int(number): signal.getsignal(number) for number in SIGNALS if in_main}
    try:
        for number, handler in usual.items():
            if callable(handler):
                signal.signal(number, wait)
        yield
    finally:
        for number, handler in usual.items():
            if callable(handler):
                signal.signal(number, handler)
        for number in waiting:
            signal.raise_signal(number)
