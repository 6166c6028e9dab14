"""Every mistake gets one line that names it, exit status 2, no traceback, and leaves nothing behind."""

import pytest

from cli.command import TINY, call
from sparserl import persistence

SAC = ["sac", "rigl", "--environment", "Pendulum-v1"]
TRAIN = ["train", "dqn", "rigl", "--environment", "CartPole-v1", *TINY, "--method.window.interval-updates", "50"]

EVALUATE = ["evaluate", "results/none/seed=0", "--observation-noise"]
MISTAKES = {
    "noise that is no number": ([*EVALUATE, "0,1,x"], ["--observation-noise is '0,1,x'", "numbers from 0 on"]),
    "noise with dots": ([*EVALUATE, "0,1,...,30"], ["--observation-noise is '0,1,...,30'", "as in 0,5,10"]),
    "negative noise": ([*EVALUATE, "0,-1"], ["--observation-noise is '0,-1'", "numbers from 0 on"]),
    "infinite noise": ([*EVALUATE, "inf"], ["--observation-noise is 'inf'", "numbers from 0 on"]),
    "noise that is NaN": ([*EVALUATE, "1,nan"], ["--observation-noise is '1,nan'", "numbers from 0 on"]),
    "no noise": ([*EVALUATE, ""], ["--observation-noise is ''", "numbers from 0 on"]),
    "arithmetic": (
        ["evaluate", "a", "--noise-arithmetic", "wrap"],
        ["--noise-arithmetic is 'wrap'", "clip, modulo or None"],
    ),
    "fake features in percent": ([*TRAIN, "--fake-features", "90"], ["--fake-features is 90.0", "90 % is 0.9"]),
    "nothing but fake features": ([*TRAIN, "--fake-features", "1"], ["--fake-features is 1.0", "0 to 0.99"]),
    "negative steps of evaluation": ([*TRAIN, "--evaluation.min-steps", "-1"], ["--evaluation.min-steps is -1"]),
    "no time to hang": (["describe", *SAC, "--hang_seconds", "0"], ["--hang-seconds is 0.0: it must be more than 0"]),
    "no end of a hang": (["evaluate", "a", "--hang-seconds", "inf"], ["--hang-seconds is inf: it must be", "finite"]),
    "hang that is no number": (["export", "a", "--hang-seconds", "x"], ["--hang-seconds is 'x'", "a number"]),
    "hang before a push": (["push", "a", "--hang-seconds=-1"], ["--hang-seconds is -1.0: it must be more than 0"]),
    "hang of a plan": (["study", "plan", "figure_8", "--hang-seconds", "0"], ["--hang-seconds is 0.0: it must be"]),
    "no method": (["train", "dqn"], ["METHOD is missing after 'dqn'", "rigl"]),
    "options first": (["train", "--json", "dqn", "rigl"], ["AGENT and METHOD come first"]),
    "command": (["trian"], ["'trian'", "did you mean 'train'?"]),
    "agent": (["train", "dqm", "rigl", "--environment", "CartPole-v1"], ["'dqm'", "did you mean 'dqn'?"]),
    "method": (["train", "dqn", "rigel", "--environment", "CartPole-v1"], ["'rigel'", "did you mean 'rigl'?"]),
    "environment": (["train", "dqn", "rigl", "--environment", "CartPol-v1", *TINY], ["'CartPol-v1'", "CartPole-v1"]),
    "game": (["train", "dqn", "rigl", "--environment", "atari:Pog"], ["'atari:Pog'", "did you mean 'atari:Pong'?"]),
    "Gymnasium's name of a game": (
        ["train", "dqn", "rigl", "--environment", "ALE/Pong-v5"],
        ["--environment is 'ALE/Pong-v5'", "as atari:Pong"],
    ),
    "no environment": (["train", "dqn", "rigl"], ["--environment is missing"]),
    "discrete actions for sac": (
        ["train", "sac", "rigl", "--environment", "CartPole-v1"],
        ["agent sac needs continuous actions", "CartPole-v1"],
    ),
    "continuous actions for dqn": (
        ["train", "dqn", "rigl", "--environment", "Pendulum-v1"],
        ["agent dqn needs discrete actions", "Pendulum-v1"],
    ),
    "minibatches that do not divide a rollout": (
        ["train", "ppo", "rigl", "--environment", "Pendulum-v1", "--agent.batch-size", "100"],
        ["--agent.batch-size is 100", "must divide the 2048 steps", "--agent.rollout-steps x --num-environments"],
    ),
    "minibatches of one advantage": (
        ["train", "ppo", "rigl", "--environment", "Pendulum-v1", "--agent.batch-size", "1"],
        ["--agent.batch-size is 1", "learn nothing", "choose --agent.no-normalize-advantages"],
    ),
    "widths of critics": (
        ["describe", *SAC, "--critic-hidden-units", "0"],
        ["--critic-hidden-units is (0,)", "positive widths"],
    ),
    "momentum of adam": ([*TRAIN, "--optimizer.momentum", "0.9"], ["--optimizer.momentum is 0.9", "adam has none"]),
    "decay beside another gradient": (
        [*TRAIN, "--optimizer.decoupled-weight-decay", "0.1"],
        ["--optimizer.decoupled-weight-decay is 0.1", "adamw, lion or muon", "or --weight-decay"],
    ),
    "impossible sparsity of a layer": (
        ["describe", *SAC, "--sparsity", "0.1", "--layer-sparsities", "actor/hidden_2=0.99"],
        ["--sparsity is 0.1", "with --layer-sparsities of actor/hidden_2", "or choose --no-rebudget"],
    ),
    "clip range": (
        ["train", "ppo", "rigl", "--environment", "CartPole-v1", "--agent.clip-range", "0"],
        ["--agent.clip-range is 0.0", "greater than 0"],
    ),
    "gradient norm": (
        ["train", "ppo", "rigl", "--environment", "CartPole-v1", "--optimizer.max-gradient-norm", "-1"],
        ["--optimizer.max-gradient-norm is -1.0", "greater than 0"],
    ),
    "share of the actor of ppo": (
        ["describe", "ppo", "rigl", "--environment", "Pendulum-v1", "--budget", "0.2", "--actor-share", "0.99"],
        ["--actor-share is 0.99", "must be between", "with a budget of 0.2"],
    ),
    "no environment for sac": (["train", "sac", "rigl"], ["--environment is missing", "HalfCheetah-v5"]),
    "preset that the agent has not": ([*TRAIN, "--preset", "sb3"], ["'sb3'", "dqn", "paper or published-code"]),
    "actor of dqn": ([*TRAIN, "--actor-sparsity", "0.5"], ["--actor-sparsity is 0.5", "neither actor nor critic"]),
    "actor too sparse": (
        ["train", "sac", "rigl", "--environment", "Pendulum-v1", "--actor-sparsity", "1"],
        ["--actor-sparsity is 1.0", "[0, 1)"],
    ),
    "budget of dqn": (
        ["describe", *TRAIN[1:], "--budget", "0.2"],
        ["--budget is 0.2", "agent dqn has neither actor nor critic"],
    ),
    "budget in percent": (["describe", *SAC, "--budget", "20"], ["--budget is 20.0", "at most 1", "20 % is 0.2"]),
    "share in percent": (
        ["describe", *SAC, "--budget", "0.2", "--actor-share", "10"],
        ["--actor-share is 10.0", "10 % is 0.1"],
    ),
    "replay that does not fit into memory": (
        [
            *TRAIN,
            "--total-steps",
            "2000000",
            "--num-environments",
            "1000",
            "--fake-features",
            "0.99",
            "--agent.replay-capacity-steps",
            "2000000000",
        ],
        ["--agent.replay-capacity-steps is 2000000000", "take 6420.0 GB", "this machine has", "lower it: at most"],
    ),
    "limit of rewards": ([*TRAIN, "--agent.reward-limit", "0"], ["--agent.reward-limit is 0.0", "greater than 0"]),
    "no budget": (["describe", *SAC, "--budget", "0"], ["--budget is 0.0", "above 0 and at most 1"]),
    "budget that is NaN": (["describe", *SAC, "--budget", "nan"], ["--budget is nan", "above 0 and at most 1"]),
    "share of nothing": (["describe", *SAC, "--actor-share", "0.1"], ["--actor-share is 0.1", "--budget 0.2"]),
    "budget and sparsity": (
        ["describe", *SAC, "--budget", "0.2", "--sparsity", "0.8"],
        ["--budget is 0.2", "decides --sparsity"],
    ),
    "budget and sparsity of the actor": (
        ["describe", *SAC, "--actor_sparsity=0.8", "--budget", "0.2"],
        ["--budget is 0.2", "decides --actor-sparsity"],
    ),
    "budget and sparsity of the critics": (
        ["describe", *SAC, "--budget", "0.2", "--critic-sparsity", "0"],
        ["--budget is 0.2", "decides --critic-sparsity"],
    ),
    "budget and widths": (
        ["describe", "sac", "dense", *SAC[2:], "--budget", "0.2", "--network.hidden-units", "64", "64"],
        ["--budget is 0.2", "decides --network.hidden-units"],
    ),
    "budget and widths of critics": (
        ["describe", "sac", "dense", *SAC[2:], "--budget", "0.2", "--critic-hidden-units", "64", "64"],
        ["--budget is 0.2", "decides --critic-hidden-units"],
    ),
    "budget that biases exceed": (
        ["describe", *SAC, "--budget", "0.001"],
        ["--budget is 0.001", "between 0.0077 and 1"],
    ),
    "share beyond a dense actor": (
        ["describe", *SAC, "--budget", "0.5", "--actor-share", "0.9"],
        ["--actor-share is 0.9", "between 0.0051 and 0.6666", "a budget of 0.5"],
    ),
    "widths below 1": (
        ["describe", "sac", "dense", *SAC[2:], "--budget", "0.0001"],
        ["--budget is 0.0001", "between 0.0002 and 1"],
    ),
    "overrides that nobody makes up for": (
        ["describe", *SAC, "--budget", "0.2", "--layer-sparsities", "actor/hidden_1=0.5", "--no-rebudget"],
        ["--budget is 0.2", "make up for --layer-sparsities"],
    ),
    "preset": ([*TRAIN, "--preset", "papr"], ["'papr'", "published-code", "did you mean 'paper'?"]),
    "layer": ([*TRAIN, "--layer-sparsities", "hiden_1=0.5"], ["'hiden_1'", "hidden_1'?"]),
    "layer without value": ([*TRAIN, "--layer-sparsities", "hidden_1"], ["'hidden_1'", "LAYER=SPARSITY"]),
    "layer too sparse": (
        [*TRAIN, "--layer-sparsities", "hidden_1=1"],
        ["--layer-sparsities is 'hidden_1=1.0'", "below 1"],
    ),
    "environment misspelt": (
        ["train", "dqn", "rigl", "--enviroment", "CartPole-v1"],
        ["did you mean '--environment'?"],
    ),
    "word too many": ([*TRAIN, "--sparsity", "0.5", "0.6"], ["'0.6'", "--sparsity takes one value"]),
    "option": ([*TRAIN, "--sparcity", "0.5"], ["--sparcity", "--sparsity"]),
    "option of a part": ([*TRAIN, "--batch-size", "5"], ["--batch-size", "--agent.batch-size"]),
    "stray word": ([*TRAIN, "--agent.double", "yes"], ["'yes'", "--agent.double takes no value"]),
    "flag with value": ([*TRAIN, "--agent.double=yes"], ["'yes'", "--agent.double takes no value"]),
    "sparsity of 1": ([*TRAIN, "--sparsity", "1"], ["--sparsity is 1.0", "[0, 1)"]),
    "negative sparsity": ([*TRAIN, "--sparsity", "-0.1"], ["--sparsity is -0.1", "[0, 1)"]),
    "sparsity that is no number": ([*TRAIN, "--sparsity", "abc"], ["--sparsity is 'abc'", "a number"]),
    "sparsity that is NaN": ([*TRAIN, "--sparsity", "nan"], ["--sparsity is nan", "[0, 1)"]),
    "no value": ([*TRAIN, "--sparsity"], ["--sparsity needs a value"]),
    "distribution": ([*TRAIN, "--distribution", "er"], ["--distribution is 'er'", "erk or uniform", "'erk'?"]),
    "storage": ([*TRAIN, "--storage", "compact"], ["--storage is 'compact'", "auto, masked or compressed"]),
    "nothing to compress": (
        ["train", "dqn", "dense", "--environment", "CartPole-v1", *TINY, "--storage", "compressed"],
        ["--storage is 'compressed'", "a dense network has no sparse layers", "masked"],
    ),
    "compressed on a GPU": (
        [*TRAIN, "--storage", "compressed", "--device", "gpu"],
        ["--storage is 'compressed'", "compressed kernels are for CPUs", "masked or auto"],
    ),
    "matrices": ([*TRAIN, "--storage", "compressed", "--optimizer.name", "muon"], ["optimizer muon", "masked or auto"]),
    "compressed layer": (
        [*TRAIN, "--storage", "compressed", "--compressed-layers", "q/hiden_2=0.4"],
        ["--compressed-layers", "'q/hiden_2'", "q/hidden_2"],
    ),
    "compressed layer without number": (
        [*TRAIN, "--storage", "compressed", "--compressed-layers", "q/hidden_2"],
        ["--compressed-layers", "LAYER=DENSITY"],
    ),
    "compressed layers of masked storage": (
        [*TRAIN, "--storage", "masked", "--compressed-layers", "q/hidden_2=0.4"],
        ["--compressed-layers", "--storage is masked"],
    ),
    "half a step": ([*TRAIN, "--total-steps", "1.5"], ["--total-steps is '1.5'", "whole number"]),
    "zero steps": ([*TRAIN, "--total-steps", "0"], ["--total-steps is 0", "at least 1"]),
    "all warm-up": ([*TRAIN, "--total-steps", "90"], ["--total-steps is 90", "more than 100", "--agent.warmup-steps"]),
    "window shorter than its interval": (
        [*TRAIN, "--method.window.interval-updates", "1000"],
        ["--method.window.interval-updates is 1000", "at most 160"],
    ),
    "window that never fires": (
        [*TRAIN, "--method.window.start-fraction", "1", "--method.window.stop-fraction", "1"],
        ["never fires", "--method.window.start-fraction"],
    ),
    "window backwards": ([*TRAIN, "--method.window.stop-fraction", "-1"], ["--method.window.stop-fraction is -1.0"]),
    "field of a part": ([*TRAIN, "--agent.batch-size", "0"], ["--agent.batch-size is 0", "at least 1"]),
    "optimizer": ([*TRAIN, "--optimizer.name", "adan"], ["--optimizer.name is 'adan'", "did you mean 'adam'?"]),
    "sink": ([*TRAIN, "--sink", "jsonll"], ["--sink is 'jsonll'", "did you mean 'jsonl'?"]),
    "no seeds": ([*TRAIN, "--num-seeds", "0"], ["--num-seeds is 0", "at least 1"]),
    "seed that JAX would cut": ([*TRAIN, "--seed", "4294967296"], ["--seed is 4294967296", "4294967295"]),
    "continuous actions": (
        ["train", "dqn", "rigl", "--environment", "Pendulum-v1", *TINY],
        ["Pendulum-v1", "discrete"],
    ),
    "network": (
        ["train", "dqn", "rigl", "--environment", "atari:Pong", "--network", "resnt"],
        ["--network is 'resnt'", "mlp, cnn or resnet", "did you mean 'resnet'?"],
    ),
    "network without name": (
        ["describe", "dqn", "rigl", "--environment", "atari:Pong", "--network"],
        ["--network is ''", "mlp, cnn or resnet"],
    ),
    "convolutions of a vector": (
        ["train", "dqn", "rigl", "--environment", "CartPole-v1", "--network", "cnn"],
        ["network cnn takes images", "(4,)", "mlp"],
    ),
    "convolutions for sac": ([*["train", *SAC], "--network", "cnn"], ["network is 'cnn'", "agent sac", "mlp only"]),
    "pixels for ppo": (
        ["describe", "ppo", "rigl", "--environment", "atari:Pong"],
        ["agent ppo learns from vectors", "84 x 84 x 4", "try dqn"],
    ),
    "part of another network": (
        ["describe", "dqn", "rigl", "--environment", "atari:Pong", "--network.num-blocks", "1"],
        ["unknown option --network.num-blocks"],
    ),
    "part of a network": (
        ["describe", "dqn", "rigl", "--environment", "atari:Pong", "--network.widht", "0.5"],
        ["--network.widht", "--network.width"],
    ),
    "width": (
        ["describe", "dqn", "rigl", "--environment", "atari:Pong", "--network.width", "wide"],
        ["--network.width is 'wide'", "a number"],
    ),
    "kernels wider than the image": (
        [
            *["describe", "dqn", "rigl", "--environment", "atari:Pong"],
            *["--network.kernel-sizes", "90", "4", "3", "--network.padding", "valid"],
        ],
        ["--network.kernel-sizes is (90, 4, 3)", "with --network.strides 4 2 1", "choose --network.padding same"],
    ),
    "no width": (
        ["describe", "dqn", "rigl", "--environment", "atari:Pong", "--network.width", "0"],
        ["--network.width is 0.0", "greater than 0"],
    ),
    "convolution to compress": (
        ["describe", "dqn", "rigl", "--environment", "atari:Pong", "--compressed-layers", "q/conv_1=0.5"],
        ["--compressed-layers", "is 'q/conv_1': convolutions are always masked", "q/hidden_1"],
    ),
    "layer of a cnn": (
        ["describe", "dqn", "rigl", "--environment", "atari:Pong", "--layer-sparsities", "conv1=0.5"],
        ["'conv1'", "q/conv_1'?"],
    ),
    "run": (["evaluate", "nothing/seed=0"], ["'nothing/seed=0'"]),
    "no run": (["evaluate"], ["RUN is missing"]),
    "report of nothing": (["report", "nothing"], ["nothing holds no evaluations"]),
}


