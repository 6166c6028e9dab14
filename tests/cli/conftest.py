"""One finished training of two seeds, shared by the tests that only look at what it left."""

import contextlib
import io
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.command import TINY
from sparserl.cli import main
from sparserl.processes.locks import wait_for_lock
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
def trained(tmp_path_factory, request):
    """Trained once for all of pytest-xdist's workers, each of which gets a copy of its own."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if hasattr(request.config, "workerinput") else base) / "trained"
    with wait_for_lock(shared.with_suffix(".lock")):
        if not shared.with_suffix(".json").exists():
            shared.with_suffix(".json").write_text(json.dumps(train(shared)))
    own = tmp_path_factory.mktemp("results")
    shutil.copytree(shared, own, dirs_exist_ok=True)
    text = shared.with_suffix(".json").read_text().replace(str(shared), str(own))
    words, status, document, told = json.loads(text)
    return Trained(words, status, document, told, own, own / document["experiment_id"])


def train(results):
    """The words of the command but for its sink, its exit status, its document, and what it told meanwhile."""
    words = [*WORDS, "--num-seeds", "2", "--seed", "3", "--output", str(results), "--json"]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "DRAIN_SECONDS", PATIENCE_SECONDS)  # sinks have the lowest priority
        few_figures(patch)
        status = main([*words, "--sink", "jsonl"])
    return words, status, json.loads(out.getvalue()), err.getvalue()


@pytest.fixture
def undrawn(monkeypatch):
    """Reports without figures, where what is printed, the page, or where both go is looked at."""
    from sparserl.report import files

    monkeypatch.setattr(files, "figures_of", lambda selection, alone=True: ())


@pytest.fixture(autouse=True)
def _few_figures(monkeypatch):
    few_figures(monkeypatch)


def few_figures(monkeypatch):
    """Reports with learning curves beside the figures of studies: others take seconds, and have tests of their own."""
    from sparserl.report import files

    every = files.standard_figures
    monkeypatch.setattr(files, "standard_figures", lambda selection: every(selection)[:1])
