"""One Atari 2600 with one game in it, seen as agents see it: an action held for four frames, one small grey frame back.

Its snapshots are the state before the last reset, and what was pressed since, which is played again. For the states
that the Arcade Learning Environment saves do not hold all: not the action that may stick, which is why sticky actions
are drawn here, by the numbers that it would draw; and nothing of a frame that is not yet full, as in Qbert right after
a reset and in TicTacToe3D while it thinks.
"""

import hashlib
import importlib
from pathlib import Path
from typing import Any

import numpy as np

from sparserl.environments import area

FRAME_SKIP = 4
FRAME_SIZE = 84
STICKY_PROBABILITY = 0.25  # that a frame goes on with the action of the one before (Machado et al. 2018)

_STUCK_BELOW = int(STICKY_PROBABILITY * 2**32)


class Console:
    """An emulator of ale-py with its random numbers; frames are uint8 `[84, 84]`, new ones each time."""

    def __init__(self, rom: Path) -> None:
        ale_py = importlib.import_module("ale_py")
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)  # it greets on the standard error
        self._ale: Any = ale_py.ALEInterface()
        self._state_from: Any = ale_py.ALEState
        self._ale.setFloat("repeat_action_probability", 0.0)
        self._ale.setInt("random_seed", 0)  # which nothing depends on
        self._ale.loadROM(rom)
        self._switched_on = self._ale.cloneState(include_rng=True)
        self._actions = self._ale.getMinimalActionSet()
        self._random: Any = np.random.MT19937()
        self._screen, self._pooled = (np.zeros(self._ale.getScreenDims(), np.uint8) for _ in range(2))
        self.seed(0)
        self.begin()

    @property
    def num_actions(self) -> int:
        return len(self._actions)

    def seed(self, seed: int) -> None:
        """As newly switched on, with the numbers that ALE's own generator would draw from this seed of 32 bits."""
        self._random.state = np.random.RandomState(seed).get_state(legacy=False)
        self._ale.restoreState(self._switched_on)

    def begin(self) -> np.ndarray:
        """The first frame of a new game; random numbers go on."""
        self._before: Any = self._ale.cloneState(include_rng=True)
        self._ale.reset_game()
        self._pressed = bytearray()  # the index of the action in each frame since; before them, 0 does nothing
        self._ale.getScreenGrayscale(self._pooled)
        self._screen[...] = 0
        return self._frame()

    def act(self, action: int) -> tuple[np.ndarray, float, bool]:
        """Frame, reward and whether the game is over, after four frames or as many as there were.

        The frame is the maximum of the last two screens, pixel by pixel. Where the game is over before the fourth, the
        screens since are not looked at and the frame before comes again, as in Gymnasium's `AtariPreprocessing`.
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
        np.maximum(self._pooled, self._screen, out=self._pooled)
        return self._frame(), float(reward), over

    def snapshot(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """All that decides how it goes on: plain data, and arrays of one axis."""
        random = self._random.state["state"]
        arrays = {
            "before": np.frombuffer(self._before.serialize(), np.uint8).copy(),
            "pressed": np.frombuffer(self._pressed, np.uint8).copy(),
            "random": random["key"].copy(),
            "pooled": self._pooled.ravel().copy(),
        }
        return {"random_position": int(random["pos"]), "state": self._digest()}, arrays

    def restore(self, document: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """The way back, in a console with the same game; a tenth of a millisecond for each frame of the episode.

        Raises ValueError where it leads elsewhere.
        """
        self._ale.restoreState(self._state_from(arrays["before"].tobytes()))
        self.begin()
        self._pressed += arrays["pressed"].tobytes()
        for index in self._pressed:
            self._ale.act(self._actions[index])
        if self._digest() != document["state"]:
            raise ValueError("what was played since the last reset leads to another state now")
        position = {"key": arrays["random"], "pos": document["random_position"]}
        self._random.state = {"bit_generator": "MT19937", "state": position}
        self._pooled[...] = arrays["pooled"].reshape(self._pooled.shape)

    def _press(self, action: int) -> None:
        """Hold `action` in this frame, unless the one before is stuck. ALE draws once more, for a second player."""
        stuck = self._random.random_raw() < _STUCK_BELOW
        self._random.random_raw()
        if stuck:
            action = self._pressed[-1] if self._pressed else 0
        self._pressed.append(action)

    def _digest(self) -> str:
        return hashlib.sha256(self._ale.cloneState(include_rng=True).serialize()).hexdigest()

    def _frame(self) -> np.ndarray:
        return area.resize(self._pooled, FRAME_SIZE, FRAME_SIZE)
