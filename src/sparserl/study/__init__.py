"""Study: a question as data, its experiments, and their runs as processes, one seed of one experiment each.

The names below are loaded on first use, so that looking at a study on disk (`sparserl.study.stored`) imports no JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparserl.study.pool import LOG_NAME, Outcome, Progress, run_all
    from sparserl.study.studies import SCALES, Figure, Scale, Study

_MODULES = {  # the module of each name
    **dict.fromkeys(("LOG_NAME", "Outcome", "Progress", "run_all"), "pool"),
    **dict.fromkeys(("SCALES", "Figure", "Scale", "Study"), "studies"),
}

__all__ = ["LOG_NAME", "SCALES", "Figure", "Outcome", "Progress", "Scale", "Study", "run_all"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'sparserl.study' has no attribute {name!r}")
