"""The house stands only if every room looks down: never up, never sideways, and no room is a drawer.

`offences` reads a source tree without importing it. The second half of this file shows that it finds each offence.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = "sparserl"
SOURCE = Path(__file__).parent.parent / "src" / PACKAGE

ROOMS: dict[str, set[str]] = {  # room: the rooms that it may import; each room stands below those that import it
    "errors": set(),
    "calls": set(),
    "parts": set(),
    "seen": set(),
    "fields": {"errors"},
    "types": {"errors", "parts", "fields"},
    "foreign": set(),
    "modules": set(),
    "linalg": {"types", "foreign"},
    "adapters": {"types", "linalg"},
    "environments": {"types", "calls", "modules", "linalg"},
    "training": {"types", "foreign", "parts"},
    "processes": {"errors", "seen"},
    "persistence": {"errors", "processes"},  # processes: locks, and whether a holder is still there
    "sparsity": {"types", "linalg"},
    "networks": {"types", "linalg"},
    "agents": {"types", "linalg", "networks"},
    "diagnostics": {"types", "linalg"},
    "presets": {"types", "sparsity", "networks", "agents", "training"},  # training: how evaluations are done
}
ROOMS["experiment"] = set(ROOMS)
ROOMS["report"] = {"persistence", "errors", "parts", "seen"}
ROOMS["video"] = {"persistence", "errors"}
ROOMS["sinks"] = {"persistence", "processes", "modules", "errors"}
ROOMS["worker"] = {"experiment", "calls", "persistence", "processes", "types", "errors"}
ROOMS["engine"] = {"persistence", "processes", "modules", "errors"}  # a run is a folder to it
ROOMS["study"] = {"experiment", "environments", "training", "worker", "engine", "persistence", "processes", "types"}
ROOMS["study"] |= {"errors", "modules", "agents", "sparsity", "presets"}
ROOMS["deploy"] = {"experiment", "persistence", "types", "linalg", "networks", "sparsity", "training", "environments"}
ROOMS["bench"] = set(ROOMS)
ROOMS["cli"] = set(ROOMS)
DOORS: dict[str, set[str]] = {
    "__init__": {"experiment", "deploy", "persistence", "report", "sparsity", "study"},
    "__main__": {"cli", "modules"},
}  # the package itself
KNOWS_EVERYBODY = "cli"

NEVER_TRACING = {"persistence", "report", "video", "processes", "sinks", "engine"}
TRACING = {"jax", "jaxlib", "optax"}
THIRD_PARTY_OF_TYPES = {"jax", "numpy"}
DRAWERS = {"utils", "util", "common", "core", "base", "helpers", "helper", "wrappers", "callbacks", "misc"}
PARENTS = {
    "Protocol",
    "NamedTuple",
    "Exception",
    "UserError",
    "Structure",
}  # Structure (ctypes): how a layout in C is said
CHANGES_BETWEEN_VERSIONS = re.compile(r"\bjax(?:\.| import )(?:_src|experimental|extend|ffi)\b")
MAY_CHANGE_WITH_JAX = {"foreign", "bench"}  # bench: a library that it measures beside ours
WORDS_OF_SPARSITY = re.compile(rf"mask|sparse(?!{PACKAGE.removeprefix('sparse')}\b)", re.IGNORECASE)


class Import(NamedTuple):
    """One imported name: its dotted path from the top, and the line it stands on."""

    path: tuple[str, ...]
    line: int


def offences(source: Path) -> list[str]:
    """Everything in the package at `source` that breaks the law of the house, one line each."""
    return [
        f"{file.relative_to(source)}:{line} {what}"
        for file in sorted(source.rglob("*.py"))
        for line, what in _offences_of_file(file, source)
    ]


def _offences_of_file(file: Path, source: Path) -> Iterator[tuple[int, str]]:
    place = file.relative_to(source).with_suffix("").parts
    room, text = place[0], file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    if room not in ROOMS and room not in DOORS:
        yield 1, f"is in the room {room!r}, which the table does not have"
        return
    yield from _drawers(place)
    yield from _parents(tree)
    if room == "agents":
        yield from _forbidden_words(text, WORDS_OF_SPARSITY, "in an agent")
    if room not in MAY_CHANGE_WITH_JAX:
        yield from _forbidden_words(text, CHANGES_BETWEEN_VERSIONS, "outside of foreign")
    for imported in _imports(tree, place):
        yield from _wrong_import(imported, room)


def _drawers(place: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    for name in DRAWERS.intersection(place):
        yield 1, f"is called {name!r}: a drawer, not a room"


def _parents(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Classes may only be protocols, named tuples and exceptions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for parent in [*node.bases, *(keyword.value for keyword in node.keywords)]:
                named = parent.value if isinstance(parent, ast.Subscript) else parent
                if ast.unparse(named).split(".")[-1] not in PARENTS:
                    yield node.lineno, f"class {node.name} inherits from {ast.unparse(parent)}"


def _forbidden_words(text: str, words: re.Pattern[str], where: str) -> Iterator[tuple[int, str]]:
    """Words that a room does not even say: not in code, comments or strings."""
    for number, line in enumerate(text.splitlines(), start=1):
        for word in words.findall(line):
            yield number, f"says {word!r} {where}"


def _wrong_import(imported: Import, room: str) -> Iterator[tuple[int, str]]:
    top, *rest = imported.path
    if top != PACKAGE:
        yield from _wrong_third_party(imported, room)
        return
    allowed = (ROOMS | DOORS)[room]
    other = rest[0] if rest else "the whole package"
    if other != room and other not in allowed and room != KNOWS_EVERYBODY:
        yield imported.line, f"{room} imports {other}: it may import {', '.join(sorted(allowed)) or 'no room'}"


def _wrong_third_party(imported: Import, room: str) -> Iterator[tuple[int, str]]:
    top = imported.path[0]
    if room in NEVER_TRACING and top in TRACING:
        yield imported.line, f"{room} imports {top}: it never sees JAX"
    if room == "types" and top not in THIRD_PARTY_OF_TYPES | sys.stdlib_module_names:
        yield imported.line, f"types imports {top}: it may import {', '.join(sorted(THIRD_PARTY_OF_TYPES))}"


def _imports(tree: ast.Module, place: tuple[str, ...]) -> Iterator[Import]:
    """Every name that a module imports, wherever the statement stands, relative imports and `import_module` too."""
    folder = (PACKAGE, *place[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(tuple(alias.name.split(".")), node.lineno)
        elif isinstance(node, ast.ImportFrom):
            anchor = folder[: len(folder) - node.level + 1] if node.level else ()
            module = tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                yield Import((*anchor, *module, alias.name), node.lineno)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"import_module", "__import__"}:
            for argument in node.args[:1]:
                yield Import(_module_name(argument), node.lineno)


def _module_name(argument: ast.expr) -> tuple[str, ...]:
    """What `import_module` is given, as far as the source tells: a name that is computed counts where it is ours."""
    if isinstance(argument, ast.JoinedStr) and ast.unparse(argument)[2:].startswith(f"{PACKAGE}."):
        return PACKAGE, "a computed name"
    return tuple(argument.value.split(".")) if isinstance(argument, ast.Constant) else ("unknown",)


def test_the_house_keeps_its_law() -> None:
    assert SOURCE.is_dir()
    assert offences(SOURCE) == []


def test_the_table_has_no_way_back_up() -> None:
    """Rooms are listed from the ground up, so a room that imports only earlier ones can close no circle."""
    rooms = list(ROOMS)
    for room, below in ROOMS.items():
        assert below <= set(rooms[: rooms.index(room)]), room


def test_the_front_door_opens_without_jax() -> None:
    """The package shows names of the hall, but importing a room must not import the hall with it."""
    program = (
        f"import sys, {PACKAGE}.persistence; sys.exit('{PACKAGE}.experiment' in sys.modules or 'jax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_rooms_without_jax_bring_it_by_no_detour() -> None:
    """Every module of theirs imported in a fresh process, with all that they import."""
    modules = [
        ".".join((PACKAGE, *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
        for room in sorted(NEVER_TRACING)
        for path in sorted((SOURCE / room).rglob("*.py"))
    ]
    assert f"{PACKAGE}.engine.running" in modules
    program = f"""
