"""Host environments: anything registered in Gymnasium, stepped in a Python loop."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import gymnasium
import jax
import numpy as np

from sparserl.calls import PLAYING
from sparserl.environments import closing, outside, registry, returned, shared, shared_random, snapshots, spaces, trial
from sparserl.environments.snapshots import Snapshot
from sparserl.types import Array, Box, Discrete, Divergence, Key, TimeStep, UserError


class HostEnvironment:
    """`num_envs` environments of Gymnasium, stepped in a Python loop, which reset themselves.

    Observations `[env, ...]` are those of `spaces.Observations`. Rewards are float32 `[env]`, `terminated` and
    `truncated` bool `[env]`. Actions are integers from 0 `[env]`, or floats `[env, ...]`. What environments draw from
    the generators that the process shares is decided by `reset`'s key, too.
    Raises `UserError` if the name is unknown, a package is missing or a space does not fit, and later if an environment
    raises or returns what is not of its space, or not finite; `Divergence` if an action is not finite. Returned arrays
    are never written again. Each environment has the seed of its place in `places`, among `num_places`: others may be
    elsewhere, or have been (`InTurns`).

    Equal keys give equal episodes whatever was played before: some environments keep state that no reset touches, so a
    second `reset` begins with environments as they are built, restored or, where they cannot be captured, made anew.

    render_mode: that of Gymnasium's in which the first environment is made; "rgb_array" lets `picture` draw it. Such an
    environment stays at the end of its first episode, so that this can be seen, and shall not be played any further.
    """

    compiled = False

    def __init__(self, identifier: str, num_envs: int, render_mode: str | None = None) -> None:
        if num_envs < 1:
            raise UserError("at least 1 is needed", field="num_envs", value=num_envs)
        registration = registry.find(identifier)
        self.num_envs = num_envs
        self._identifier, self._num_steps = identifier, 0
        self.num_places = num_envs
        self.places: Sequence[int] = range(num_envs)
        self._registration, self._render_mode = registration, render_mode
        self._as_built: Snapshot | None = None
        self._is_used = False
        self._inexact: str | None = ""  # nobody has tried yet
        self._environments = [self._made(0)]
        try:
            self.spec = spaces.specification(identifier, self._environments[0], registration.max_episode_steps)
            self._environments += map(self._made, range(1, num_envs))
            shared.remember(self._environments)
        except BaseException:
            self.close()
            raise
        seen, space = registry.spaces_of(identifier, self._environments[0])
        self._first_action, self._action_dtype = getattr(space, "start", 0), space.dtype
        self._observations = spaces.Observations.of(identifier, seen)
        self._watch = outside.Watch(identifier, self._observations)
        self._continuous = self.spec.observation_dtype == np.float32
        self._continuous_actions = isinstance(self.spec.action, Box)
        self._bounds = _remaining_bounds(self.spec.action, space)
        self._shared_random = shared_random.Stream()

    def reset(self, key: Key) -> tuple[None, np.ndarray]:
        """Fresh episodes, seeded from `key`; observations `[env, ...]`."""
        self._begin_as_built()
        return None, self.begin(key)

    def step(self, key: Key | None, state: None, action: Array) -> tuple[None, TimeStep]:
        """One step of every environment; those that end start over and keep drawing from their own random numbers."""
        self._num_steps += 1
        if self._continuous_actions and not _finite(np.asarray(action)):
            raise Divergence(f"training diverged: the action of step {self._num_steps} is not finite")
        if self._bounds is not None:
            action = action.clip(*self._bounds)
        actions = np.array(action, self._action_dtype)  # a copy: an environment may write into its action
        if self._first_action:
            actions += self._first_action
        reached, reward = self._empty_observation(), np.empty(self.num_envs, np.float32)
        terminated, truncated = np.empty(self.num_envs, np.bool_), np.empty(self.num_envs, np.bool_)
        index, ended, seen = 0, [], list[Any]()
        self._shared_random.use()
        try:
            for index, environment in enumerate(self._environments):
                own = actions[index, ...] if self._continuous_actions else actions[index]  # with no axes, an array, too
                with PLAYING:
                    answer = environment.step(own)
                shown, rewarded, over, cut, _ = returned.of_step(answer)
                reward[index] = returned.reward(rewarded)
                terminated[index] = is_over = returned.flag("terminated", over)
                truncated[index] = is_cut = returned.flag("truncated", cut)
                self._observations.put(reached, index, shown)
                seen.append(shown)
                if is_over or is_cut:
                    ended.append(index)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit and its like are the environment's, and end nothing of ours
            reason = returned.explained(error, self._environments[index], resetting=False)
            self._fail(index, f"at step {self._num_steps}", reason)
        if self._continuous and not _finite(reached):
            index = int(np.argmin(np.isfinite(reached).reshape(self.num_envs, -1).all(1)))
            self._fail(index, f"at step {self._num_steps}", spaces.not_finite(seen[index]))
        self._watch.look(reached)
        observation = reached.copy() if ended else reached
        for index in ended[1:] if self._render_mode and 0 in ended else ended:
            self._reset_one(index, observation, None)
        return None, TimeStep(observation, reward, terminated, truncated, reached)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the first environment tells of itself, as how it can be drawn, and how many pictures make a second."""
        return dict(getattr(self._environments[0], "metadata", None) or {})

    def picture(self) -> np.ndarray:
        """What the first environment looks like, uint8 `[y, x, 3]`. Raises `UserError` where it cannot be drawn.

        To be called in the thread that called it first: to any other, OpenGL gives black pictures.
        """
        return drawn(self._environments[0], self._identifier)

    def snapshot(self) -> Snapshot:
        """Everything that decides how the environments continue. Raises `UserError` if that cannot be captured."""
        document, arrays = snapshots.take(self.spec.identifier, self._environments, self._num_steps)
        return Snapshot({**document, shared_random.NAME: self._shared_random.node(arrays)}, arrays)

    def restore(self, snapshot: Snapshot) -> None:
        """Continue from `snapshot`, bit for bit, whatever happened before; the process that took it may be gone.

        Raises `UserError` if it is of other environments, versions or MuJoCo models; reset or remake these afterwards.
        """
        self._is_used = True
        self._num_steps = snapshots.restore(self.spec.identifier, self._environments, snapshot)
        if node := snapshot.document.get(shared_random.NAME):  # earlier versions wrote none
            self._restore_shared_random(node, snapshot.arrays)

    def snapshot_obstacle(self) -> str | None:
        """Why `snapshot` would fail now, in one line. Ask after a reset, which may create more to be captured."""
        try:
            self.snapshot()
        except UserError as error:
            return str(error)
        return None

    def unseeded(self) -> str | None:
        """What differs between two episodes that begin with the same key, in one line; None where nothing does."""
        return trial.unseeded(self, lambda: HostEnvironment(self._identifier, self.num_envs))

    def inexact(self) -> str | None:
        """Why snapshots of such environments do not go on exactly, in one line; None where it was tried, and they do.

        It is tried once, in the first two of these environments, which are left as they are built; whatever other
        environments share with them is left as it was. Beside a single one another is made, and closed when it is over.
        """
        if self._inexact == "":
            self._inexact = self._tried()
        return self._inexact

    def distrust(self, why: str) -> None:
        """Take it as known that snapshots do not go on exactly."""
        self._inexact = why

    def close(self) -> None:
        """Release what the environments hold, such as windows and simulators, once; never raises (`closing`)."""
        closing.close_all(self._identifier, self._environments)

    def _made(self, index: int) -> gymnasium.Env[Any, Any]:
        return registry.make(self._identifier, self._registration, None if index else self._render_mode)

    def begin(self, key: Key) -> np.ndarray:
        """Fresh episodes in environments as they are by now; observations `[env, ...]`."""
        self._is_used, self._num_steps = True, 0
        observation = self._empty_observation()
        own = seeds(key, 2 * self.num_places)
        self._shared_random.begin(own[self.num_places + self.places[0]])  # not the same in every turn
        for index, place in enumerate(self.places):
            self._reset_one(index, observation, own[place] % 2**31)  # some environments take no larger one
        return observation

    def begin_anew(self) -> np.ndarray:
        """Fresh episodes that draw from the environments' own random numbers; observations `[env, ...]`."""
        self._shared_random.use()
        observation = self._empty_observation()
        for index in range(self.num_envs):
            self._reset_one(index, observation, None)
        return observation

    def _begin_as_built(self) -> None:
        """Leave nothing of what was played before."""
        if not self._is_used:
            self._keep_as_built()
        elif self._as_built is not None and self.inexact() is None:
            snapshots.restore(self.spec.identifier, self._environments, self._as_built)
        else:
            self.close()
            self._environments += map(self._made, range(self.num_envs))

    def _keep_as_built(self) -> None:
        """Raises nothing: what cannot be captured is made anew instead."""
        if self._as_built is None and not self._inexact:
            try:
                self._as_built = snapshots.take(self.spec.identifier, self._environments, 0, with_shared=False)
            except UserError as error:
                self._inexact = str(error)

    def _tried(self) -> str | None:
        if not self._is_used:
            self._keep_as_built()
        if self._as_built is None:
            return self._inexact or "it was used before it could be captured"
        was_used, self._is_used = self._is_used, True
        identifier, singles, as_built = self.spec.identifier, self._environments, self._as_built
        beside: snapshots.Singles = []
        try:
            before = shared.taken(singles)
            if was_used:
                snapshots.restore(identifier, singles, as_built)
            try:
                if self.num_envs == 1:  # in the same one, what its making decides would be there still
                    beside.append(registry.make(self._identifier, self._registration))
                why = trial.difference(*(self._alone(single) for single in (singles + beside)[:2]))
                snapshots.restore(identifier, singles, as_built)
            finally:
                closing.close_all(identifier, beside)
                before.give_back()
        except (Exception, SystemExit) as error:
            why = f"it was tried, and failed: {registry.in_one_line(error)}"
        self._is_used = was_used or why is not None
        return why and f"environment {identifier!r} does not go on exactly from a snapshot: {why}"

    def _alone(self, single: gymnasium.Env[Any, Any]) -> "HostEnvironment":
        """One environment such as these as a host environment of its own."""
        alone = copy.copy(self)
        alone._environments, alone.num_envs, alone._inexact = [single], 1, "on trial"
        alone._is_used, alone.num_places, alone.places = False, 1, range(1)
        return alone

    def _empty_observation(self) -> np.ndarray:
        return np.empty((self.num_envs, *self.spec.observation_shape), self.spec.observation_dtype)

    def _restore_shared_random(self, node: Any, arrays: dict[str, np.ndarray]) -> None:
        try:
            self._shared_random.restore(node, arrays)
        except Exception as error:
            reason = registry.in_one_line(error)
            raise UserError(f"the snapshot does not fit the generators that a process shares: {reason}") from error

    def _reset_one(self, index: int, observation: np.ndarray, seed: int | None) -> None:
        environment, when = self._environments[index], f"in its reset after step {self._num_steps}"
        try:
            with PLAYING:
                answer = environment.reset(seed=seed)
            seen = returned.of_reset(answer)
            self._observations.put(observation, index, seen)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._fail(index, when, returned.explained(error, environment, resetting=True))
        if self._continuous and not _finite(observation[index]):
            self._fail(index, when, spaces.not_finite(seen))
        self._watch.look(observation[index])

    def _fail(self, index: int, when: str, reason: BaseException) -> NoReturn:
        who = f"environment {self.spec.identifier!r} ({index + 1} of {self.num_envs})"
        line = str(reason) if isinstance(reason, returned.Unfit) else registry.in_one_line(reason)
        raise UserError(f"{who} failed {when}: {line}") from reason


