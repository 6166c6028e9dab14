"""The Python in the documents has types: a user's own mypy, strict, has nothing to say of it."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparserl.processes.locks import wait_for_lock

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "docs" / "tutorials" / "method.md"]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
FILE = re.compile(r"<!-- file: (\w+)\.py -->\n\n```python\n(.*?)```", re.DOTALL)  # that readers write


def install(folder: Path) -> Path:
    """An environment in which the package is installed as pip would do it, with all others beside it; its Python."""
    venv.create(folder, symlinks=True)
    paths = {"base": str(folder), "platbase": str(folder)}
    site_packages = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    (site_packages / "sparserl").unlink(missing_ok=True)
    (site_packages / "sparserl").symlink_to(ROOT / "src" / "sparserl")
    (site_packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def check(folder: Path, modules: dict[str, str]) -> str:
    """What mypy says of modules of a user; what it knows of other packages stays in `folder`."""
    python = install(folder / "environment")
    user = folder / "user"
    shutil.rmtree(user, ignore_errors=True)
    user.mkdir()
    for name, code in modules.items():
        (user / f"{name}.py").write_text(code)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python)]
    command += ["--config-file", os.devnull, "--cache-dir", str(folder / "cache"), "--no-error-summary"]
    command += ["--disable-error-code", "import-untyped"]  # optax says no types
    command += [f"{name}.py" for name in modules]
    return subprocess.run(command, cwd=user, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Kept for the next session, which it saves most of the time, and used by one session at a time."""
    kept: pytest.Cache | None = getattr(request.config, "cache", None)
    folder = kept.mkdir("types-of-documents") if kept else tmp_path
    with wait_for_lock(folder / "lock"):
        yield folder


def test_examples_have_types(folder):
    examples = {path.stem.replace("-", "_"): "\n".join(BLOCK.findall(path.read_text())) for path in DOCUMENTS}
    examples = {name: code for name, code in examples.items() if code}
    assert {"README", "method", "environments", "studies"} <= examples.keys()
    for path in (ROOT / "docs" / "tutorials").glob("*.md"):
        examples |= FILE.findall(path.read_text())
    assert {"thermostat", "compiled", "reinforce", "small_networks"} <= examples.keys()
    wrong = (
        "import sparserl\nsparserl.from_preset(1, 2)\nsparserl.no_such_name\nsparserl.__version__.no_such_method()\n"
    )
    said = check(folder, {**examples, "wrong": wrong}).splitlines()
    assert [line for line in said if not line.startswith("wrong.py:")] == []
    wrongs = {line.split(":")[1] for line in said if line.startswith("wrong.py:")}
    assert wrongs == {"2", "3", "4"}, "the types do not arrive at a user's mypy"
