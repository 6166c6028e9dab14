"""The documents: their Python is executed, in order, as a reader would type it."""

import re
from pathlib import Path

import pytest

DOCUMENTS = Path(__file__).parent.parent / "docs"


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCUMENTS / name).read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("name", ["extending.md"])
def test_python_in_documents_runs(name, capsys):
    assert blocks(name)
    namespace: dict = {"__name__": "document"}
    for number, block in enumerate(blocks(name)):
        exec(compile(block, f"{name}, block {number}", "exec"), namespace)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2  # evaluations at step 0 and at the end
    assert printed[0].startswith("0 ")
    assert printed[1].startswith("1500 ")
