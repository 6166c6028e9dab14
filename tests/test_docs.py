"""The documents: their Python is executed, in order, as a reader would type it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import documents
import sparserl
from deploy.small_policies import perceptron
from report import synthetic
from sparserl import study
from sparserl.deploy import safetensors
from sparserl.deploy.exporting import contract_document
from sparserl.deploy.steps import weighted
from sparserl.report import files

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PRINTED_STEPS = {"README.md": [0, 2000, 3000], "docs/tutorials/method.md": [0, 1500]}


WITH_A_TEST_OF_ITS_OWN = {  # what such a page prints, or what its Python works on, is looked at below or elsewhere
    *PRINTED_STEPS,
    *("docs/command-line.md", "docs/deploy.md", "docs/environments.md", "docs/how-to/optuna.md", "docs/reports.md"),
    *("docs/sparsify.md", "docs/statistics.md"),
    *("docs/linalg.md", "docs/how-to/many-seeds.md", "docs/how-to/from-jaxpruner.md"),
    "docs/how-to/sparse-sbx.md",  # tests/examples/test_sbx.py
    "docs/quickstart.md",  # tests/test_quickstart.py, as a notebook
    *("docs/tutorials/agent.md", "docs/tutorials/environment.md", "docs/tutorials/train.md"),  # tests/test_tutorials.py
}
IN_ORDER = [page for page in documents.PAGES if documents.name_of(page) not in WITH_A_TEST_OF_ITS_OWN]


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("name", PRINTED_STEPS)
def test_python_in_documents_runs(name, capsys):
    assert blocks(name)
    namespace: dict = {"__name__": "document"}
    for number, block in enumerate(blocks(name)):
        exec(compile(block, f"{name}, block {number}", "exec"), namespace)
    told = capsys.readouterr().out.splitlines()
    lines = [line.split() for line in told if line[0].isdecimal()]
    assert [int(steps) for steps, *_ in lines] == PRINTED_STEPS[name]
    assert lines[-1][-1].startswith("0.10"), "a density of 0.1 was asked for"
    text = (ROOT / name).read_text()
    assert all(line in text for line in told if not line[0].isdecimal()), "what else is printed, the page shows"


@pytest.mark.parametrize("page", IN_ORDER, ids=documents.name_of)
def test_python_of_pages_runs_in_order(page, tmp_path, monkeypatch):
    """In a folder of its own, with the files that the page shows; what it says takes long runs with the whole page."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    namespace: dict = {"__name__": "document"}
    for block in documents.blocks(page):
        if block.told.startswith("file: "):
            (tmp_path / block.told.removeprefix("file: ")).write_text(block.text)
        elif block.language == "python" and not (block.is_left_out or block.is_thorough):
            exec(compile(block.text, f"{block.page}:{block.line}", "exec"), namespace)


def test_pages_with_a_test_of_their_own_are_there():
    assert {documents.name_of(page) for page in documents.PAGES} >= WITH_A_TEST_OF_ITS_OWN


def test_python_about_mistakes_runs():
    [block] = blocks("docs/command-line.md")
    namespace: dict = {"__name__": "document"}
    exec(compile(block, "docs/command-line.md", "exec"), namespace)
    assert namespace["told"][0] == "total_steps"


def test_python_about_environments_runs():
    namespace: dict = {"__name__": "document"}
    for number, block in enumerate(blocks("docs/environments.md")):
        exec(compile(block, f"docs/environments.md, block {number}", "exec"), namespace)
    assert namespace["again"].reward.tobytes() == namespace["expected"].reward.tobytes()


@pytest.mark.kernels
def test_python_about_sparsify_runs(capsys):
    """The table that the document shows is printed, and each of the seeds has as many live weights."""
    namespace: dict = {"__name__": "document"}
    for number, block in enumerate(blocks("docs/sparsify.md")):
        exec(compile(block, f"docs/sparsify.md, block {number}", "exec"), namespace)
    [table] = re.findall(r"```\n(rigl\n.*?)```", (ROOT / "docs/sparsify.md").read_text(), flags=re.DOTALL)
    told = capsys.readouterr().out
    assert told.startswith(f"{table}[32 32 32 32]\nset\n")
    assert told.endswith("\nCompressed 32\n")


@pytest.mark.kernels
def test_python_about_compressed_kernels_runs(capsys):
    """What it prints is what the document shows."""
    namespace: dict = {"__name__": "document"}
    for number, block in enumerate(blocks("docs/linalg.md")):
        exec(compile(block, f"docs/linalg.md, block {number}", "exec"), namespace)
    shown = re.findall(r"```\n\n```\n(.*?)```", (ROOT / "docs/linalg.md").read_text(), flags=re.DOTALL)
    assert capsys.readouterr().out == "".join(shown)


