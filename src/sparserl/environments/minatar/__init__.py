"""MinAtar as JAX programs, one file for each game."""

from sparserl.environments.minatar.environment import GAMES as GAMES
from sparserl.environments.minatar.environment import PREFIX as PREFIX
from sparserl.environments.minatar.environment import MinAtarEnvironment as MinAtarEnvironment
from sparserl.environments.minatar.game import Game as Game
