"""Every command in the documents is understood: by the command's own parser, in every run; `--thorough` executes them.

What is no command of this project, or cannot run here, is named with the reason: in the page, or in ELSEWHERE.
"""

import contextlib
import functools
import importlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from documents import PAGES, PYTHON, ROOT, Block, Command, all_commands, blocks, commands, name_of
from sparserl import cli
from sparserl.cli import study as study_commands
from sparserl.cli import train

ELSEWHERE = {  # programs of others in documents, and where it is tested that what is said of them is so
    "duckdb": "tests of persistence and reports read the same rows",
    "cmake": "tests/deploy builds what an export writes",
    "ctest": "the same",
    "arm-none-eabi-gcc": "tests/deploy, and reproduction/deploy/cortex_m4, where the compiler is installed",
    "aarch64-linux-gnu-gcc": "tests/deploy, where it is installed",
    "riscv64-linux-gnu-gcc": "the same",
    "qemu-aarch64": "the same",
    "qemu-riscv64": "the same",
    "tensorboard": "tests/sinks reads what is written with TensorBoard's own reader",
    "dask": "tests/engine starts schedulers and workers by their classes",
    "taskset": "of Linux; what follows is checked as if it were alone",
    "mkdir": "of the shell",
    "cd": "of the shell",
    "done": "the end of a loop of the shell",
    "for": "a loop of the shell",
}
SYNOPSIS = re.compile(r"\[options\]|\[NAME\]|\b(AGENT|RUN|NAME|PLACE|FORMAT)\b")
NEW = (
    "docs/index.md",
    "docs/quickstart.md",
    "docs/tutorials/",
    "docs/how-to/",
)  # pages that fence all else than commands


class Understood(Exception):
    """A command line has been read to its end, and what it asks for would begin."""


@pytest.fixture
def reading() -> Any:
    """Inside, commands stop when they have read their options."""
    with pytest.MonkeyPatch.context() as patch:

        def stop(*_: Any) -> None:
            raise Understood

        patch.setattr(train, "canonical_plan", stop)
        names = [
            *(command.module for name, command in cli.COMMANDS.items() if name not in ("train", "describe", "study"))
        ]
        names += [f"study.{command.module}" for command in study_commands.SUBCOMMANDS.values()]
        for name in names:
            module = importlib.import_module(f"sparserl.cli.{name}")
            patch.setattr(module, "parse", functools.partial(_parsed, module.parse))
        yield


def _parsed(parse: Any, *words: Any) -> None:
    parse(*words)
    raise Understood


@functools.cache
def read(words: tuple[str, ...]) -> None:
    """Let `sparserl` read its words. Raises AssertionError for what it does not understand."""
    with contextlib.suppress(Understood):
        assert cli.main(list(words)) == 0, f"sparserl {shlex.join(words)}"


def understand(command: Command) -> None:
    """Raises AssertionError for a command that would not run as it stands there."""
    words = shlex.split(command.text, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    if words[:3] == ["taskset", "-c", "0"]:
        words = words[3:]
    if not words:
        return
    program, *rest = words
    name = Path(program).name
    if command.block.page.startswith("reproduction/") and name not in ("sparserl", "make"):
        scripts = [word for word in words if word.endswith(".py") or word.startswith(("scripts/", "benchmarks/"))]
        assert all((ROOT / script).is_file() for script in scripts), command
    elif name == "sparserl":
        _understand_ours(command, rest)
    elif name in ("python", "python3"):
        _understand_python(command, rest)
    elif name == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), command
    elif name == "pip":
        _understand_pip(command, rest)
    elif "/" in program:
        assert os.access(ROOT / program, os.X_OK), command
    else:
        assert name in ELSEWHERE, f"{command}: nobody runs it; say why before the block: <!-- not run: ... -->"


def _understand_ours(command: Command, words: list[str]) -> None:
    if SYNOPSIS.search(command.text):
        assert words[0] in cli.COMMANDS, command
        assert words[0] != "study" or words[1] in study_commands.SUBCOMMANDS, command
        return
    try:
        read(tuple(words))
    except AssertionError as error:
        raise AssertionError(f"{command}: {error}") from None


def _understand_python(command: Command, words: list[str]) -> None:
    if words[0] == "-m":
        assert words[1] == "venv" or importlib.util.find_spec(words[1]), command
    elif words[0] != "-c":
        written = {block.told for page in PAGES for block in blocks(page)}
        assert (ROOT / words[0]).is_file() or f"file: {words[0]}" in written, command


