"""What a release is made of, as far as it can be told without building it, which scripts/build-wheels does."""

import importlib.machinery
import importlib.util
import itertools
import os
import platform
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WORKFLOW = (
    yaml.safe_load((ROOT / ".github/workflows/wheels.yml").read_text(encoding="utf-8"))
    if (ROOT / ".github").is_dir()
    else None
)  # the sdist has none
NAMES = b"\0avx512\0avx2\0portable\0neon\0"  # as kernels hold them


def script(name: str) -> ModuleType:
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(ROOT / "scripts" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def build_wheels() -> ModuleType:
    return script("build-wheels")


def test_every_dependency_has_a_lowest_version_that_can_be_tried(build_wheels: ModuleType) -> None:
    lists = [PROJECT["project"]["dependencies"], PROJECT["build-system"]["requires"]]
    texts = itertools.chain(*lists, *PROJECT["project"]["optional-dependencies"].values())
    others = [text for text in texts if Requirement(text).name != "sparserl"]
    assert len(others) > 30
    for text in others:
        wanted = Requirement(text)
        [held] = map(Requirement, build_wheels.lowest([text]).values())
        [version] = [Version(each.version) for each in held.specifier]
        assert held.name == wanted.name
        assert wanted.specifier.contains(version)
        for bound in wanted.specifier:
            if bound.operator in (">=", "=="):
                assert version == Version(bound.version.removesuffix(".*")), text
    with pytest.raises(build_wheels.Failed, match="no lowest version in 'jax'"):
        build_wheels.lowest(["jax"])


def test_an_unknown_part_is_told_in_one_line(build_wheels: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_wheels.main(["newest", "oldst"]) == 2
    told = capsys.readouterr().err
    assert told == "scripts/build-wheels: there is no part 'oldst': there are build, newest, oldest, source\n"


def wheel(path: Path, left_out: str = "", added: str = "", kernels: bytes = NAMES, pure: str = "false") -> Path:
    """A wheel of this tree, as far as its names go."""
    kinds = {".cpp", ".hpp", ".pyc", ".so", ".partial"}
    names = [
        str(file.relative_to(ROOT / "src"))
        for file in (ROOT / "src/sparserl").rglob("*")
        if file.is_file() and file.suffix not in kinds and file.name not in (".clang-format", "_native_missing.txt")
    ]
    assert not left_out or left_out in names
    with zipfile.ZipFile(path, "w") as archive:
        for name in {*names, *([added] if added else [])} - {left_out}:
            archive.writestr(name, "")
        archive.writestr("sparserl/linalg/_native.so", kernels)
        archive.writestr("sparserl-1.dist-info/WHEEL", f"Root-Is-Purelib: {pure}\nTag: py3-none-linux_x86_64\n")
    return path


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"left_out": "sparserl/py.typed"}, ["the wheel lacks sparserl/py.typed"]),
        ({"left_out": "sparserl/deploy/harness.c"}, ["the wheel lacks sparserl/deploy/harness.c"]),
        ({"added": "tests/conftest.py"}, ["the wheel has tests/conftest.py, which is no part of the package"]),
        ({"added": "sparserl/linalg/native/top.cpp"}, None),
        ({"pure": "true"}, ["the wheel is not py3-none for one platform"]),
        ({"kernels": NAMES.replace(b"portable", b"")}, ["the wheel's kernels have no code for portable"]),
        ({"kernels": NAMES + str(ROOT).encode()}, ["the wheel's kernels name a folder of this machine"]),
    ],
    ids=lambda value: next(iter(value), "whole") if isinstance(value, dict) else "",
)
def test_what_a_wheel_must_not_lack_or_have(build_wheels: ModuleType, tmp_path: Path, change, told) -> None:
    faults = build_wheels.faults_of_wheel(wheel(tmp_path / "one.whl", **change))
    assert faults == told if told is not None else len(faults) == 1


