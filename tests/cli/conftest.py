"""One finished training of two seeds, shared by the tests that only look at what it left."""

import contextlib
import io
import json
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.command import TINY
from sparserl.cli import main
from sparserl.sinks import processes
from waiting import PATIENCE_SECONDS

WORDS = ["train", "dqn", "set", "--environment", "CartPole-v1", *TINY, "--method.window.interval-updates", "50"]


class Trained(NamedTuple):
    """The words of the command, its exit status, its JSON document, what it told meanwhile, and where its files are."""

    words: list[str]
    status: int
    document: dict
    told: str
    results: Path
    folder: Path


@pytest.fixture(scope="package")
def trained(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    words = [*WORDS, "--num-seeds", "2", "--seed", "3", "--output", str(results), "--sink", "jsonl", "--json"]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "DRAIN_SECONDS", PATIENCE_SECONDS)  # sinks have the lowest priority
        status = main(words)
    document = json.loads(out.getvalue())
    return Trained(words, status, document, err.getvalue(), results, results / document["experiment_id"])
