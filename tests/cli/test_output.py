"""Standard output holds the answer, whatever else is printed meanwhile, in whatever way."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import counted_environments
from cli.command import call
from sparserl.cli import main, output
from sparserl.experiment import environment, plan

DESCRIBED = ["describe", "dqn", "static", "--environment", "counted_environments:Talks-v0", "--json"]


@pytest.fixture(autouse=True)
def unknown(monkeypatch):
    """Nothing is known of any environment yet."""
    monkeypatch.setattr(environment, "_shown", {})
    monkeypatch.setattr(environment, "_looked", {})
    monkeypatch.setattr(plan, "_plans", {})


def test_an_environment_is_heard_on_standard_error(capsys):
    result = call(capsys, *DESCRIBED)
    assert result.document()["environment"] == "counted_environments:Talks-v0"
    for where in ("construction", "thread", "close"):
        assert f"python at {where}" in result.err


def test_descriptor_and_standard_output_are_given_back(capfd):
    assert main(DESCRIBED) == 0
    os.write(1, b"descriptor is ours again\n")
    print("and so is Python's")
    out, err = capfd.readouterr()
    document, *rest = out.rsplit("}\n", 1)
    assert json.loads(document + "}")["agent"] == "dqn"
    assert sorted(rest[0].splitlines()) == ["and so is Python's", "descriptor is ours again"]
    assert "program at construction" in err
    assert "descriptor at close" in err


def test_help_is_an_answer(capsys):
    result = call(capsys, "describe", "dqn", "rigl", "--help")
    assert (result.status, result.err) == (0, "")
    assert "--environment" in result.out


def test_without_owner_answers_go_to_standard_output(capsys):
    output.put("one line")
    assert capsys.readouterr().out == "one line\n"


def test_commands_print_nothing_past_it():
    """A bare `print` would go to standard error."""
    source = Path(output.__file__).parent
    printed = {
        f"{file.relative_to(source)}:{node.lineno}"
        for file in source.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        if not any(keyword.arg == "file" for keyword in node.keywords)
    }
    assert printed == set()


@pytest.mark.processes
@pytest.mark.parametrize("closed", [False, True])
def test_a_process_answers_once(tmp_path, closed):
    """Python, C, other programs and threads; with no standard output at all, too."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COUNTED_LIVES": str(tmp_path / "lives")}
    command = [sys.executable, "-m", "sparserl", *DESCRIBED]
    if closed:
        command = ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "" if closed else json.loads(done.stdout)["agent"] == "dqn"
    for voice in ("python", "descriptor", "c", "bar"):
        for where in ("import", "construction", "thread", "close"):
            assert f"{voice} at {where}" in done.stderr
    for line in ("program at construction", "warned at import"):
        assert line in done.stderr
    assert (tmp_path / "lives").read_text().split()[::2] == ["made", "closed"]
    assert counted_environments.LIVES == "COUNTED_LIVES"
