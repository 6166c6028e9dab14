"""The PPO of `jit(vmap(train))` at a tiny size: each seed has its topology, exact, and what it saw is written."""

import csv
import importlib.util
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import sparserl
from sparserl.sparsity import erk

pytest.importorskip("flax")
pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "ppo_jit_vmap.py"
spec = importlib.util.spec_from_file_location("ppo_jit_vmap", EXAMPLE)
assert spec is not None
example = importlib.util.module_from_spec(spec)
sys.modules["ppo_jit_vmap"] = example
spec.loader.exec_module(example)

SEEDS = 3


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What one run of the script has made, without the axis of rates: its folder, parameters, states and returns."""
    made = []
    train_all = example.train_all

    def remembered(options, method):
        made.append(train_all(options, method))
        return made[-1]

    folder = tmp_path_factory.mktemp("ppo") / "new" / "folder"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example, "train_all", remembered)
        for name, value in {"NUM_EVALUATIONS": 2, "EVALUATION_EPISODES": 2, "HIDDEN_UNITS": 8, "NUM_EPOCHS": 1}.items():
            patch.setattr(example, name, value)
        example.main(["--steps", "1", "--seeds", str(SEEDS), "--sparsity", "0.7", "--output", str(folder)])
    [(networks, returns)] = made
    return folder, *jax.tree.map(lambda leaf: np.asarray(leaf[0]), networks), returns[0]


def test_every_seed_is_exactly_as_sparse_as_asked_and_has_its_own_topology(trained):
    _, params, state, _ = trained
    masks = sparserl.topology(state)
    shapes = {layer: mask.shape[1:] for layer, mask in masks.items()}
    assert shapes["params/actor_hidden_1"] == (4, 8)
    assert len(shapes) == 6
    sparsities = erk(shapes, 0.7)
    for layer, mask in masks.items():
        size = mask[0].size
        assert (mask.sum((1, 2)) == size - int(np.floor(sparsities[layer] * size))).all()
        kernels = params["params"][layer.removeprefix("params/")]["kernel"]
        assert not kernels[~mask].any()
        assert kernels[mask].any()
    assert len({masks["params/actor_hidden_2"][seed].tobytes() for seed in range(SEEDS)}) == SEEDS


def test_every_minibatch_of_every_rollout_was_learned_from(trained):
    _, _, state, _ = trained
    assert state.num_updates.tolist() == [2 * example.NUM_MINIBATCHES] * SEEDS


def test_what_was_seen_is_written(trained):
    folder, _, _, returns = trained
    with (folder / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == SEEDS * 2
    assert {int(row["steps"]) for row in rows} == {example.STEPS_PER_UPDATE, 2 * example.STEPS_PER_UPDATE}
    assert {row["method"] for row in rows} == {"rigl"}
    written = [float(row["mean_return"]) for row in rows]
    np.testing.assert_allclose(written, returns.ravel(), atol=1e-3)
    assert all(8 <= value <= 500 for value in written), "CartPole cannot fall sooner"
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--methods", "rigel"], "method is 'rigel': choose dense, prune"),
        (["--methods", "dense", "sett"], "did you mean 'set'"),
        (["--sparsity", "1.5"], "sparsity is 1.5"),
        (["--sparsity", "much"], "--sparsity: invalid float value: 'much'"),
        (["--steps", "0"], "steps is 0: it must be at least 1"),
        (["--seeds", "-1"], "seeds is -1: it must be at least 1"),
        (["--first-key", str(10**30)], "first-key is 1000000000000000000000000000000"),
        (["--learning-rates", "0"], "learning-rates is 0.0"),
        (["--learning-rates", "nan"], "learning-rates is nan"),
        (["--environment", "CartPole-v2"], "did you mean 'CartPole-v1'"),
        (["--environment", "Pendulum-v1"], "Pendulum-v1': its actions are not discrete"),
        (["--output", __file__], "File exists"),
        (["--sede", "3"], "unrecognized arguments: --sede 3"),
    ],
)
def test_mistakes_are_told_in_one_line_before_anything_is_trained(words, told, capsys, monkeypatch):
    monkeypatch.setattr(example, "train_all", lambda *_: pytest.fail("it has begun to train"))
    with pytest.raises(SystemExit) as stop:
        example.main(words)
    assert stop.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert told in lines[0]
