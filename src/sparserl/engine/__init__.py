"""Engine: runs as tasks of a Dask cluster, each in a process of its own; a run is a folder to it, and JAX is not here.

The names below are loaded on first use, so that a look at a study's runs (`engine.overview`) does not wait for Dask.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["ClusterLost", "News", "Retries", "Settings", "run"]

_MODULES = {"run": "running", "ClusterLost": "news", "News": "news", "Retries": "retries", "Settings": "settings"}

if TYPE_CHECKING:
    from sparserl.engine.news import ClusterLost, News
    from sparserl.engine.retries import Retries
    from sparserl.engine.running import run
    from sparserl.engine.settings import Settings
else:  # type checkers shall see a name that is not there

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        raise AttributeError(f"module 'sparserl.engine' has no attribute {name!r}")