def _marked(name):
    """Without kernels, compressed storage is itself the mistake."""
    unmasked = {"compressed layer", "compressed layer without number", "convolution to compress"}
    return pytest.param(*MISTAKES[name], id=name, marks=[pytest.mark.kernels] if name in unmasked else [])


@pytest.mark.parametrize(("words", "told"), [_marked(name) for name in MISTAKES])
def test_mistake(words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call(capsys, *words)
    assert result.status == 2
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("sparserl: ")
    for part in told:
        assert part in result.err
    assert list(tmp_path.iterdir()) == []


def test_output_that_is_a_file(capsys, tmp_path):
    (tmp_path / "results").write_text("mine")
    result = call(capsys, *TRAIN, "--output", tmp_path / "results")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"sparserl: cannot write {tmp_path / 'results'}")
    assert len(result.err.splitlines()) == 1
    assert (tmp_path / "results").read_text() == "mine"


def test_run_folder_that_is_a_file(capsys, tmp_path):
    identifier = call(capsys, "describe", *TRAIN[1:], "--json").document()["experiment_id"]
    (tmp_path / identifier).mkdir()
    (tmp_path / identifier / "seed=0").write_text("mine")
    result = call(capsys, *TRAIN, "--output", tmp_path)
    assert (result.status, result.out) == (2, "")
    assert "cannot write" in result.err.splitlines()[-1]
    assert "seed=0" in result.err.splitlines()[-1]


