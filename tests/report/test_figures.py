"""Learning curves: everything is drawn, nothing is hidden, and equal rows give equal bytes."""

import math
import random
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import scipy.stats
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sparserl.report import draw_learning_curves, draw_noise_curves, learning_curves, noise_curves
from sparserl.report.style import colour
from sparserl.types import UserError
from waiting import PATIENCE_SECONDS

METHODS = [("dense", 0.0), ("prune", 0.9), ("static", 0.9), ("set", 0.9), ("rigl", 0.9), ("rigl", 0.95)]
NAMES = ["Dense", "Pruning 90 %", "Static 90 %", "SET 90 %", "RigL 90 %", "RigL 95 %"]


def make_rows(environments=("CartPole-v1",), methods=METHODS, num_seeds=4, num_evaluations=6, **more) -> list[dict]:
    numbers = np.random.default_rng(0)
    return [
        {
            "environment": environment,
            "method": method,
            "sparsity": sparsity,
            "seed": seed,
            "environment_steps": 2000 * i,
            "mean_return": float(i + seed + numbers.normal()),
            **more,
        }
        for environment in environments
        for method, sparsity in methods
        for seed in range(num_seeds)
        for i in range(num_evaluations)
    ]


def means(figure: Figure, panel: int = 0) -> dict[str, matplotlib.lines.Line2D]:
    return {line.get_label(): line for line in figure.axes[panel].get_lines() if not line.get_label().startswith("_")}


def singles(figure: Figure) -> list[matplotlib.lines.Line2D]:
    return [line for line in figure.axes[0].get_lines() if line.get_label().startswith("_")]


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def notes(figure: Figure) -> str:
    return figure.texts[1].get_text()


def test_every_environment_has_a_panel_and_every_method_a_line_and_a_legend_entry() -> None:
    figure = draw_learning_curves(make_rows(("B-v1", "A-v1")), title="Title")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["A-v1", "B-v1"]
    for panel in (0, 1):
        assert list(means(figure, panel)) == NAMES
        assert len(figure.axes[panel].collections) == len(NAMES), "one band each"
    assert legend_texts(figure) == [f"{name}  \u00b7  n = 4" for name in NAMES]
    assert figure.axes[0].get_ylabel() == "mean return"
    assert figure.axes[1].get_xlabel() == "environment steps (thousands)"


def test_lines_are_means_over_seeds_and_bands_their_t_intervals() -> None:
    rows = make_rows(methods=[("rigl", 0.9)], num_seeds=5)
    figure = draw_learning_curves(rows)
    line = means(figure)["RigL 90 %"]
    assert list(line.get_xdata()) == [0, 2, 4, 6, 8, 10]
    for step, drawn in zip(line.get_xdata(), line.get_ydata(), strict=True):
        values = [row["mean_return"] for row in rows if row["environment_steps"] == 1000 * step]
        assert drawn == pytest.approx(np.mean(values))
        band = figure.axes[0].collections[0].get_paths()[0].vertices
        ends = band[band[:, 0] == step][:, 1]
        expected = scipy.stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
        np.testing.assert_allclose((ends.min(), ends.max()), (expected.low, expected.high), rtol=1e-6)


@pytest.mark.parametrize(("num_seeds", "caveat"), [(2, False), (4, True), (5, False)])
def test_the_legend_says_what_the_bands_are_and_that_few_seeds_lean_on_normal_returns(num_seeds, caveat) -> None:
    figure = draw_learning_curves(make_rows(methods=[("rigl", 0.9)], num_seeds=num_seeds))
    explanation = notes(figure)
    assert ("95 % t-interval" in explanation) == (num_seeds > 2)
    assert ("about normal" in explanation) == caveat


def test_methods_keep_their_looks_and_sparsities_differ_in_line_style() -> None:
    few = means(draw_learning_curves(make_rows(methods=[("rigl", 0.9), ("static", 0.9)])))
    many = means(draw_learning_curves(make_rows()))
    for name in few:
        assert (few[name].get_color(), few[name].get_marker()) == (many[name].get_color(), many[name].get_marker())
    assert len({to_hex(line.get_color()) for line in many.values()}) == len(NAMES)
    assert many["RigL 90 %"].get_marker() == many["RigL 95 %"].get_marker()
    assert many["RigL 90 %"].get_linestyle() != many["RigL 95 %"].get_linestyle()


