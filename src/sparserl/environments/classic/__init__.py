"""Classic control as JAX programs, one file for each task."""

from sparserl.environments.classic.environment import DEFAULT_TASKS as DEFAULT_TASKS
from sparserl.environments.classic.environment import ClassicEnvironment as ClassicEnvironment
