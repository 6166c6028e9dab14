"""R6: bad study files and options are refused in one line each, with file, line, allowed values and nearest name."""

import importlib.util
import os
import subprocess
import sys

import pytest

from cli.command import call

HEAD = """from sparserl.experiment import from_preset, planned
from sparserl.study import Figure, Study
from sparserl.study.grids import distinct, grid, identifiers

"""
LINES = HEAD.count("\n")


def in_study(body):
    """A file whose function `study` has this body, from line LINES + 2 on."""
    return HEAD + "def study(scale):\n" + "".join(f"    {line}\n" for line in body.splitlines())


def of_grid(arguments):
    return in_study(f'return Study("bad", "Why?", grid({arguments}), 2)')


CARTPOLE = 'environments=("CartPole-v1",)'
GOOD = f'"dqn", {CARTPOLE}, sparsities=(0.9,)'
FIRST = LINES + 2

FILES = {  # text of the file, line that must be named, words that must be told
    "syntax error": ("def study(scale:\n", 1, ["SyntaxError", "never closed"]),
    "indentation": ("def study(scale):\nreturn 3\n", 2, ["expected an indented block"]),
    "null byte": ("x = 1\0\n", 1, ["null bytes"]),
    "not text": ("\N{LATIN SMALL LETTER E WITH ACUTE} = 1", 1, ["unicode error", "utf-8"]),
    "empty": ("", 1, ["it defines no function study(scale)"]),
    "other name": ("def stdy(scale):\n    return None\n", 1, ["no function study(scale)", "did you mean 'stdy'?"]),
    "no function": ("study = 3\n", 1, ["study is 3, no function"]),
    "no argument": ("def study():\n    return 3\n", 1, ["study() must take the scale alone"]),
    "two arguments": ("\ndef study(scale, seeds):\n    return 3\n", 2, ["study(scale, seeds) must take the scale"]),
    "returns nothing": (in_study("pass"), LINES + 1, ["study(scale) returned None", "must return a Study"]),
    "returns experiments": (in_study(f"return grid({GOOD})"), LINES + 1, ["type tuple", "must return a Study"]),
    "yields": (in_study("yield 3"), LINES + 1, ["type generator", "must return a Study"]),
    "raises": (in_study("x = 1\nraise RuntimeError('ouch')"), FIRST + 1, ["RuntimeError: ouch"]),
    "raises on many lines": (in_study("raise RuntimeError('one\\ntwo')"), FIRST, ["one two"]),
    "raises in a function of its own": (
        "def deep():\n    return 1 / 0\n\n\ndef study(scale):\n    return deep()\n",
        2,
        ["ZeroDivisionError: division by zero"],
    ),
    "recursion": (in_study("return study(scale)"), FIRST, ["RecursionError"]),
    "ends the program": ("import sys\nsys.exit(3)\n", 2, ["ended the program", "3"]),
    "missing module": ("\nimport no_such_module\n", 2, ["ModuleNotFoundError", "no_such_module"]),
    "missing name": ("from sparserl.study import Studdy\n", 1, ["cannot import name 'Studdy'"]),
    "undefined": (in_study("return Studdy()"), FIRST, ["NameError", "Studdy"]),
    "missing file": (in_study("open('/no/such/file')"), FIRST, ["No such file or directory: /no/such/file"]),
    "agent": (of_grid(GOOD.replace("dqn", "dqm")), FIRST, ["agent is 'dqm'", "dqn, sac or ppo", "'dqn'?"]),
    "method": (of_grid(f'{GOOD}, methods=("rigel",)'), FIRST, ["method is 'rigel'", "snip", "'rigl'?"]),
    "environment": (of_grid(GOOD.replace("CartPole", "CartPol")), FIRST, ["'CartPol-v1'", "CartPole-v1"]),
    "preset": (of_grid(f'{GOOD}, preset="papre"'), FIRST, ["preset is 'papre'", "published-code", "'paper'?"]),
    "preset that the agent has not": (of_grid(f'{GOOD}, preset="sb3"'), FIRST, ["'sb3'", "paper or published-code"]),
    "discrete actions for sac": (of_grid(GOOD.replace("dqn", "sac")), FIRST, ["continuous actions", "CartPole-v1"]),
    "choice": (of_grid(f"{GOOD}, total_stepz=3"), FIRST, ["unknown choice 'total_stepz'", "'total_steps'?"]),
    "choice inside": (
        of_grid(f"{GOOD}, **{{'agent.batchsize': 3}}"),
        FIRST,
        ["unknown choice 'agent.batchsize'", "agent.discount", "'agent.batch_size'?"],
    ),
    "choice without its place": (
        of_grid(f"{GOOD}, drop_fraction=0.3"),
        FIRST,
        ["unknown choice 'drop_fraction'", "method.*", "'method.drop_fraction'?"],
    ),
    "sparsity in percent": (of_grid(GOOD.replace("0.9", "90")), FIRST, ["sparsity is 90.0", "[0, 1)", "90 % is 0.9"]),
    "sparsity of one": (of_grid(GOOD.replace("0.9", "1.0")), FIRST, ["sparsity is 1.0", "[0, 1)"]),
    "sparsity that is a word": (of_grid(GOOD.replace("0.9", "'high'")), FIRST, ["sparsity is 'high'", "a number"]),
    "one sparsity": (of_grid(GOOD.replace("(0.9,)", "0.9")), FIRST, ["sparsities is 0.9", "(0.9,)"]),
    "one method": (of_grid(f'{GOOD}, methods="rigl"'), FIRST, ["methods is 'rigl'", "('rigl',)"]),
    "no methods": (of_grid(f"{GOOD}, methods=()"), FIRST, ["methods is empty"]),
    "method twice": (of_grid(f'{GOOD}, methods=("set", "set")'), FIRST, ["it holds 'set' twice"]),
    "steps as a float": (of_grid(f"{GOOD}, total_steps=1e5"), FIRST, ["total_steps is 100000.0", "a whole number"]),
    "all warm-up": (of_grid(f"{GOOD}, total_steps=900"), FIRST, ["total_steps is 900: all of it is warm-up"]),
    "window in steps": (
        of_grid(f"{GOOD}, **{{'method.window.stop_fraction': 75_000}}"),
        FIRST,
        ["method.window.stop_fraction is 75000", "between"],
    ),
    "window that never fires": (
        of_grid(f"{GOOD}, total_steps=2_000, **{{'method.window.interval_updates': 5_000}}, methods=('prune',)"),
        FIRST,
        ["window"],
    ),
    "replay that does not fit into memory": (
        of_grid(
            f"{GOOD}, total_steps=2 * 10**6, num_environments=1000, fake_features=0.99, "
            "**{'agent.replay_capacity_steps': 2 * 10**9}"
        ),
        FIRST,
        ["agent.replay_capacity_steps is 2000000000", "6420.0 GB", "lower it: at most"],
    ),
    "drop fraction": (
        of_grid(f"{GOOD}, **{{'method.drop_fraction': 1.5}}"),
        FIRST,
        ["method.drop_fraction is 1.5", "[0, 1]"],
    ),
    "distribution": (of_grid(f'{GOOD}, distribution="erc"'), FIRST, ["distribution is 'erc'", "uniform", "'erk'?"]),
    "impossible densities": (
        of_grid(f"{GOOD}, layer_sparsities=('hidden_2=0',)"),
        FIRST,
        ["layer_sparsities", "hidden_2"],
    ),
    "layer": (
        of_grid(f"{GOOD}, layer_sparsities=('hiden_1=0.5',)"),
        FIRST,
        ["layer_sparsities", "hiden_1", "hidden_1"],
    ),
    "empty list": (of_grid(f"{GOOD}, weight_decay=[]"), FIRST, ["weight_decay is empty"]),
    "weight decay": (of_grid(f"{GOOD}, weight_decay=-1"), FIRST, ["weight_decay is -1.0", "negative"]),
    "agent given twice": (
        of_grid(f"{GOOD}, environment='CartPole-v1'"),
        FIRST,
        ["environment: a grid has an argument of its own"],
    ),
    "no seeds": (in_study(f'return Study("bad", "Why?", grid({GOOD}), 0)'), FIRST, ["num_seeds is 0", "1 to"]),
    "half a seed": (in_study(f'return Study("bad", "Why?", grid({GOOD}), 2.5)'), FIRST, ["num_seeds is 2.5", "whole"]),
    "no question": (in_study(f'return Study("bad", "", grid({GOOD}), 2)'), FIRST, ["question is ''", "sentence"]),
    "name": (in_study(f'return Study("../bad", "Why?", grid({GOOD}), 2)'), FIRST, ["name is '../bad'", "letters"]),
    "name of another file": (
        in_study(f'return Study("worse", "Why?", grid({GOOD}), 2)'),
        LINES + 1,
        ["name is 'worse'", "must be the file's, 'bad'"],
    ),
    "no experiments": (in_study('return Study("bad", "Why?", (), 2)'), FIRST, ["experiments is empty"]),
    "experiments that are names": (
        in_study('return Study("bad", "Why?", ("dqn",), 2)'),
        FIRST,
        ["experiments is 'dqn'", "Experiment only"],
    ),
    "a list of experiments": (
        in_study(f'return Study("bad", "Why?", list(grid({GOOD})), 2)'),
        FIRST,
        ["experiments: it is of type list", "a tuple of Experiment"],
    ),
    "twice": (
        in_study(f'one = grid({GOOD})\nreturn Study("bad", "Why?", one + one, 2)'),
        FIRST + 1,
        ["experiments[6] is", "dqn-dense-CartPole-v1", "distinct"],
    ),
    "not planned": (
        in_study('return Study("bad", "Why?", (from_preset("dqn", "rigl", "CartPole-v1"),), 2)'),
        FIRST,
        ["experiments[0].storage is 'auto'", "planned(experiment)"],
    ),
    "experiment that cannot be run": (
        in_study(
            'one = planned(from_preset("dqn", "rigl", "CartPole-v1", total_steps=10))\n'
            'return Study("bad", "Why?", (one,), 2)'
        ),
        FIRST,  # where it is planned
        ["total_steps is 10: all of it is warm-up"],
    ),
    "whole number for a fraction": (
        in_study(
            "import dataclasses\n"
            'one = planned(from_preset("dqn", "rigl", "CartPole-v1"))\n'
            "one = dataclasses.replace(one, weight_decay=0)\n"
            'return Study("bad", "Why?", (one,), 2)'
        ),
        LINES + 1,
        ["weight_decay is 0: write 0.0"],
    ),
    "figure": (
        in_study(f'return Study("bad", "Why?", grid({GOOD}), 2, (Figure("a", "A", kind="pie"),))'),
        FIRST,
        ["kind is 'pie'", "lines, bars, curves, table, noise, flops, profile, threshold or comparison"],
    ),
    "figure of others": (
        in_study(f'return Study("bad", "Why?", grid({GOOD}), 2, (Figure("a", "A", experiments=("x",)),))'),
        FIRST,
        ["figure a shows x"],
    ),
}