def test_python_about_many_seeds_runs(capsys):
    """Live weights are those that the document shows, and what was stored twice went on to the same bits."""
    pytest.importorskip("flax")
    pytest.importorskip("orbax.checkpoint")
    namespace: dict = {"__name__": "document"}
    for number, block in enumerate(blocks("docs/how-to/many-seeds.md")):
        exec(compile(block, f"docs/how-to/many-seeds.md, block {number}", "exec"), namespace)
    shown = re.findall(r"```\n(\[.*?)```", (ROOT / "docs/how-to/many-seeds.md").read_text(), flags=re.DOTALL)
    assert capsys.readouterr().out == "".join([*shown, "True True\n"])


def test_python_for_those_who_come_from_jaxpruner_runs(capsys):
    namespace: dict = {"__name__": "document"}
    for number, block in enumerate(blocks("docs/how-to/from-jaxpruner.md")):
        exec(compile(block, f"docs/how-to/from-jaxpruner.md, block {number}", "exec"), namespace)
    table, _, live = capsys.readouterr().out.strip().rpartition("\n")
    assert table.splitlines()[-1].split()[:3] == ["total", "16,384", "1,639"]
    assert int(live) == 1639, "of 16,384 weights a tenth, rounded up"


def test_python_about_statistics_runs():
    [block] = blocks("docs/statistics.md")
    namespace: dict = {"__name__": "document"}
    exec(compile(block, "docs/statistics.md", "exec"), namespace)
    assert namespace["told"].startswith("0.929 (0.89")


def test_python_about_searches_runs(monkeypatch, capsys):
    """With a trainer that knows what is best; a second time it is asked for the same experiments."""
    asked = []

    def train(experiments, seeds, output):
        asked.extend(experiments)
        value = lambda each: 500 - abs(each.sparsity - 0.7) - abs(each.optimizer.learning_rate - 1e-3)
        ended = lambda each, seed: study.SeedResult(seed, Path(output), "finished", value(each) + seed)
        return [study.Trained(each, Path(output), tuple(ended(each, seed) for seed in seeds)) for each in experiments]

    monkeypatch.setattr(sparserl, "train", train, raising=False)
    for _ in range(2):
        namespace: dict = {"__name__": "document"}
        for number, block in enumerate(blocks("docs/how-to/optuna.md")):
            exec(compile(block, f"docs/how-to/optuna.md, block {number}", "exec"), namespace)
    first, last, *again = capsys.readouterr().out.splitlines()
    assert again == [first, last]
    assert len(asked) == 2 * (12 + 3 * 4)
    assert asked[:24] == asked[24:]
    assert float(last.split()[-1]) > float(first.split()[-1])


@pytest.mark.parametrize("kind", [{"decision": "greatest", "units": (40, 40), "density": 0.1}, {"decision": "tanh"}])
def test_python_that_reads_safetensors_runs_without_this_project(tmp_path, monkeypatch, kind):
    policy = perceptron(**kind, normalized=True, activation="tanh")
    (tmp_path / "policy").mkdir()
    safetensors.write(policy, tmp_path / "policy")
    (tmp_path / "policy" / "contract.json").write_text(json.dumps(contract_document(policy)))
    monkeypatch.chdir(tmp_path)
    _, reader, acting = blocks("docs/deploy.md")
    assert len(reader.splitlines()) <= 20
    assert "sparserl" not in reader + acting
    namespace: dict = {"__name__": "document"}
    exec(compile(reader + acting, "docs/deploy.md", "exec"), namespace)
    for step in weighted(policy.steps):
        np.testing.assert_array_equal(namespace["arrays"][f"{step.name}.kernel"], step.kernel)
    for seen in np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32):
        np.testing.assert_allclose(namespace["act"](seen), policy.act(seen), rtol=1e-4, atol=1e-5)


def test_python_about_reports_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "standard_figures", lambda selection: ())  # they take seconds
    synthetic.store_study("results", "figure_8")
    [block] = blocks("docs/reports.md")
    exec(compile(block, "docs/reports.md", "exec"), {"__name__": "document"})
    assert len(capsys.readouterr().out.splitlines()) > 10
    assert {"index.html", "figure_8.svg"} <= {path.name for path in (tmp_path / "figure_8_report").iterdir()}
