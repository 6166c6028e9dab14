"""Written: the pages that scripts make of committed data, and whether they still are what the data says."""

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from evidence.costs_page import hours_by_study, read_costs
from evidence.disagreements import check, read_disagreements
from evidence.kept import REPRODUCTION, ROOT, Kept, kept_in
from evidence.page import page
from evidence.verdicts import told_by
from sparserl.errors import UserError

Pages = Mapping[Path, str]


def verdicts(kept: Sequence[Kept] | None = None) -> Pages:
    """`reproduction/README.md`, and what has been run in `docs/paper-map.md`, of all that is kept.

    Raises UserError where a disagreement has no text, or a text has no disagreement.
    """
    kept, written = kept_in() if kept is None else kept, read_disagreements()
    told = told_by(kept)
    check(told, written)
    paper_map = _paper_map()
    mapped = paper_map.with_ours(paper_map.PAGE.read_text(encoding="utf-8"))
    return {REPRODUCTION / "README.md": page(told, kept, written, hours_by_study(read_costs())), paper_map.PAGE: mapped}


def _paper_map() -> ModuleType:
    """The module beside the site that makes the map of the paper."""
    specification = importlib.util.spec_from_file_location("paper_map", ROOT / "docs" / "_site" / "paper_map.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def write_or_check(name: str, make: Callable[[], Pages], only_check: bool) -> int:
    """Write the pages, or say which are not what they would be. Returns the exit status."""
    try:
        pages = make()
    except UserError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    changed = [path for path, text in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in changed:
        if only_check:
            print(f"{name}: {path.relative_to(ROOT)} is not what the data says; run {name}", file=sys.stderr)
        else:
            path.write_text(pages[path], encoding="utf-8")
            print(path.relative_to(ROOT))
    return int(only_check and bool(changed))
