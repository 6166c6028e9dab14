"""The script in CleanRL's manner: it trains, its network is exactly sparse, and three lines make it so."""

import csv
import importlib.util
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import sparserl

pytest.importorskip("flax")

EXAMPLE = Path(__file__).parents[2] / "examples" / "cleanrl_style_dqn.py"
spec = importlib.util.spec_from_file_location("cleanrl_style_dqn", EXAMPLE)
assert spec is not None
example = importlib.util.module_from_spec(spec)
sys.modules["cleanrl_style_dqn"] = example  # dataclasses look their module up
spec.loader.exec_module(example)

pytestmark = pytest.mark.slow

SMALL = "--steps 1500 --learning-starts 100 --train-every 1 --batch-size 8 --units 24 --evaluate-every 750 --episodes 1"


def test_it_trains_a_sparse_network(tmp_path):
    state = example.main([*SMALL.split(), "--sparsity", "0.8", "--output", str(tmp_path)])
    [file] = tmp_path.iterdir()
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert file.name == "cleanrl-dqn-CartPole-v1-rigl-0.csv"
    assert [int(row["environment_steps"]) for row in rows] == [750, 1500]
    assert all(float(row["mean_return"]) >= 1 for row in rows)
    assert state.step == 1400
    kernels = {f"params/{layer}": leaves["kernel"] for layer, leaves in state.params["params"].items()}
    masks = sparserl.topology(state)
    assert masks.keys() == kernels.keys()
    assert all(not np.asarray(kernels[name])[~np.asarray(masks[name])].any() for name in masks)
    live, weights = sum(np.sum(mask) for mask in masks.values()), sum(np.size(mask) for mask in masks.values())
    assert 0 <= live - 0.2 * weights < 2 * len(masks)  # each layer rounds up, twice


def test_three_lines_are_marked():
    assert EXAMPLE.read_text().count("# sparse\n") == 3


def test_dense_is_the_script_without_them(tmp_path, monkeypatch):
    """With plain optax in the places of the three functions the rows are the same."""
    small = [*SMALL.replace("1500", "300").replace("750", "150").split(), "--method", "dense", "--output"]
    trained = example.main([*small, str(tmp_path / "ours")])
    monkeypatch.setattr(sparserl, "sparsify", lambda inner, method, **choices: inner)
    monkeypatch.setattr(sparserl, "born_sparse", lambda params, state: params)
    monkeypatch.setattr(sparserl, "masked_average", lambda target, params, step_size, state: params)
    monkeypatch.setattr(sparserl, "summary", lambda state: "")
    plain = example.main([*small, str(tmp_path / "plain")])
    jax.tree.map(np.testing.assert_array_equal, trained.params, plain.params)
    written = [next((tmp_path / name).iterdir()).read_text() for name in ("ours", "plain")]
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--method", "rigll"], "method is 'rigll': choose"),
        (["--environment", "CartPol-v1"], "`CartPol`"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path, capsys, words, line):
    with pytest.raises(SystemExit) as ended:
        example.main([*words, "--output", str(tmp_path / "none")])
    assert ended.value.code == 2
    [told] = capsys.readouterr().err.splitlines()
    assert line in told
    assert not (tmp_path / "none").exists()