def test_a_wheel_of_another_tree_is_not_tried(build_wheels: ModuleType, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.whl", "w") as archive:
        archive.write(ROOT / "src/sparserl/parts.py", "sparserl/parts.py")
        archive.writestr("sparserl/types.py", "of yesterday")
        archive.writestr("sparserl/gone.py", "")
    assert build_wheels.other_sources(tmp_path / "one.whl") == ["sparserl/gone.py", "sparserl/types.py"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors have other instruction sets")
def test_kernels_without_an_instruction_set_are_no_release(build_wheels: ModuleType, tmp_path: Path) -> None:
    faults = build_wheels.faults_of_wheel(wheel(tmp_path / "one.whl", kernels=NAMES.replace(b"avx512", b"")))
    assert faults == ["the wheel's kernels have no code for avx512"]


def test_the_sdist_is_what_git_knows(build_wheels: ModuleType) -> None:
    wanted = {"README.md", "src/sparserl/py.typed"}
    assert build_wheels.faults_of_sdist({*wanted, "PKG-INFO"}, wanted) == []
    assert build_wheels.faults_of_sdist({"README.md", "notes.txt"}, wanted) == [
        "the sdist has notes.txt, which git does not know",
        "the sdist lacks src/sparserl/py.typed",
    ]


def test_nothing_but_an_environments_own_programs_is_seen_there(
    build_wheels: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "here")
    (tmp_path / "bin").mkdir()
    seen = build_wheels.alone(tmp_path / "bin")
    assert seen["PATH"] == str(tmp_path / "bin")
    assert seen["PIP_INDEX_URL"] == "here"
    assert not {"PYTHONPATH", "SPARSERL_NATIVE_LIBRARY", "XLA_FLAGS"} & seen.keys()
    (tmp_path / "bin" / "g++").touch()
    with pytest.raises(build_wheels.Failed, match=r"bin has a compiler: g\+\+"):
        build_wheels.alone(tmp_path / "bin")


def test_logs_that_are_kept_name_no_machine(build_wheels: ModuleType) -> None:
    lines = (
        "Looking in indexes: https://somewhere/simple\n",
        "     ━━━━━━━━━━━ 1.0/2.0 MB\n",
        "Collecting jax (from sparserl)\n",
        "Processing /mnt/files/jax-1-py3-none-any.whl (from sparserl)\n",
        "  Downloading https://somewhere/jax-1-py3-none-any.whl (3.1 MB)\n",
        f"$ {ROOT}/build/wheels/newest/bin/python -P {ROOT}/scripts/try-wheel {ROOT}\n",
    )
    assert [build_wheels.readable(line) for line in lines] == [
        *("", ""),
        "Collecting jax (from sparserl)\n",
        "Processing jax-1-py3-none-any.whl (from sparserl)\n",
        "  Downloading jax-1-py3-none-any.whl (3.1 MB)\n",
        "$ build/wheels/newest/bin/python -P scripts/try-wheel .\n",
    ]
    kept = list((ROOT / "reproduction/wheel").glob("*.txt"))
    assert kept
    for log in kept:
        assert not re.search(r"://|/(work|home|root|opt|tmp|usr)/", log.read_text(encoding="utf-8")), log


def test_tests_of_a_wheel_are_there() -> None:
    trial = script("try-wheel")
    for name in (*trial.TESTS, *trial.WITHOUT):
        file, _, test = name.partition("::")
        assert (ROOT / "tests" / file).exists(), name
        assert not test or f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), name


def test_importing_the_package_brings_the_standard_library_alone() -> None:
    code = "import sys; before = set(sys.modules); import sparserl; print(*set(sys.modules) - before)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    brought = {name.partition(".")[0] for name in printed.split()}
    assert "sparserl" in brought
    assert brought - sys.stdlib_module_names == {"sparserl"}


def test_the_page_for_pypi_has_no_link_that_leads_nowhere_there() -> None:
    page = (ROOT / PROJECT["project"]["readme"]).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)|<img|<a ", page)
    assert [link for link in links if not link.startswith("https://")] == []
    [example] = re.findall(r"```python\n(import sparserl\n.*?)```", page, flags=re.DOTALL)
    assert f"```python\n{example}```" in (ROOT / "README.md").read_text(encoding="utf-8")
    extras = re.search(r"Extras: (.*?)\.\n", page, flags=re.DOTALL)
    assert extras
    told = set(re.findall(r"`(\w+)`", extras[1]))
    assert told == PROJECT["project"]["optional-dependencies"].keys() - {"develop", "docs"}


def test_metadata_says_what_is_so() -> None:
    project = PROJECT["project"]
    versions = [re.fullmatch(r".* :: 3\.(\d+)", each) for each in project["classifiers"]]
    minors = [int(version[1]) for version in versions if version]
    assert project["requires-python"] == f">=3.{min(minors)}"
    assert minors == list(range(min(minors), max(minors) + 1))
    assert "Typing :: Typed" in project["classifiers"]
    for pattern in project["license-files"]:
        assert list(ROOT.glob(pattern)), pattern
    vendored = {file.name.split(".")[0] for file in (ROOT / "src/sparserl/report/page/vendor").glob("*.min.*")}
    licensed = {file.name.split(".")[0] for pattern in project["license-files"] for file in ROOT.glob(pattern)}
    assert vendored <= licensed


def test_wheels_for_others_are_built_as_ours_are(build_wheels: ModuleType) -> None:
    """Beside jaxlib's oldest headers, with all that a build needs; what the untried configuration names exists."""
    config, requires = PROJECT["tool"]["cibuildwheel"], PROJECT["build-system"]["requires"]
    for text in requires:
        assert Requirement(text).name in config["before-build"]
    assert build_wheels.lowest(requires)["jaxlib"] in config["before-build"]
    assert "{project}/scripts/try-wheel" in config["test-command"]
    if WORKFLOW is None:
        return
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    named = {word for step in steps for word in step.get("run", "").split() if word.startswith("scripts/")}
    assert named == {"scripts/build-wheels"}
    for name in (*named, "scripts/try-wheel"):
        assert os.access(ROOT / name, os.X_OK), name
    assert WORKFLOW["jobs"]["publish"]["needs"] == "x86_64", "nothing untried is published"
