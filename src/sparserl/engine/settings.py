"""Settings: how workers are started and watched."""

import dataclasses
from typing import Literal

from sparserl.errors import UserError


@dataclasses.dataclass(frozen=True)
class Settings:
    """How workers are started and watched; None leaves the choice to the worker."""

    hang_seconds: float = 600.0  # a worker that says nothing for so long is stopped
    stop_seconds: float = 8.0  # how long a worker that is asked to stop may take to store what it has
    alive_seconds: float = 15.0  # how often a run's Dask worker says that it is there
    steady_seconds: float = (
        60.0  # a signal of others that comes sooner after a start may be the environment's: a failure
    )
    silence_seconds: float = 60.0  # two leases: a Dask worker that says nothing for so long loses its runs
    lease_seconds: float | None = None
    checkpoint_seconds: float | None = None
    memory_limit_bytes: int | None = None
    force: bool = False
    module_folders: tuple[str, ...] = ()  # where workers look for modules last of all
    resume: Literal["auto", "exact", "fresh-episode"] = "auto"  # how runs go on: see experiment.Resume
    observation_noise: tuple[float, ...] = ()  # evaluate runs that have finished under these, instead of training
    gpu: bool = False  # each worker gets one of its machine's GPUs
    program: tuple[str, ...] = ("-P", "-m", "sparserl.worker")

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if name.endswith("_seconds") and value is not None and not 0.0 < value < float("inf"):
                raise UserError("it must be more than 0, and finite", field=name, value=value)
        if self.memory_limit_bytes is not None and self.memory_limit_bytes < 1:
            raise UserError("it must be at least 1", field="memory_limit_bytes", value=self.memory_limit_bytes)
