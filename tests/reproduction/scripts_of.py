"""Scripts of a folder of `reproduction`, in a copy, so that what they write stays apart from what is kept."""

import contextlib
import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

REPRODUCTION = Path(__file__).parents[2] / "reproduction"


@contextlib.contextmanager
def scripts_of(name: str, place: Path) -> Iterator[SimpleNamespace]:
    """The modules of `reproduction/NAME` by their names, each imported out of a copy in `place`, and the `folder`.

    Files that scripts write are not copied. Afterwards nothing of them is importable any more.
    """
    folder = place / name
    shutil.copytree(
        REPRODUCTION / name, folder, ignore=shutil.ignore_patterns("*.json", "runs", "results", "*.png", "__pycache__")
    )
    modules = [file.stem for file in folder.glob("*.py")]
    taken = {module: sys.modules.pop(module) for module in modules if module in sys.modules}
    sys.path.insert(0, str(folder))
    try:
        yield SimpleNamespace(folder=folder, **{module: importlib.import_module(module) for module in modules})
    finally:
        sys.path.remove(str(folder))
        for module in modules:
            sys.modules.pop(module, None)
        sys.modules.update(taken)