@pytest.fixture
def no_process(monkeypatch):
    """A refusal comes before anything is measured or trained, which would need processes."""

    def refuse(*command, **choices):
        raise AssertionError(command)

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)


@pytest.mark.parametrize("mistake", FILES)
def test_a_bad_file_is_refused_in_one_line(tmp_path, capsys, no_process, mistake):
    text, line, told = FILES[mistake]
    path = tmp_path / "bad.py"
    path.write_bytes(text.encode("latin-1" if mistake == "not text" else "utf-8"))
    result = call(capsys, "study", "plan", path, "--output", tmp_path / "results")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"sparserl: {path}:{line}: ")
    assert result.err.count("\n") == 1
    for words in told:
        assert words in result.err
    assert "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == [path]


OPTIONS = {
    "nothing": (["study", "plan"], ["NAME is missing", "sparserl study list"]),
    "subcommand": (["study", "plann"], ["'plann'", "list, plan", "did you mean 'plan'?"]),
    "name": (["study", "plan", "figure_8a"], ["no study 'figure_8a'", "figure_8"]),
    "part": (["study", "plan", "figure_2"], ["'figure_2' has 3 parts", "figure_2_sac"]),
    "far from all": (["study", "plan", "zzz"], ["no study 'zzz'", "sparserl study list"]),
    "no such file": (["study", "plan", "here/mine.py"], ["no file here/mine.py"]),
    "a folder": (["study", "plan", "."], [". is a folder"]),
    "scale": (
        ["study", "plan", "figure_8", "--scale", "papr"],
        ["--scale is 'papr'", "smoke, quick or paper", "'paper'?"],
    ),
    "scale without value": (
        ["study", "plan", "figure_8", "--scale"],
        ["--scale needs a value", "smoke, quick or paper"],
    ),
    "option": (["study", "plan", "figure_8", "--scal", "paper"], ["unknown option --scal", "did you mean '--scale'?"]),
    "two names": (["study", "plan", "figure_8", "figure_9_sac"], ["unexpected word 'figure_9_sac'"]),
    "list of something": (["study", "list", "figure_8"], ["unexpected word 'figure_8'"]),
}


