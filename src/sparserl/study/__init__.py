"""Study: a question as data, its experiments, and their runs as processes, one seed of one experiment each.

The names below are loaded on first use, so that looking at a study on disk (`sparserl.study.stored`) imports no JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "LOG_NAME",
    "SCALES",
    "Figure",
    "News",
    "Outcome",
    "RunProgress",
    "Scale",
    "SeedResult",
    "Study",
    "Trained",
    "distinct",
    "grid",
    "run_all",
    "train",
]

_MODULES = {  # the module of each name
    **dict.fromkeys(("LOG_NAME", "Outcome", "RunProgress"), "sparserl.processes.outcomes"),
    **dict.fromkeys(("SCALES", "Figure", "Scale", "Study"), "sparserl.study.studies"),
    **dict.fromkeys(("SeedResult", "Trained", "train"), "sparserl.study.experiments"),
    **dict.fromkeys(("distinct", "grid"), "sparserl.study.grids"),
    "News": "sparserl.engine.news",
    "run_all": "sparserl.study.machine",
}

if TYPE_CHECKING:
    from sparserl.engine.news import News
    from sparserl.processes.outcomes import LOG_NAME, Outcome, RunProgress
    from sparserl.study.experiments import SeedResult, Trained, train
    from sparserl.study.grids import distinct, grid
    from sparserl.study.machine import run_all
    from sparserl.study.studies import SCALES, Figure, Scale, Study
else:  # type checkers shall see a name that is not there

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return getattr(import_module(_MODULES[name]), name)
        raise AttributeError(f"module 'sparserl.study' has no attribute {name!r}")