def _understand_pip(command: Command, words: list[str]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = {extra for word in words for each in re.findall(r"^sparserl\[(.*)\]", word) for extra in each.split(",")}
    assert asked <= extras.keys(), command


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_are_understood(
    page: Path, reading: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a folder with the files that the page has its reader write."""
    for block in blocks(page):
        if block.told.startswith("file: "):
            (tmp_path / block.told.removeprefix("file: ")).write_text(block.text)
            monkeypatch.chdir(tmp_path)
            monkeypatch.syspath_prepend(tmp_path)
    for command in all_commands([page]):
        if not command.block.is_left_out:
            understand(command)


def test_there_are_commands_to_understand() -> None:
    programs = [Path(shlex.split(each.text, comments=True)[0]).name for each in all_commands() if "$" not in each.text]
    assert programs.count("sparserl") > 60


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_command_hides_in_a_block_of_another_kind(page: Path) -> None:
    """What looks like a command is in a block of commands, and new pages indent commands alone."""
    for block in blocks(page):
        if not block.is_commands:
            hidden = re.findall(r"^\s*(?:\$ |(?:\.venv/bin/)?sparserl (?!\d)[a-z]+ )", block.text, re.MULTILINE)
            assert not hidden, f"{block.page}:{block.line} has commands, and is no block of them: ```sh"
            is_named = block.is_fenced or not block.page.startswith(NEW)
            assert is_named, f"{block.page}:{block.line}: what is this block? Fence it: ```text, ```python, ```sh ..."
        if block.language in PYTHON and block.language != "python":
            assert block.is_left_out, f"{block.page}:{block.line}: ```python is executed; say why this is not"
        if block.told.startswith(("not run", "thorough")):
            assert len(block.told.partition(": ")[2]) > 10, f"{block.page}:{block.line}: say why"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("    sparserl train dqn rgl --environment CartPole-v1\n", "rgl"),
        ("    sparserl train dqn rigl --environment CartPole-v1 --sparsty 0.9\n", "--sparsty"),
        ("    sparserl repot results\n", "repot"),
        ("```sh\nsparserl study plan figure_8 --scale quik\n```\n", "quik"),
        ("```sh\nsparserl evaluate \\\n    results/A/seed=0 --episodes 3\n```\n", "--episodes"),
        ("```sh\nfrobnicate results\n```\n", "nobody runs it"),
        ("    make dmo\n", "make dmo"),
        ("    python examples/nothing.py\n", "nothing.py"),
        ("    pip install 'sparserl[atary]'\n", "atary"),
    ],
)
def test_wrong_commands_are_not_understood(
    text: str, why: str, tmp_path: Path, reading: None, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{text}")
    [command] = [each for block in blocks(page) if block.is_commands for each in commands(block)]
    with pytest.raises(AssertionError) as told:
        understand(command)
    assert why in str(told.value) + capsys.readouterr().err


SHORT_STEPS = {"dqn": 2_500, "sac": 11_500, "ppo": 8_192}  # so that topologies change once
READERS = ("evaluate", "report", "export", "push")  # recipes that begin so work on runs that their reader has


def begins_with_nothing(page: Path) -> bool:
    """Whether a page has commands, and makes what they work on."""
    ours = [each.text.split()[1] for each in all_commands([page]) if each.text.split()[0].endswith("sparserl")]
    return bool(ours) and ours[0] not in READERS


WHOLE = [page for page in PAGES if name_of(page).startswith(NEW) and begins_with_nothing(page)]


def shortened(words: list[str]) -> list[str]:
    """The same command for few steps, seeds and episodes, and for the newest experiment in results/."""
    newest = max(Path("results").glob("*/experiment.json"), key=lambda file: file.stat().st_mtime_ns, default=None)
    words = [word.replace("EXPERIMENT", newest.parent.name) if newest else word for word in words]
    limits = {"--num-seeds": "2", "--num-episodes": "2", "--scale": "smoke"}
    for option, value in limits.items():
        if option in words:
            words[words.index(option) + 1] = value
    if words[0] == "train":
        at = words.index("--total-steps") if "--total-steps" in words else len(words)
        words[at : at + 2] = ["--total-steps", str(SHORT_STEPS[words[1]])]
    return [word for word in words if word != "--open"]


def execute(block: Block, namespace: dict[str, Any]) -> None:
    """Run a block as a reader would, in the current folder."""
    if block.told.startswith("file: "):
        Path(block.told.removeprefix("file: ")).write_text(block.text)
    elif block.language == "python":
        exec(compile(block.text, f"{block.page}:{block.line}", "exec"), namespace)
    elif block.is_commands:
        for command in commands(block):
            words = shlex.split(command.text, comments=True)
            if Path(words[0]).name == "sparserl":
                done = subprocess.run([sys.executable, "-m", "sparserl", *shortened(words[1:])], check=False)
                assert done.returncode == 0, command


@pytest.mark.thorough
@pytest.mark.processes
@pytest.mark.parametrize("page", WHOLE, ids=name_of)
def test_pages_run_from_their_first_line_to_their_last(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    if "reproduction/" in "".join(block.text for block in blocks(page)):
        shutil.copytree(ROOT / "reproduction", tmp_path / "reproduction")
    namespace: dict[str, Any] = {"__name__": "document"}
    for block in blocks(page):
        if not block.is_left_out:
            execute(block, namespace)


def test_guarantees_name_tests_that_are_there() -> None:
    named = re.findall(r"`(tests/[\w/.]+?)(?:::(\w+))?`", (ROOT / "docs/guarantees.md").read_text(encoding="utf-8"))
    assert len(named) > 25
    for path, test in named:
        assert (ROOT / path).exists(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{test}"