import sys
for name in {modules}:
    try:
        __import__(name)
    except ModuleNotFoundError as error:  # an extra that is not installed
        assert not error.name.startswith("{PACKAGE}"), error
print({TRACING} & sys.modules.keys())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "set()"), done.stderr


def _build(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_lawful_house_passes(tmp_path: Path) -> None:
    files = {
        "__init__.py": '"""The package."""\n__version__ = "0"\n',
        "__main__.py": "from sparserl.cli import main\n",
        "types.py": "import dataclasses\nimport jax\nimport numpy as np\nclass UserError(Exception): ...\n",
        "agents/__init__.py": "from . import dqn\n",
        "agents/dqn.py": "from ..networks import MLP\nfrom .replay import Ring\nfrom sparserl import types\n",
        "agents/replay.py": "from typing import NamedTuple\nclass Ring(NamedTuple): ...\n",
        "persistence/results.py": "import json\nfrom sparserl.errors import UserError\n",
        "report.py": "from sparserl.persistence import read\nimport matplotlib\n",
        "sparsity/methods/rigl.py": "class Method(typing.Protocol): ...\nclass Ours(typing.Protocol[int]): ...\n",
        "experiment.py": "from sparserl import environments, persistence\nimport sparserl.agents.dqn\n",
        "environments.py": "import importlib\nimportlib.import_module(module_of_a_user)\n",
        "cli/train.py": "import sparserl\ndef main():\n    from sparserl.study import run_all\n",
    }
    assert offences(_build(tmp_path, files)) == []


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("agents/dqn.py", "import sparserl.sparsity\n", "agents imports sparsity"),
        ("agents/dqn.py", "from sparserl.environments import make\n", "agents imports environments"),
        ("agents/dqn.py", "from sparserl import experiment\n", "agents imports experiment"),
        ("agents/dqn.py", "from ..presets import PRESETS\n", "agents imports presets"),
        ("agents/dqn.py", "from .. import training\n", "agents imports training"),
        ("agents/sac/losses.py", "from ...training import train\n", "agents imports training"),
        ("agents/__init__.py", "from ..training import train\n", "agents imports training"),
        ("agents.py", "from .training import train\n", "agents imports training"),
        ("sparsity/masks.py", "def f():\n    import sparserl.agents.dqn as dqn\n", "sparsity imports agents"),
        (
            "sparsity/masks.py",
            "if TYPE_CHECKING:\n    from sparserl.networks import MLP\n",
            "sparsity imports networks",
        ),
        ("types.py", "from sparserl.linalg import dense\n", "types imports linalg"),
        ("types.py", "import optax\n", "types imports optax"),
        ("linalg.py", "import sparserl\n", "linalg imports the whole package"),
        ("linalg.py", "from sparserl import *\n", "linalg imports *"),
        ("study/engine.py", "from sparserl.report import learning_curves\n", "study imports report"),
        ("study/engine.py", "import importlib\nimportlib.import_module('sparserl.cli')\n", "study imports cli"),
        (
            "study/engine.py",
            "import_module(f'sparserl.{name}')\n",
            "study imports a computed name",
        ),
        ("report.py", "from sparserl.experiment import Experiment\n", "report imports experiment"),
        ("persistence.py", "from sparserl.types import Array\n", "persistence imports types"),
        ("report/figures.py", "from sparserl import types\n", "report imports types"),
        ("persistence/results.py", "import jax.numpy as jnp\n", "persistence imports jax"),
        ("report/figures.py", "def f():\n    from jax import jit\n", "report imports jax"),
        ("__init__.py", "from sparserl.cli import main\n", "__init__ imports cli"),
        ("attic.py", "", "the room 'attic', which the table does not have"),
        ("attic/box.py", "", "the room 'attic', which the table does not have"),
        ("sparsity/utils.py", "", "a drawer, not a room"),
        ("agents/common/losses.py", "", "a drawer, not a room"),
        ("agents/dqn.py", "# apply the Mask here\n", "says 'Mask' in an agent"),
        ("agents/dqn.py", "'''A sparse agent.'''\n", "says 'sparse' in an agent"),
        ("agents/dqn.py", "unmasked = 1\n", "says 'mask' in an agent"),
        ("agents/dqn.py", "SparseRLAgent = 1\n", "says 'Sparse' in an agent"),
        ("training.py", "from jax.experimental import io_callback\n", "says 'jax.experimental' outside of foreign"),
        ("linalg/products.py", "call = jax.ffi.ffi_call\n", "says 'jax.ffi' outside of foreign"),
        ("linalg.py", "from jax import ffi\n", "says 'jax import ffi' outside of foreign"),
        ("agents/dqn.py", "class DQN(Agent): ...\n", "class DQN inherits from Agent"),
        ("networks.py", "import abc\nclass MLP(metaclass=abc.ABCMeta): ...\n", "class MLP inherits from abc.ABCMeta"),
        ("networks.py", "class MLP(flax.linen.Module): ...\n", "class MLP inherits from flax.linen.Module"),
        ("networks.py", "def f():\n    class Deep(Layer[int]): ...\n", "class Deep inherits from Layer[int]"),
    ],
)
def test_each_offence_is_found(tmp_path: Path, file: str, text: str, expected: str) -> None:
    [found] = offences(_build(tmp_path, {file: text}))
    assert found.startswith(f"{file}:")
    assert expected in found
