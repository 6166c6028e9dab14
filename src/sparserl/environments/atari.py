"""Atari games through ale-py, set up as in the paper's experiments: `atari:Pong` and the like."""

import numpy as np

from sparserl.environments import games, snapshots
from sparserl.environments.console import FRAME_SIZE, Console
from sparserl.environments.host import seeds
from sparserl.environments.registry import in_one_line
from sparserl.environments.snapshots import Snapshot
from sparserl.types import Array, Discrete, EnvSpec, Key, TimeStep, UserError

TIME_LIMIT_STEPS = 27_000  # 108,000 frames: half an hour of play
_STACK = np.dtype("<u4")  # four frames of a pixel; the newest is the highest byte, which is last in memory


class AtariEnvironment:
    """`num_envs` consoles running the same game, stepped in a Python loop; games that end start over by themselves.

    Observations are uint8 `[env, 84, 84, 4]`: the last four frames, newest last, zeros before the first. Actions are
    integers from 0 `[env]`, which number those that do something in the game. A step holds its action for four frames;
    with probability 0.25 a frame repeats the action of the frame before instead. Rewards are float32 `[env]`, the
    unclipped score. `terminated` means that the game is over, not that a life was lost; `truncated` comes after 27,000
    steps. Raises `UserError` where the game is unknown or ale-py is missing. Returned arrays are never written again.
    filmed: whether `picture` shows the first console's screen, on which its first game stays when it is over.
    """

    compiled = False

    def __init__(self, identifier: str, num_envs: int, filmed: bool = False) -> None:
        if num_envs < 1:
            raise UserError("at least 1 is needed", field="num_envs", value=num_envs)
        rom = games.rom(identifier)
        self.num_envs = num_envs
        self._consoles = [Console(rom) for _ in range(num_envs)]
        self._stacks: np.ndarray = np.zeros((num_envs, FRAME_SIZE, FRAME_SIZE), _STACK)
        self._episode_steps = np.zeros(num_envs, np.int64)
        self._filmed = filmed
        if filmed:
            self._consoles[0].film()
        action, shape = Discrete(self._consoles[0].num_actions), (FRAME_SIZE, FRAME_SIZE, _STACK.itemsize)
        self.spec = EnvSpec(identifier, shape, np.dtype(np.uint8), action, TIME_LIMIT_STEPS, _STACK.itemsize)

    def reset(self, key: Key) -> tuple[None, np.ndarray]:
        """Fresh games, seeded from `key`; observations `[env, 84, 84, 4]`."""
        for index, seed in enumerate(seeds(key, self.num_envs)):
            self._consoles[index].seed(seed)
            self._begin(index)
        return None, _observation(self._stacks)

    def step(self, key: Key | None, state: None, action: Array) -> tuple[None, TimeStep]:
        """One step of every environment; those that end start over and keep drawing from their own random numbers."""
        actions = np.asarray(action).tolist()
        frames = np.empty(self._stacks.shape, _STACK)
        reward, terminated = np.empty(self.num_envs, np.float32), np.empty(self.num_envs, np.bool_)
        for index, console in enumerate(self._consoles):
            frames[index], reward[index], terminated[index] = console.act(actions[index])
        self._stacks = (self._stacks >> 8) | (frames << 24)
        self._episode_steps += 1
        truncated = self._episode_steps >= TIME_LIMIT_STEPS
        reached = observation = _observation(self._stacks)
        if (ended := np.flatnonzero(terminated | truncated)).size:
            for index in ended.tolist():
                if index or not self._filmed:
                    self._begin(index)
            observation = _observation(self._stacks)
        return None, TimeStep(observation, reward, terminated, truncated, reached)

    def picture(self) -> np.ndarray:
        """The first console's screen, uint8 `[y, x, 3]`."""
        return self._consoles[0].picture()

    def snapshot(self) -> Snapshot:
        """Everything that decides how the environments continue."""
        nodes, arrays = [], {"stacks": self._stacks.view(np.uint8).ravel().copy()}
        for index, console in enumerate(self._consoles):
            node, of_console = console.snapshot()
            nodes.append({**node, "episode_steps": int(self._episode_steps[index])})
            arrays |= {f"environments[{index}].{name}": array for name, array in of_console.items()}
        heading = snapshots.heading(self.spec.identifier, self.num_envs, ("ale-py",))
        return Snapshot({**heading, "environments": nodes}, arrays)

    def restore(self, snapshot: Snapshot) -> None:
        """Continue from `snapshot`, bit for bit, whatever happened before; the process that took it may be gone.

        Raises `UserError` if it is of another game, number of environments or version of ale-py.
        """
        document, arrays = snapshot
        snapshots.check(self.spec.identifier, self.num_envs, document)
        try:
            for index, console in enumerate(self._consoles):
                prefix, node = f"environments[{index}].", document["environments"][index]
                within = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
                console.restore(node, within)
                self._episode_steps[index] = node["episode_steps"]
            self._stacks = arrays["stacks"].view(_STACK).reshape(self._stacks.shape).copy()
        except Exception as error:
            what = f"the snapshot does not fit environment {self.spec.identifier!r}: {in_one_line(error)}"
            raise UserError(what) from error

    def snapshot_obstacle(self) -> None:
        """Why `snapshot` would fail now; it never does."""

    def close(self) -> None:
        """Does nothing: no resource is held open."""

    def _begin(self, index: int) -> None:
        self._stacks[index] = self._consoles[index].begin().astype(_STACK) << 24
        self._episode_steps[index] = 0


def _observation(stacks: np.ndarray) -> np.ndarray:
    """uint8 `[env, 84, 84, 4]`, in memory of its own."""
    return stacks.copy().view(np.uint8).reshape(*stacks.shape, _STACK.itemsize)
