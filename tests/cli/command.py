"""How tests call the command line: in this process, with what it prints; and a training that takes seconds."""

import json
from typing import NamedTuple

from sparserl.cli import main

TINY = [
    *("--network.hidden-units", "16", "16"),
    *("--total-steps", "300"),
    *("--agent.warmup-steps", "100"),
    *("--evaluation.interval-steps", "100"),
    *("--evaluation.num-episodes", "2"),
]


class Result(NamedTuple):
    status: int
    out: str
    err: str

    def document(self):
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)


def call(capsys, *words):
    """Run `sparserl *words` and return exit status and what was printed."""
    capsys.readouterr()
    status = main([str(word) for word in words])
    return Result(status, *capsys.readouterr())
