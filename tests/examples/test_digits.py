"""The examples that learn to read digits: a few updates of each, and what they write."""

import csv
import re
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("flax")
pytest.importorskip("equinox")

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_equinox_learns_and_writes_a_table_rows_and_a_picture(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(EXAMPLES)
    import digits
    import digits_equinox

    monkeypatch.setattr(digits, "peers", lambda split: {"peer": 0.5})  # seconds, and others' code
    choices = [
        "--networks",
        "mlp",
        "--methods",
        "static",
        "--sparsities",
        "0.9",
        "--seeds",
        "2",
        "--updates",
        "60",
        "--output",
    ]
    rows = digits.main("equinox", digits_equinox.train, [*choices, str(tmp_path)])
    assert [row[:5] for row in rows[14::15]] == [
        *(("mlp", "dense", 0.0, seed, 60) for seed in (0, 1)),
        *(("mlp", "static", 0.9, seed, 60) for seed in (0, 1)),
    ]
    assert {round(row.density, 3) for row in rows} == {1.0, 0.1}
    assert min(row.accuracy for row in rows[14::15]) > 0.5, "one in ten is chance"
    assert len({row.accuracy for row in rows[14::15]}) > 1
    with open(tmp_path / "equinox.csv") as file:
        assert list(csv.reader(file)) == [list(map(str, row)) for row in [digits.Row._fields, *rows]]
    assert (tmp_path / "equinox.png").stat().st_size > 10_000
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["mlp", "dense"], ["mlp", "static"]]
    assert lines[2:] == ["scikit-learn's peer: 0.5000"]


def test_nnx_learns_with_batch_norms_and_dropout(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    import digits
    import digits_nnx

    split = digits.digits()
    assert [len(part) for part in split] == [1347, 450, 1347, 450]
    few = digits.Split(*(part[:64] for part in split))
    rows = list(digits_nnx.train("cnn", "prune", 0.95, 0, few, 5))
    assert [row.updates for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0].density == 1.0, "pruning begins dense"
    assert rows[-1].density == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--methods", "rigll"], "method is 'rigll': choose .* did you mean 'rigl'"),
        (["--sparsities", "1.5"], "sparsity is 1.5: "),
        (["--seeds", "0"], "seeds is 0: it must be at least 1"),
    ],
)
def test_mistakes_are_told_in_one_line_before_anything_is_trained(monkeypatch, tmp_path, capsys, words, line):
    monkeypatch.syspath_prepend(EXAMPLES)
    import digits

    with pytest.raises(SystemExit) as ended:
        digits.main("equinox", None, [*words, "--output", str(tmp_path / "none")])
    assert ended.value.code == 2
    [told] = capsys.readouterr().err.splitlines()
    assert re.search(line, told)
    assert not (tmp_path / "none").exists()