@pytest.mark.parametrize("sealed", [False, True])
def test_another_experiment_under_the_same_id(sealed, capsys, tmp_path):
    document = call(capsys, "describe", *TRAIN[1:], "--json").document()
    path = tmp_path / document["experiment_id"] / "experiment.json"
    choices = {"total_steps": 301}
    persistence.write_document(path, {"choices": choices})
    if not sealed:
        path.write_text(path.read_text().replace("301", "302"))
    before = path.read_bytes()
    result = call(capsys, *TRAIN, "--output", tmp_path)
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert ("another experiment" if sealed else "edited") in result.err
    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir()] == ["experiment.json"]


def test_a_policy_that_is_not_there_yet(capsys, tmp_path):
    (tmp_path / "some-experiment" / "seed=3").mkdir(parents=True)
    result = call(capsys, "evaluate", "some-experiment/seed=3", "--output", tmp_path)
    assert (result.status, result.out) == (2, "")
    assert "has no policy yet" in result.err


def test_a_gpu_that_is_not_there(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    result = call(capsys, *TRAIN, "--device", "gpu", "--output", str(tmp_path / "results"))
    assert result.status == 2
    assert result.err.splitlines() == [
        "sparserl: there is no GPU on this machine: omit --device gpu, or give a study's --scheduler"
    ]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_than_linux_are_refused(platform, capsys, monkeypatch):
    monkeypatch.setattr("sys.platform", platform)
    result = call(capsys, *TRAIN)
    assert (result.status, result.out) == (2, "")
    assert result.err == f"sparserl: it runs on Linux only, and this is {platform}: use a container there\n"