def test_methods_of_other_packages_are_drawn_apart() -> None:
    strangers = [f"_method_{i}" for i in range(6)]
    assert len({colour(name, strangers) for name in strangers}) == 6
    figure = draw_learning_curves(make_rows(methods=[(name, 0.5) for name in strangers] + [("dense", 0.0)]))
    assert len(means(figure)) == 7
    assert len(legend_texts(figure)) == 7


def test_fewer_than_three_seeds_are_shown_one_by_one() -> None:
    figure = draw_learning_curves(make_rows(methods=[("set", 0.9)], num_seeds=2))
    assert len(singles(figure)) == 2
    assert not figure.axes[0].collections
    assert "thin: single seeds" in notes(figure)
    assert not singles(draw_learning_curves(make_rows(methods=[("set", 0.9)], num_seeds=1)))
    assert not singles(draw_learning_curves(make_rows(methods=[("set", 0.9)], num_seeds=3)))


def test_a_seed_that_stopped_or_diverged_is_not_averaged_away() -> None:
    rows = make_rows(methods=[("set", 0.9)])
    stopped = [row for row in rows if row["seed"] != 1 or row["environment_steps"] <= 4000]
    diverged = [row | {"mean_return": math.nan} if row not in stopped else row for row in rows]
    for changed, said in ((stopped, "n = 4"), (diverged, "n = 4, 1 diverged")):
        figure = draw_learning_curves(changed)
        assert list(means(figure)["SET 90 %"].get_xdata()) == [0, 2, 4], "a mean over other seeds is another curve"
        assert sorted(len(line.get_xdata()) for line in singles(figure)) == [1, 4, 4, 4]
        assert legend_texts(figure) == [f"SET 90 %  \u00b7  {said}"]


def test_two_experiments_and_two_agents_are_never_one_line() -> None:
    rows = make_rows(methods=[("set", 0.9)], experiment_id="set-11111111")
    rows += make_rows(methods=[("set", 0.9)], experiment_id="set-22222222", num_seeds=3)
    assert list(means(draw_learning_curves(rows))) == ["SET 90 % [11111111]", "SET 90 % [22222222]"]
    rows = make_rows(methods=[("set", 0.9)], agent="dqn") + make_rows(methods=[("set", 0.9)], agent="sac")
    assert list(means(draw_learning_curves(rows))) == ["DQN SET 90 %", "SAC SET 90 %"]


def test_experiments_of_one_name_are_told_apart_by_what_differs() -> None:
    """In all environments by the same words, and by no more of them than are needed."""
    facts = {
        "distribution": "erk",
        "network_kind": "mlp",
        "live_parameters": 27_549,
        "storage": "masked",
        "budget": None,
    }
    erk = make_rows(("A-v1", "B-v1"), [("rigl", 0.9)], experiment_id="rigl-11111111", **facts)
    uniform = make_rows(
        ("A-v1",), [("rigl", 0.9)], experiment_id="rigl-22222222", **{**facts, "distribution": "uniform"}
    )
    full = make_rows(("A-v1",), [("dense", 0.0)], experiment_id="dense-1", **{**facts, "live_parameters": 266_242})
    small = make_rows(("A-v1",), [("dense", 0.0)], experiment_id="dense-2", **facts)
    figure = draw_learning_curves([*uniform, *small, *erk, *full])
    names = ["Dense 266,242 parameters", "Dense 27,549 parameters", "RigL 90 % ERK", "RigL 90 % uniform"]
    assert list(means(figure)) == names
    assert list(means(figure, 1)) == ["RigL 90 % ERK"]
    assert [text.partition("  ")[0] for text in legend_texts(figure)] == names
    matched = [{**row, "matches": "sized as 90 %"} for row in small]
    assert list(means(draw_learning_curves([*matched, *full]))) == ["Dense", "Dense sized as 90 %"]
    again = [{**row, "experiment_id": "rigl-33333333"} for row in erk]
    assert list(means(draw_learning_curves([*erk, *again, *uniform]))) == [
        "RigL 90 % ERK [11111111]",
        "RigL 90 % ERK [33333333]",
        "RigL 90 % uniform",
    ]


