"""An Atari 2600 with a game in it, as agents see it: an action is held for four frames, a small grey frame comes back.

A snapshot is the state before the last reset and everything pressed since, which is replayed. The states that the
Arcade Learning Environment saves itself are incomplete. They lack the action that may stick, which is why sticky
actions are drawn here, from the numbers that it would draw. They also lack a frame that is still being drawn, as in
Qbert right after a reset and in TicTacToe3D while it thinks.
"""

import hashlib
import importlib
from pathlib import Path
from typing import Any

import numpy as np

from sparserl.environments import area, generators

FRAME_SKIP = 4
FRAME_SIZE = 84
STICKY_PROBABILITY = 0.25  # that a frame repeats the action of the frame before (Machado et al. 2018)

_STUCK_BELOW = int(STICKY_PROBABILITY * 2**32)


class Console:
    """An emulator of ale-py with its random numbers; frames are uint8 `[84, 84]`, new ones each time."""

    def __init__(self, rom: Path) -> None:
        ale_py = importlib.import_module("ale_py")
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)  # it prints a greeting to standard error
        self._ale: Any = ale_py.ALEInterface()
        self._state_from: Any = ale_py.ALEState
        self._ale.setFloat("repeat_action_probability", 0.0)
        self._ale.setInt("random_seed", 0)  # nothing depends on it
        self._ale.loadROM(rom)
        self._switched_on = self._ale.cloneState(include_rng=True)
        self._actions = self._ale.getMinimalActionSet()
        self._random: Any = np.random.MT19937()
        self._filmed: np.ndarray | None = None
        self._screen, self._pooled = (np.zeros(self._ale.getScreenDims(), np.uint8) for _ in range(2))
        self.seed(0)
        self.begin()

    @property
    def num_actions(self) -> int:
        return len(self._actions)

    def seed(self, seed: int) -> None:
        """The console as just switched on, with the random numbers that ALE would draw from this seed of 32 bits."""
        self._random.state = np.random.RandomState(seed).get_state(legacy=False)
        self._ale.restoreState(self._switched_on)

    def begin(self) -> np.ndarray:
        """The first frame of a new game; the random numbers continue."""
        self._before: Any = self._ale.cloneState(include_rng=True)
        self._ale.reset_game()
        self._pressed = bytearray()  # the action's index in each frame since; 0 does nothing
        self._ale.getScreenGrayscale(self._pooled)
        self._screen[...] = 0
        if self._filmed is not None:
            self._filmed[...] = self._ale.getScreenRGB()
        return self._frame()

    def act(self, action: int) -> tuple[np.ndarray, float, bool]:
        """Frame, reward and whether the game is over, after four frames or fewer if the game ends earlier.

        The frame is the pixelwise maximum of the last two screens. If the game ends before the fourth frame, its last
        screens are ignored and the previous frame is returned again, as in Gymnasium's `AtariPreprocessing`.
        """
        reward, over = 0, False
        for number in range(FRAME_SKIP):
            self._press(action)
            reward += self._ale.act(self._actions[self._pressed[-1]])
            over = self._ale.game_over(with_truncation=False)
            if over:
                break
            if number >= FRAME_SKIP - 2:
                self._ale.getScreenGrayscale(self._pooled if number == FRAME_SKIP - 1 else self._screen)
                if self._filmed is not None:
                    self._ale.getScreenRGB(self._filmed[number % 2])
        np.maximum(self._pooled, self._screen, out=self._pooled)
        return self._frame(), float(reward), over

    def film(self) -> None:
        """Keep the last two screens in colours, too, from now on."""
        self._filmed = np.stack(2 * [self._ale.getScreenRGB()])

    def picture(self) -> np.ndarray:
        """The brightest of the last two screens, uint8 `[y, x, 3]`: games draw some things in every other one only."""
        assert self._filmed is not None
        brightest: np.ndarray = self._filmed.max(0)
        return brightest

    def snapshot(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Everything that decides how the console continues: plain data, and one-dimensional arrays."""
        random = self._random.state["state"]
        arrays = {
            "before": np.frombuffer(self._before.serialize(), np.uint8).copy(),
            "pressed": np.frombuffer(self._pressed, np.uint8).copy(),
            "random": random["key"].copy(),
            "pooled": self._pooled.ravel().copy(),
        }
        return {"random_position": int(random["pos"]), "state": self._digest()}, arrays

    def restore(self, document: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """The inverse of `snapshot`, in a console with the same game; takes 0.1 ms for each frame of the episode.

        Raises ValueError if the replay ends in another state.
        """
        self._ale.restoreState(self._state_from(arrays["before"].tobytes()))
        self.begin()
        self._pressed += arrays["pressed"].tobytes()
        for index in self._pressed:
            self._ale.act(self._actions[index])
        if self._digest() != document["state"]:
            raise ValueError("what was played since the last reset leads to another state now")
        numbers = {"key": arrays["random"], "pos": document["random_position"]}
        self._random.state = generators.checked({"bit_generator": "MT19937", "state": numbers})
        self._pooled[...] = arrays["pooled"].reshape(self._pooled.shape)

    def _press(self, action: int) -> None:
        """Hold `action` in this frame, unless the previous action sticks. ALE also draws for a second player."""
        stuck = self._random.random_raw() < _STUCK_BELOW
        self._random.random_raw()
        if stuck:
            action = self._pressed[-1] if self._pressed else 0
        self._pressed.append(action)

    def _digest(self) -> str:
        return hashlib.sha256(self._ale.cloneState(include_rng=True).serialize()).hexdigest()

    def _frame(self) -> np.ndarray:
        return area.resize(self._pooled, FRAME_SIZE, FRAME_SIZE)
