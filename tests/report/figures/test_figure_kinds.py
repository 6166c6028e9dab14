"""Rankings, costs, signal-to-noise ratios and noise: numbers are those of the rows, and rules are the stated ones."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from report import synthetic
from report.figures.canvases import left_of_canvas, line, overlapping, panels, words
from sparserl.experiment import from_preset
from sparserl.persistence import DIAGNOSTICS, NOISE, write_table
from sparserl.report.figures import draw, standard_figures, to_svg
from sparserl.report.figures.curve_panels import SINGLE, Curve, draw_curve
from sparserl.report.figures.published import is_published, published_table

FIGURE = {"name": "f", "title": "T", "rows": "", "columns": "environment", "lines": "method", "experiments": ()}


def kept(run, folder, table, rows):
    """The run with rows of another table in a folder of its own."""
    place = run.id.folder(folder)
    place.mkdir(parents=True, exist_ok=True)
    write_table(table, place, [{"experiment_id": run.id.experiment, "seed": run.id.seed, **row} for row in rows])
    return run._replace(folder=place)


def diagnosed(run, folder, levels):
    """With a row of step 0, which has no gradients yet."""
    told = {name: run.columns[name] for name in ("agent", "method", "environment", "sparsity")}
    rows = [
        {**dict.fromkeys(DIAGNOSTICS.schema.names), **told, "environment_steps": step, "num_updates": step}
        | {"experiment_id": run.id.experiment, "seed": run.id.seed, "network": network, "layer": layer}
        | {"signal_to_noise": level / step if step else None}
        for network, level in levels.items()
        for step in (0, 1, 2)
        for layer in ("all", "hidden_1")
    ]
    return kept(run, folder, DIAGNOSTICS, rows)


def test_signal_to_noise_is_that_of_whole_networks_and_sizes_are_never_pooled(tmp_path):
    runs = [
        *synthetic.seeds([1.0, 2.0], "rigl", 0.9),
        *synthetic.seeds([1.0, 2.0], "rigl", 0.5),
        *synthetic.seeds([1.0], "dense"),
        *synthetic.seeds([1.0], "dense", live_parameters=100),
    ]
    levels = lambda run: {"actor": 1.0 + run.id.seed, "critic_1": 10 * run.columns["live_parameters"]}
    stored = [diagnosed(run, tmp_path, levels(run)) for run in runs]
    spec = FIGURE | {"kind": "curves", "x": "environment_steps", "y": "signal_to_noise", "rows": "network"}
    drawn = draw(spec | {"lines": "sparsity"}, synthetic.selection([*stored, *synthetic.seeds([3.0], "set")]))
    assert list(panels(drawn)) == ["CartPole-v1, actor", "CartPole-v1, critic_1"]
    actor, critic = panels(drawn).values()
    assert line(actor, "RigL 90 %") == ([1, 2], [1.5, 0.75])
    assert "diverged" not in " ".join(text.get_text() for legend in drawn.figure.legends for text in legend.get_texts())
    told = {
        each.get_label(): each.get_ydata()[0] for each in critic.get_lines() if not each.get_label().startswith("_")
    }
    dense = {"Dense, 100 %": 10_000, "Dense, as many parameters as 90 %": 1_000}
    assert told == {**dense, "RigL 50 %": 5_000, "RigL 90 %": 1_000}
    assert "ithout diagnostics, left out: 1 of 7 runs" in words(drawn)


def test_thin_lines_of_single_seeds_do_not_lead_over_what_the_mean_shows():
    returns = [[np.nan, 1.0, 2.0, 3.0, 4.0, np.nan], *([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]] * 2)]
    figure, axes = plt.subplots()
    draw_curve(axes, Curve(np.arange(6.0), np.array(returns), 0), "RigL", {"color": "C0"}, (0, 1))
    [mean] = [each for each in axes.get_lines() if each.get_label() == "RigL"]
    assert list(mean.get_xdata()) == [1, 2, 3, 4]
    thin = [list(each.get_xdata()) for each in axes.get_lines() if each.get_label() == SINGLE]
    assert thin == [[1], [0, 1], [0, 1], [4], [4, 5], [4, 5]]
    plt.close(figure)


def test_seeds_that_share_no_second_are_shown_one_by_one():
    runs = [run._replace(seconds=run.seconds + 100 * (run.id.seed == 2)) for run in synthetic.seeds([1.0, 2.0, 3.0])]
    drawn = draw(FIGURE | {"kind": "curves", "x": "seconds", "y": "mean_return"}, synthetic.selection(runs))
    [axes] = panels(drawn).values()
    own = [sorted(run.seconds.tolist()) for run in runs]
    assert [list(each.get_xdata()) for each in axes.get_lines() if each.get_label() == SINGLE] == own
    assert "share no second" in words(drawn)
    assert not axes.collections, "no band of what was not measured together"


def test_policies_under_noise_are_those_of_comparable_returns(tmp_path):
    def under_noise(run):
        rows = [(0.0, run.final_return), (10.0, run.final_return / 2)]
        told = {name: run.columns[name] for name in ("agent", "method", "environment", "sparsity")}
        told |= {"standard_deviation": 1.0, "num_episodes": 5}
        return kept(run, tmp_path, NOISE, [{"observation_noise": n, "mean_return": r, **told} for n, r in rows])

    strong = [under_noise(run) for run in synthetic.seeds([90.0, 50.0, 41.0, 42.0, 60.0], "dense")]
    weak = [under_noise(run) for run in synthetic.seeds([10.0, 40.0], "rigl")]
    chosen = synthetic.selection([*strong, *weak, *synthetic.seeds([7.0], "set")])
    spec = FIGURE | {"kind": "lines", "x": "observation_noise", "y": "mean_return"}
    drawn = draw(spec, chosen)
    rows = {(row[1], row[2]): row[3:] for row in drawn.table}
    assert rows["Dense, 100 %", 0.0] == (pytest.approx(np.mean([41, 42, 50])), 3), "nearest to 40, which RigL reaches"
    assert rows["RigL 90 %", 10.0] == (12.5, 2)
    assert "CartPole-v1 10.0 to 50.0" in words(drawn)
    assert "evaluated under noise, left out: 1 of the runs" in words(drawn)
    assert "noise" in [figure["name"] for figure in standard_figures(chosen)]


def test_rankings_put_the_best_first_and_mark_the_paper_s_choice():
    chosen = synthetic.catalogue_selection("table_1")
    drawn = draw(chosen.figures[0], chosen)
    assert {row[-1] for row in drawn.table} == {"", "yes"} or "is not among" in words(drawn)
    swept = [
        run
        for decay, value in ((1e-6, 5.0), (1e-4, 9.0), (0.0, 7.0))
        for run in synthetic.seeds([value, value + 1], weight_decay=decay, **choices)
    ]
    drawn = draw(FIGURE | {"kind": "table", "x": "method"}, synthetic.selection(swept))
    where = [drawn.header.index(name) for name in ("rank", "weight_decay", "final_return", "published")]
    assert [tuple(row[i] for i in where) for row in drawn.table] == [
        (1, 1e-4, 9.5, ""),
        (2, 0.0, 7.5, ""),
        (3, 1e-6, 5.5, "yes"),
    ]
    [axes] = panels(drawn).values()
    assert sorted(float(each.get_xdata()[0]) for each in axes.get_lines()) == [5.5, 7.5, 9.5]
    assert "the paper's choice is number 3" in drawn.alternative_text
    assert not left_of_canvas(drawn)
    assert not overlapping(drawn)


choices = {
    "method.window.interval_updates": 1_000,
    "method.drop_fraction": 0.5,
    "sparsity_aware_initialization": True,
}


@pytest.mark.parametrize(
    ("agent", "environment", "network"),
    [
        ("dqn", "Acrobot-v1", None),
        ("sac", "Walker2d-v5", None),
        ("ppo", "Walker2d-v5", None),
        ("dqn", "atari:Pong", "resnet"),
    ],
)
def test_published_choices_are_those_of_the_presets(agent, environment, network):
    kind = {} if network is None else {"network": network}
    for method in ("dense",) if network else ("dense", "prune", "static", "set", "rigl"):
        experiment = from_preset(agent, method, environment, "paper", **kind)
        columns = {
            "agent": agent,
            "method": method,
            "network_kind": network or "mlp",
            "weight_decay": experiment.weight_decay,
            "optimizer.learning_rate": experiment.optimizer.learning_rate,
            "sparsity_aware_initialization": experiment.sparsity_aware_initialization,
            "method.drop_fraction": getattr(experiment.method, "drop_fraction", None),
            "method.window.interval_updates": getattr(
                getattr(experiment.method, "window", None), "interval_updates", None
            ),
        }
        assert published_table(columns).startswith("Table")
        assert is_published(columns), method
        assert not is_published({**columns, "weight_decay": 0.5})


def test_costs_are_what_experiments_stored_and_need_no_run():
    chosen = synthetic.catalogue_selection("figure_10")
    drawn = draw(FIGURE | {"kind": "flops"}, chosen._replace(runs=()))
    known = {each.method: each.facts for each in chosen.experiments if each.sparsity}
    [axes] = panels(drawn).values()
    expected = np.mean(
        [100 * known[name]["live_macs"] / known[name]["macs"] for name in ("prune", "static", "set", "rigl")]
    )
    xs, ys = line(axes, "ERK")
    assert [float(x) for x in xs] == pytest.approx([0, 90])
    assert [float(y) for y in ys] == pytest.approx([100, expected])
    assert expected > 15, "ERK costs more than the 10 % of parameters that are left"
    assert not left_of_canvas(drawn)


def test_every_kind_is_the_same_bytes_from_the_same_runs():
    chosen = synthetic.catalogue_selection("figure_8")
    figures = {figure["kind"]: figure for figure in (*standard_figures(chosen), *chosen.figures)}
    assert figures.keys() == {"lines", "curves", "threshold", "profile", "flops", "comparison"}
    backwards = chosen._replace(runs=tuple(reversed(chosen.runs)))
    for figure in figures.values():
        drawn = draw(figure, chosen)
        assert drawn.header != ("not drawn",), figure
        assert to_svg(drawn) == to_svg(draw(figure, backwards)), figure["name"]


def test_scores_without_a_human_among_them_are_not_called_so():
    """As in smoke scales, where a game of MinAtar stands in for Atari's."""
    on = {"environment": "MinAtar/Breakout-v1"}
    spec = FIGURE | {"kind": "bars", "x": "method", "y": "human_normalized_return", "columns": "network_kind"}
    runs = synthetic.seeds([20.0, 20.0], "dense", network_kind="cnn", **on)
    drawn = draw(spec | {"lines": ""}, synthetic.selection(runs))
    assert "normalized_return" in drawn.header
    assert drawn.figure.axes[0].get_ylabel() == "normalized return"
    assert "(MinAtar/Breakout-v1 20.0)" in words(drawn)
    games = synthetic.selection(synthetic.seeds([14.6, 14.6], environment="atari:Pong", network_kind="cnn"))
    assert "human_normalized_return" in draw(spec | {"lines": ""}, games).header


@pytest.mark.parametrize(
    ("environment", "first", "second", "said"),
    [
        ("MinAtar/Breakout-v1", {"network_kind": "cnn"}, {"network_kind": "resnet"}, "MinAtar/Breakout-v1, CNN 20.0"),
        (
            "MinAtar/Breakout-v1",
            {"network_kind": "cnn", "preset": "sb3"},
            {"network_kind": "resnet"},
            "MinAtar/Breakout-v1, DQN, CNN 20.0; MinAtar/Breakout-v1, DQN, ResNet 40.0",
        ),
        ("HalfCheetah-v5", {"agent": "sac"}, {"agent": "ppo"}, "HalfCheetah-v5, SAC 20.0"),
    ],
)
def test_a_figure_says_whose_mean_returns_were_divided_by(environment, first, second, said):
    runs = [
        run
        for columns, value in ((first, 20.0), (second, 40.0))
        for run in synthetic.seeds([value, value], "dense", environment=environment, **columns)
    ]
    spec = FIGURE | {"kind": "bars", "x": "method", "y": "normalized_return", "columns": "network_kind", "lines": ""}
    assert f"full dense networks ({said})" in words(draw(spec, synthetic.selection(runs)))