@pytest.mark.processes
def test_equal_rows_give_equal_bytes_in_any_order_process_and_configuration(tmp_path: Path) -> None:
    rows = make_rows(("A-v1", "B-v1"), METHODS[:3])
    first = learning_curves(rows, tmp_path / "first.png", title="T")
    assert first.read_bytes().startswith(b"\x89PNG")
    shuffled = random.Random(0).sample(rows, len(rows))
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red"}):
        learning_curves(shuffled, tmp_path / "second.png", title="T")
        assert matplotlib.rcParams["font.size"] == 30
    learning_curves(pa.Table.from_pylist(rows), tmp_path / "third.png", title="T")
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    script = (
        "import sys, pyarrow.parquet as pq; from sparserl.report import learning_curves;"
        "learning_curves(pq.read_table(sys.argv[1]), sys.argv[2], title='T');"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    command = [sys.executable, "-c", script, tmp_path / "rows.parquet", tmp_path / "fourth.png"]
    subprocess.run(command, check=True, timeout=PATIENCE_SECONDS)
    for name in ("second", "third", "fourth"):
        assert (tmp_path / f"{name}.png").read_bytes() == first.read_bytes(), name
    learning_curves(rows[1:], tmp_path / "other.png", title="T")
    assert (tmp_path / "other.png").read_bytes() != first.read_bytes()


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    """No formula of matplotlib's, no markup: what is written is what stands in the figure."""
    methods, title = ["$x_{", "<script>"], "$\\unknown$ % {}"
    rows = make_rows(("$\\frac{",), [(name, 0.5) for name in methods], num_seeds=1, num_evaluations=1)
    figure = draw_learning_curves(rows, title)
    assert figure.texts[0].get_text() == title
    assert figure.axes[0].get_title(loc="left") == "$\\frac{"
    assert sorted(legend_texts(figure)) == sorted(f"{name} 50 %  \u00b7  n = 1" for name in methods)
    texts = [*figure.legends[0].get_texts(), figure.axes[0].title, *figure.texts]
    assert not any(text.get_parse_math() for text in texts)
    assert learning_curves(rows, tmp_path / "f.png", title).read_bytes().startswith(b"\x89PNG")


def test_bad_input_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no evaluations"):
        learning_curves([], tmp_path / "f.png")
    with pytest.raises(UserError, match="without the column 'environment'"):
        learning_curves([{"method": "set"}], tmp_path / "f.png")
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(UserError, match="cannot write"):
        learning_curves(make_rows(num_seeds=1), tmp_path / "taken" / "f.png")


def make_documents(num_seeds=4, methods=(("dense", 0.0), ("rigl", 0.9))) -> list[dict]:
    numbers = np.random.default_rng(0)
    return [
        {
            "run": f"results/{method}/seed={seed}",
            "experiment_id": method,
            "agent": "dqn",
            "method": method,
            "environment": "atari:Pong",
            "sparsity": sparsity,
            "seed": seed,
            "rows": [
                {"observation_noise": deviation, "mean_return": 20 - deviation + numbers.normal(), "num_episodes": 3}
                for deviation in (30, 0, 2.5)
            ],
        }
        for method, sparsity in methods
        for seed in range(num_seeds)
    ]


def test_noise_curves_are_means_over_runs_against_the_noise(tmp_path: Path) -> None:
    documents = make_documents()
    figure = draw_noise_curves(documents)
    assert list(means(figure)) == ["Dense", "RigL 90 %"]
    assert figure.axes[0].get_xlabel() == "standard deviation of the noise on observations"
    assert figure.axes[0].get_title(loc="left") == "atari:Pong"
    assert len(figure.axes[0].collections) == 2, "one band each"
    line = means(figure)["RigL 90 %"]
    np.testing.assert_array_equal(line.get_xdata(), [0, 2.5, 30])
    expected = np.mean([[row["mean_return"] for row in one["rows"]] for one in documents[4:]], axis=0)
    np.testing.assert_allclose(line.get_ydata(), expected[[1, 2, 0]])
    assert noise_curves(documents, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    noise_curves(documents[::-1], tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_noise_curves_need_documents_with_rows() -> None:
    with pytest.raises(UserError, match="no evaluations to draw"):
        draw_noise_curves([])
    documents = make_documents()
    del documents[0]["environment"]
    with pytest.raises(UserError, match="rows without the column 'environment'"):
        draw_noise_curves(documents)