def drawn(environment: gymnasium.Env[Any, Any], identifier: str) -> np.ndarray:
    """What an environment of Gymnasium looks like, uint8 `[y, x, 3]`. Raises `UserError` where it cannot be drawn."""
    try:
        with PLAYING:
            answer = environment.render()
        return returned.picture(answer)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UserError(f"environment {identifier!r} cannot be filmed: {registry.not_drawn(error)}") from error


def _remaining_bounds(action: Discrete | Box, space: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Bounds of `space` that actions may exceed: those that count as none, have no float32 number between them, or are
    of a smaller type.
    """
    if not isinstance(action, Box):
        return None
    within = ((action.low >= space.low) & (action.high <= space.high)).all()
    if within and space.dtype.itemsize >= np.dtype(np.float32).itemsize:
        return None
    limits = np.finfo(space.dtype)
    return np.maximum(space.low, limits.min), np.minimum(space.high, limits.max)


def _finite(values: np.ndarray) -> bool:
    return np.count_nonzero(np.isfinite(values)) == values.size  # twice as fast as `all` for few values


def seeds(key: Key, num_envs: int) -> list[int]:
    """A 32-bit seed for each environment."""
    words = np.asarray(jax.random.key_data(key)).ravel()
    return np.random.SeedSequence(words.tolist()).generate_state(num_envs).tolist()
