"""The quickstart is a notebook, too: the same code, executed."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import nbformat
import pytest

from documents import ROOT

sys.path.insert(0, str(ROOT / "docs" / "_site"))
import notebook as making

KEPT = nbformat.read(making.NOTEBOOK, as_version=4)
PAGE = making.PAGE.read_text(encoding="utf-8")


def shorter(code: str) -> str:
    """The same code for so few steps and seeds that only what it prints of returns differs."""
    return code.replace("total_steps=30_000", "total_steps=2_500").replace("seeds=range(3)", "seeds=range(1)")


def codes(made: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in made.cells if cell.cell_type == "code"]


def test_the_notebook_is_the_page() -> None:
    """What is kept has the page's cells, and the page shows what they printed."""
    made = making.notebook(PAGE)
    assert [(cell.cell_type, cell.source) for cell in KEPT.cells] == [
        (cell.cell_type, cell.source) for cell in made.cells
    ]
    assert making.with_outputs(PAGE, KEPT) == PAGE
    nbformat.validate(KEPT)
    text = json.dumps(KEPT)
    assert "/tmp/" not in text and str(Path.home()) + "/" not in text, "paths of a machine"  # noqa: PT018


def test_the_notebook_shows_what_it_did() -> None:
    [curve] = filter(None, map(making.picture, codes(KEPT)))
    assert curve == making.PICTURE.read_bytes()
    printed = "".join(map(making.printed, codes(KEPT)))
    assert len(re.findall(r"^seed \d: \d+$", printed, re.MULTILINE)) == 3
    assert "equal actions on" in printed


@pytest.mark.slow
@pytest.mark.processes
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a kernel, from its first cell to its last, with fewer steps and one seed."""
    if importlib.util.find_spec("ipykernel") is None:
        pytest.skip("needs ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    run = making.executed(making.notebook(PAGE), tmp_path, shorter)
    layers, returns, curve, act, export = codes(run)[1:]
    assert making.printed(layers) == making.printed(codes(KEPT)[1]), "the same network"
    assert re.fullmatch(r"seed 0: \d+\n", making.printed(returns))
    picture = making.picture(curve)
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    assert re.fullmatch(r"\d+ of 500\n", making.printed(act))
    assert making.printed(export).endswith("100%\n")
    assert (tmp_path / "policy" / "policy.safetensors").is_file()
