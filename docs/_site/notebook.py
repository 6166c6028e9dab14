"""The quickstart as a notebook: `notebook.py [FOLDER]` executes the page and writes what each cell gives.

The page is the source: its Python is the code of the notebook, all else is text. What a cell prints is kept in both, so
that page and notebook show one execution; a picture is kept beside the page, which says in words what is in it.
"""

import base64
import contextlib
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbclient
import nbformat
from nbformat import v4

DOCS = Path(__file__).parent.parent
PAGE, NOTEBOOK, PICTURE = DOCS / "quickstart.md", DOCS / "quickstart.ipynb", DOCS / "pictures" / "quickstart.png"
CODE = re.compile(r"```python\n(.*?)```\n", re.DOTALL)
OUTPUT = re.compile(r"(?<=```\n)\n(?:```text\n.*?```\n|!\[[^]]*\]\(pictures/quickstart\.png\)\n)", re.DOTALL)
SHOWN = re.compile(r"!\[([^]]*)\]\(pictures/quickstart\.png\)\n")


def notebook(page: str) -> Any:
    """The notebook of a page, without outputs: a cell for each block of Python and for what stands between them."""
    cells: list[Any] = [v4.new_code_cell("%matplotlib inline")]  # figures are shown below the cells that make them
    for number, part in enumerate(CODE.split(OUTPUT.sub("", page))):
        if text := part.strip():
            cells.append(v4.new_code_cell(text) if number % 2 else v4.new_markdown_cell(text))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # not chance, so that equal pages make equal notebooks
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return v4.new_notebook(cells=cells, metadata=kernel)


def executed(made: Any, folder: Path, changed: Callable[[str], str] = lambda code: code) -> Any:
    """The notebook after its cells have run in `folder`; changed: what runs in place of a cell's code."""
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.source = changed(cell.source)
    client = nbclient.NotebookClient(made, timeout=900, resources={"metadata": {"path": str(folder)}})
    return client.execute()


def printed(cell: Any) -> str:
    """What a cell has printed."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout")


def picture(cell: Any) -> bytes | None:
    """The picture that a cell shows, if it does."""
    shown = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
    return base64.b64decode(shown[0]) if shown else None


def with_outputs(page: str, run: Any) -> str:
    """The page with what each cell has given behind its code."""
    cells = iter([cell for cell in run.cells if cell.cell_type == "code"][1:])
    written = SHOWN.search(page)
    image = f"\n![{written[1] if written else 'What the cell shows'}](pictures/quickstart.png)\n"

    def shown(block: re.Match[str]) -> str:
        cell = next(cells)
        text = f"\n```text\n{printed(cell)}```\n" if printed(cell) else ""
        return block.group(0) + text + (image if picture(cell) else "")

    return CODE.sub(shown, OUTPUT.sub("", page))


def main(folder: str | None = None) -> None:
    """Execute the page in `folder`, where what `results` holds is not trained again, and keep what it gives."""
    page = PAGE.read_text(encoding="utf-8")
    with contextlib.nullcontext(folder) if folder else tempfile.TemporaryDirectory() as place:
        run = executed(notebook(page), Path(place))
    for cell in run.cells:
        cell["metadata"] = nbformat.NotebookNode()  # when it ran
        if cell.cell_type == "code":
            cell["outputs"] = [each for each in cell.outputs if each.get("name") != "stderr"]
    [shown] = filter(None, (picture(cell) for cell in run.cells if cell.cell_type == "code"))
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(shown)
    PAGE.write_text(with_outputs(page, run), encoding="utf-8")
    run.metadata.pop("language_info", None)  # the version of this machine's Python
    nbformat.write(run, NOTEBOOK)


if __name__ == "__main__":
    main(*sys.argv[1:])
