"""The tutorials: their Python runs in order, on runs that are stored and not trained where that is what they read."""

import importlib
import importlib.util
import re
import sys
from pathlib import Path

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from report import synthetic
from sparserl.cli import main
from sparserl.environments import TASKS
from sparserl.experiment import AGENTS

pytestmark = pytest.mark.slow

TUTORIALS = Path(__file__).parent.parent / "docs" / "tutorials"
FILE = re.compile(r"<!-- file: (\S+) -->\n\n```python\n(.*?)```", re.DOTALL)


def text_of(name: str) -> str:
    return (TUTORIALS / f"{name}.md").read_text()


def python(name: str) -> list[str]:
    """The Python of a tutorial, but for the files that it has its reader write."""
    return re.findall(r"```python\n(.*?)```", FILE.sub("", text_of(name)), flags=re.DOTALL)


def run(name: str, blocks: list[str]) -> dict:
    namespace: dict = {"__name__": "document"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/tutorials/{name}.md, block {number}", "exec"), namespace)
    return namespace


@pytest.fixture
def folder(tmp_path, monkeypatch, request):
    """A reader's folder, with the files that the tutorial has them write."""
    for name, text in FILE.findall(text_of(request.param)):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("folder", ["train"], indirect=True)
def test_results_are_read_as_the_tutorial_reads_them(folder, capsys):
    synthetic.store_study("results", "figure_8", num_seeds=1)
    rows, of_pandas = python("train")
    run("train", [rows, of_pandas] if importlib.util.find_spec("pandas") else [rows])
    assert int(capsys.readouterr().out.split()[0]) > 10


@pytest.fixture
def forgotten():
    """What the environment's files make known is not known to other tests."""
    yield
    TASKS.pop("Thermostat-v0", None)
    gymnasium.registry.pop("Thermostat-v0", None)
    for name in ("compiled", "thermostat"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("folder", ["environment"], indirect=True)
def test_commands_find_both_forms_of_the_environment(folder, capsys):
    commands = re.findall(
        r"^sparserl (?:train|describe) (.*?)(?: --total-steps \d+)?$", text_of("environment"), re.MULTILINE
    )
    assert len(commands) == 3
    for words in commands:
        assert main(["describe", *words.split()]) == 0, capsys.readouterr().err


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("folder", ["environment"], indirect=True)
def test_both_forms_of_the_environment_are_the_same_task(folder, capsys):
    namespace = run("environment", python("environment"))
    assert capsys.readouterr().out == "None\n"
    program = namespace["make"]("compiled:Thermostat-v0", 1, "compiled")
    assert program.spec._replace(identifier="") == namespace["environment"].spec._replace(identifier="")
    compiled, thermostat = (importlib.import_module(name) for name in ("compiled", "thermostat"))
    room = thermostat.Thermostat()
    room.reset(seed=0)
    state = compiled.begin(jax.random.key(0))
    for action in (1, 0, 1):
        drift = room.np_random.bit_generator.state  # what the weather is about to draw
        room.room, room.outside = float(state.room), float(state.outside)
        seen, _, over, _, _ = room.step(action)
        room.np_random.bit_generator.state = drift
        drawn = room.np_random.normal(0.0, 0.2)
        state, its_reward, its_end = compiled.step(state, jnp.int32(action))
        weather = state.outside - (seen[1] - drawn)  # each draws its own
        expected = seen[0] + 0.1 * (weather - drawn)
        np.testing.assert_allclose(state.room, expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(its_reward, 1 - min(abs(float(state.room)), 5) / 5, rtol=1e-5)
        assert bool(its_end) == over


@pytest.mark.parametrize("folder", ["agent"], indirect=True)
def test_the_agent_learns_and_keeps_its_density(folder, capsys):
    try:
        short = "num_environments=8, total_steps=2_000"  # 31 updates, and one of the topology
        run("agent", [block.replace("num_environments=8", short) for block in python("agent")])
    finally:
        AGENTS.pop("reinforce", None)
        sys.modules.pop("reinforce", None)
    *layers, first, last = capsys.readouterr().out.splitlines()
    assert layers == re.findall(r"^\w+ \[\d+, \d+\] \d+ of \d+$", text_of("agent"), re.MULTILINE)
    assert first.split()[0] == "0"
    assert (last.split()[0], last.split()[2]) == ("16384", "0.200")


@pytest.mark.parametrize("folder", ["study"], indirect=True)
def test_the_study_is_planned_as_the_tutorial_says(folder, capsys):
    assert main(["study", "plan", "small_networks.py", "--scale", "smoke", "--no-calibration"]) == 0
    told = capsys.readouterr().out
    for line in told.splitlines():
        if line.startswith(("small_networks,", "runs:", "steps:", "disk:")):
            assert line in text_of("study")