@pytest.mark.parametrize("mistake", OPTIONS)
def test_bad_options_are_refused_in_one_line(tmp_path, capsys, monkeypatch, no_process, mistake):
    monkeypatch.chdir(tmp_path)
    words, told = OPTIONS[mistake]
    result = call(capsys, *words)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("sparserl: ")
    assert result.err.count("\n") == 1
    for part in told:
        assert part in result.err
    assert list(tmp_path.iterdir()) == []


def test_there_are_fifty_of_them():
    assert len(FILES) + len(OPTIONS) >= 50


def test_a_study_whose_package_is_missing_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    from sparserl.experiment import environment, plan

    if importlib.util.find_spec("mujoco") is not None:
        monkeypatch.setitem(sys.modules, "mujoco", None)
        for name in [name for name in sys.modules if name.startswith("gymnasium.envs.mujoco")]:
            monkeypatch.delitem(sys.modules, name)
    environment._shown.clear()
    environment._looked.clear()
    plan._plans.clear()
    result = call(capsys, "study", "plan", "figure_15", "--output", tmp_path / "results")
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert "pip install 'sparserl[mujoco]'" in result.err


@pytest.mark.processes
@pytest.mark.parametrize(
    "told", [("syntax", "def study(scale:\n", ":1: SyntaxError"), ("prints", "print(3)\n", ":1: it")]
)
def test_a_process_refuses_as_well(tmp_path, told):
    name, text, words = told
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    command = [sys.executable, "-m", "sparserl", "study", "plan", str(path), "--json"]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert f"{path}{words}" in result.stderr
    assert "Traceback" not in result.stderr
