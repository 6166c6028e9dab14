"""What a newcomer mistypes in the quickstart and the README, and a part of the one line that says so."""

import os
import re
import shlex

import pytest

from cli.command import call
from covering import covering

CARTPOLE = "train dqn rigl --environment CartPole-v1"
MISTYPED = {
    # which command
    "run dqn rigl": "did you mean 'train'?",
    "fit dqn rigl": "did you mean 'train'?",
    "eval results/x/seed=0": "did you mean 'evaluate'?",
    "plot results": "did you mean 'report'?",
    "Train dqn rigl": "did you mean 'train'?",
    "bnech updates": "did you mean 'bench'?",
    "help train": "did you mean '--help'?",
    "version": "did you mean '--version'?",
    "study figure_8": "a command comes before NAME, as in sparserl study plan figure_8",
    "study mine.py": "a command comes before NAME, as in sparserl study plan mine.py",
    # agent, method and environment
    "train": "AGENT and METHOD come first",
    "train dqn": "METHOD is missing after 'dqn'",
    "train rigl dqn --environment CartPole-v1": "AGENT comes before METHOD: sparserl train dqn rigl",
    'train "dqn rigl" --environment CartPole-v1': "as in sparserl train dqn rigl --environment CartPole-v1",
    "train DQN rigl": "did you mean 'dqn'?",
    "train td3 rigl": "choose dqn, sac or ppo",
    "train dqn RigL --environment CartPole-v1": "did you mean 'rigl'?",
    "train dqn pruning --environment CartPole-v1": "did you mean 'prune'?",
    "train dqn rigl": "--environment is missing",
    "train dqn rigl CartPole-v1": "environments are named by --environment CartPole-v1",
    "train dqn rigl environment=CartPole-v1": "did you mean '--environment'?",
    "train dqn rigl -environment CartPole-v1": "did you mean '--environment'?",
    "train dqn rigl --env CartPole-v1": "did you mean '--environment'?",
    "train dqn rigl --environment": "--environment needs a value: a word",
    "train dqn rigl --environment CartPole": "it needs its version; did you mean 'CartPole-v1'",
    "train dqn rigl --environment CartPoll-v1": "did you mean 'CartPole-v1'",
    "train dqn rigl --environment Pong-v5": "it is asked for as atari:Pong",
    "train dqn rigl --environment MinAtar/breakout": "did you mean 'MinAtar/Breakout-v1'?",
    "train sac rigl --environment CartPole-v1": "try dqn or ppo",
    # options and their values
    f"{CARTPOLE} --sparsity 90": "90 % is 0.9",
    f"{CARTPOLE} --sparsity 90%": "it takes a number, as in 0.9",
    f"{CARTPOLE} --sparsity 0,9": "it takes a number, as in 0.9",
    f"{CARTPOLE} --sparsity": "--sparsity needs a value: a number",
    f"{CARTPOLE} --total-steps 1e5": "it takes a whole number, as in 100000",
    f"{CARTPOLE} --total-steps 100k": "it takes a whole number, as in 100000",
    f"{CARTPOLE} --total-steps 100,000": "it takes a whole number, as in 100000",
    f"{CARTPOLE} --total-steps many": "--total-steps is 'many': it takes a whole number",
    f"{CARTPOLE} --steps 1000": "did you mean '--total-steps'?",
    f"{CARTPOLE} --total-timesteps 1000": "did you mean '--total-steps'?",
    f"{CARTPOLE} --seeds 5": "did you mean '--num-seeds'?",
    f"{CARTPOLE} --n_seeds 5": "did you mean '--num-seeds'?",
    f"{CARTPOLE} --lr 1e-3": "did you mean '--optimizer.learning-rate'?",
    f"{CARTPOLE} --gamma 0.9": "did you mean '--agent.discount'?",
    f"{CARTPOLE} --buffer-size 1000": "did you mean '--agent.replay-capacity-steps'?",
    f"{CARTPOLE} --hidden-sizes 64 64": "did you mean '--network.hidden-units'?",
    f"{CARTPOLE} --out mine": "did you mean '--output'?",
    f"{CARTPOLE} --distr uniform": "did you mean '--distribution'?",
    f"{CARTPOLE} --device cuda": "it takes cpu or gpu; did you mean 'gpu'?",
    f"{CARTPOLE} --storage sparse": "did you mean 'compressed'?",
    f"{CARTPOLE} --preset publishd-code": "did you mean 'published-code'?",
    f"{CARTPOLE} --drop-fraction 0.3": "did you mean '--method.drop-fraction'?",
    "train dqn static --environment CartPole-v1 --method.drop-fraction 0.3": "`sparserl train dqn static --help` lists",
    f"{CARTPOLE} --output a_file": "a file or a broken link is where a folder is needed",
    # studies
    "study plan": "NAME is missing: sparserl study plan figure_8",
    "study plan figure8": "did you mean 'figure_8'?",
    "study plan figure_5": "has 2 parts: choose figure_5_dqn or figure_5_sac",
    "study plan table_6": "nothing is trained for it: `sparserl describe dqn rigl",
    "study plan figure_8 --scale full": "it takes smoke, quick or paper",
    "study plan figure_8 --scale Quick": "did you mean 'quick'?",
    "study run figure_8@quick": "the scale is an option, as in figure_8 --scale quick",
    "study run figure_8 quick": "unexpected word 'quick'",
    "study run nowhere.py": "no file nowhere.py",
    "study run an_empty_folder": "give the Python file that defines the study",
    "study status figure_8": "`sparserl study run figure_8` begins it",
    # what is not there
    "report": "PLACE is missing",
    "report an_empty_folder": "an_empty_folder holds no evaluations",
    "report a_file": "it is a file",
    "report nowhere": "nowhere holds no evaluations: it is not there",
    "report figure_99": "did you mean 'figure_",
    "evaluate": "RUN is missing",
    "evaluate results/EXPERIMENT/seed=0": "a run is a folder .../seed=<n>",
    "evaluate an_empty_folder --episodes 10": "did you mean '--num-episodes'?",
    "export an_empty_folder --format c": "--output is missing",
    "export an_empty_folder --format onx --output x": "did you mean 'onnx'?",
    "export an_empty_folder --format c --output x": "no run 'an_empty_folder'",
}


def _is_first_of_its_kind(case: tuple[str, str]) -> bool:
    """Of commands that one rule answers, one: the others run with `scripts/check thorough`."""
    command, told = case
    same = [other for other, line in MISTYPED.items() if line[:14] == told[:14] and other[:9] == command[:9]]
    return command == same[0]


@pytest.mark.parametrize(("command", "told"), covering(list(MISTYPED.items()), _is_first_of_its_kind))
def test_what_newcomers_mistype_is_told_in_one_line(command, told, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "an_empty_folder").mkdir()
    (tmp_path / "a_file").write_text("x")
    result = call(capsys, *shlex.split(command))
    assert (result.status, result.out) == (2, "")
    assert re.fullmatch(r"sparserl: .*\n", result.err), result.err
    assert told in result.err
    assert sorted(os.listdir(tmp_path)) == ["a_file", "an_empty_folder"], "nothing is left behind"
