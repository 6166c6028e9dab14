"""Named points at which a process can be made to die as by kill -9, so that tests hit the moments that matter.

The environment variable SPARSERL_KILL_AT names one of POINTS and how often it may be passed: `commit:3` dies the third
time. Where it is not set, a point costs a look-up.
"""

import os
import signal

POINTS = ("commit", "checkpoint", "evaluation", "finish")
"""Before a rename, between the files of a checkpoint, before episodes, between the last things that a run stores."""
_VARIABLE = "SPARSERL_KILL_AT"
_passed: dict[str, int] = {}


def passing(point: str) -> None:
    """Die here if that was asked for."""
    if wanted := os.environ.get(_VARIABLE):
        _passed[point] = _passed.get(point, 0) + 1
        if wanted == f"{point}:{_passed[point]}":
            os.kill(os.getpid(), signal.SIGKILL)
