"""Figures from stored descriptions: marks are numbers that NumPy gives, dense networks have their places, and what is
missing or mixed is said."""

import itertools

import numpy as np
import pytest
import scipy.stats

from report import synthetic
from report.figures.canvases import left_of_canvas, line, overlapping, panels, words
from sparserl.report.figures import draw, standard_figures
from sparserl.report.statistics import interquartile_mean

LINES = {"name": "f", "title": "T", "kind": "lines", "x": "live_parameters", "y": "final_return"}
LINES |= {"rows": "", "columns": "environment", "lines": "method", "experiments": ()}
MATCH = {"sparsity": 0.9, "distribution": "erk", "dense_last_layer": False}
RETURNS = {"full": [100.0, 110.0, 90.0], "matched": [60.0, 50.0, 70.0], "rigl": [95.0, 85.0, 99.0], "prune": [91.0]}


def runs(environment="CartPole-v1", scale=1.0, **columns):
    """Three seeds of RigL and one of pruning at 90 %, beside dense networks of full size and of as many parameters."""
    values = {name: [scale * each for each in returns] for name, returns in RETURNS.items()}
    of = {"environment": environment, **columns}
    return [
        *synthetic.seeds(values["full"], "dense", **of),
        *synthetic.seeds(values["matched"], "dense", live_parameters=100, **of),
        *synthetic.seeds(values["rigl"], "rigl", **of),
        *synthetic.seeds(values["prune"], "prune", **of),
    ]


def test_lines_are_means_against_live_parameters_beside_the_level_of_full_dense_networks():
    drawn = draw(LINES, synthetic.selection(runs()))
    [axes] = panels(drawn).values()
    assert line(axes, "RigL") == ([100], [pytest.approx(np.mean(RETURNS["rigl"]))])
    xs, ys = line(axes, "Dense")
    assert (xs, ys) == ([100, 1000], [pytest.approx(60), pytest.approx(100)]), "from matched to full size"
    assert list(line(axes, "Dense, 100 %")[1]) == [pytest.approx(100)] * 2
    assert axes.get_xscale() == "log"
    rows = {(row[1], row[2]): row for row in drawn.table}
    low, high = scipy.stats.ttest_1samp(RETURNS["rigl"], 0.0).confidence_interval(0.95)
    assert rows["RigL", 100][3:8] == (pytest.approx(93), pytest.approx(low), pytest.approx(high), 3, 3)
    assert rows["Pruning", 100][3:8] == (91.0, None, None, 1, 1)
    assert "1 to 3 seeds a mark" in words(drawn)
    assert [text.get_text() for text in drawn.figure.legends[0].get_texts()] == [
        "Dense, 100 %",
        "Dense",
        "Pruning",
        "RigL",
    ]


def test_marks_of_one_place_stand_beside_each_other():
    methods = ("prune", "set", "rigl")
    drawn = draw(
        LINES, synthetic.selection([run for name in methods for run in synthetic.seeds([1.0, 1.1, 1.2], name)])
    )
    [axes] = panels(drawn).values()
    marks = [each for each in axes.get_lines() if each.get_label() in ("Pruning", "SET", "RigL")]
    assert {tuple(each.get_xdata()) for each in marks} == {(100,)}, "their numbers stay"
    places = sorted(each.get_transform().transform(each.get_xydata())[0][0] for each in marks)
    width = axes.get_window_extent().width
    assert all(0.01 < (right - left) / width < 0.1 for left, right in itertools.pairwise(places))
    bars = sorted(each.get_transform().transform(each.get_segments()[0])[0][0] for each in axes.collections)
    assert bars == pytest.approx(places)


def test_a_choice_that_dense_networks_lack_makes_them_a_level_and_one_that_they_have_a_line():
    def swept(column):
        return synthetic.selection(
            [run for value in (0.1, 0.3) for run in (*synthetic.seeds([value, value], **{column: value}),)]
            + [run for value in (0.1, 0.3) for run in synthetic.seeds([5.0], "dense", **{column: value})]
        )

    dropped = panels(draw(LINES | {"x": "method.drop_fraction", "experiments": ()}, swept("method.drop_fraction")))
    assert any(
        each.get_label().startswith("Dense") and len(set(each.get_ydata())) == 1
        for each in dropped["CartPole-v1"].get_lines()
    )
    decayed = panels(draw(LINES | {"x": "weight_decay"}, swept("weight_decay")))["CartPole-v1"]
    assert line(decayed, "RigL") == ([0.0, 1.0], [0.1, 0.3])
    assert line(decayed, "Dense, 100 %")[0] == [0.0, 1.0]


def test_matched_dense_networks_stand_only_in_the_panels_of_what_they_match():
    chosen = synthetic.catalogue_selection("figure_14_sac", num_seeds=3)
    drawn = draw(chosen.figures[0], chosen)
    assert len(panels(drawn)) == 4
    for axes in panels(drawn).values():
        assert len(line(axes, "Dense")[0]) == 1
        assert len(line(axes, "Dense, 100 %")[0]) == 2


def test_bars_are_interquartile_means_over_runs_of_all_environments():
    chosen = synthetic.selection([*runs("A-v0"), *runs("B-v0", 2.0), *runs("C-v0", 3.0)])
    spec = LINES | {"kind": "bars", "x": "method", "y": "normalized_return", "columns": "sparsity", "lines": ""}
    drawn = draw(spec, chosen)
    [axes] = panels(drawn).values()
    assert list(panels(drawn)) == ["90 % sparsity"]
    heights = [patch.get_height() for patch in axes.patches]
    means = {name: np.mean(RETURNS["full"]) for name in RETURNS}
    expected = [
        interquartile_mean(np.tile(RETURNS[name], 3) / means[name]) for name in ("full", "matched", "prune", "rigl")
    ]
    np.testing.assert_allclose(heights, expected)
    assert [row[1] for row in drawn.table] == ["Dense, 100 %", "Dense, as many parameters", "Pruning", "RigL"]
    assert "A-v0 100; B-v0 200; C-v0 300" in words(drawn)


def test_curves_are_means_over_seeds_and_seconds_are_interpolated():
    chosen = synthetic.selection([*synthetic.seeds([8.0, 4.0, 6.0]), *synthetic.seeds([1.0], "dense")])
    steps = draw(LINES | {"kind": "curves", "x": "environment_steps", "y": "mean_return"}, chosen)
    [axes] = panels(steps).values()
    xs, ys = line(axes, "RigL")
    np.testing.assert_allclose(xs, [0, 250, 500, 750, 1000])
    np.testing.assert_allclose(ys, np.linspace(0, 6, 5))
    slow = [run._replace(seconds=run.seconds * (1 + run.id.seed)) for run in chosen.runs]
    seconds = draw(LINES | {"kind": "curves", "x": "seconds", "y": "mean_return"}, chosen._replace(runs=tuple(slow)))
    [axes] = panels(seconds).values()
    xs, ys = line(axes, "RigL")
    assert xs[-1] == 60, "until the shortest run ends"
    assert ys[-1] == pytest.approx((8 + 4 / 2 + 6 / 3) / 3)


def _renamed(run):
    """The run as one of another experiment, which a results version or preset makes it."""
    return run._replace(id=run.id._replace(experiment=f"other-{run.id.experiment}"))


def test_what_differs_is_never_one_mark():
    """Not another environment, version, preset or way to store weights."""
    ways = [{"results_version": 4}, {"storage": "compressed"}, {"weight_decay": 0.1}, {"agent": "sac"}]
    for way in ways:
        others = [_renamed(run) for run in synthetic.seeds([7.0, 9.0], **way)]
        chosen = synthetic.selection([*synthetic.seeds([1.0, 2.0]), *others])
        drawn = draw(LINES, chosen)
        assert sorted(row[3] for row in drawn.table) == [1.5, 8.0], way
    chosen = synthetic.selection([*synthetic.seeds([1.0]), *synthetic.seeds([3.0], environment="Acrobot-v1")])
    assert len(draw(LINES | {"columns": ""}, chosen).table) == 2
    mixed = [run._replace(columns={**run.columns, "preset": f"p{run.id.seed}"}) for run in synthetic.seeds([1.0, 2.0])]
    assert "several presets" in words(draw(LINES, synthetic.selection(mixed)))


def test_missing_diverged_and_unfinished_runs_are_said_and_left_out():
    chosen = synthetic.catalogue_selection("figure_8", num_seeds=3, keep=lambda run: run.seed < 2)
    ended = synthetic.seeds([5.0, 7.0])
    others = [synthetic.run(seed=2, status="diverged"), synthetic.run(seed=3, status="running")]
    drawn = draw(LINES, synthetic.selection([*ended, *others]))
    assert drawn.table[0][3:] == (6.0, None, None, 2, 2, 1, 1)
    assert "hence without a final return, left out: 1 of 4 runs" in words(drawn)
    missing = words(draw(chosen.figures[0], chosen))
    assert "issing: 10 of 30 runs" in missing
    assert "Dense on CartPole-v1 (seed 2)" in missing
    alone = draw(LINES, synthetic.selection([synthetic.run(status="diverged", returns=[1.0, np.nan])]))
    assert "no run has a number to show" in [text.get_text() for text in alone.figure.axes[0].texts]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": "live_parameter"}, "did you mean 'live_parameters'?"),
        ({"rows": "no_such"}, "no column 'no_such'"),
        ({"x": "environment_steps"}, "no column 'environment_steps'"),  # which only curves have
        ({"y": "returns"}, "figure f, y: no column 'returns'"),
        ({"kind": "pie"}, "kind is 'pie'"),
        ({"x": 3}, "must be text"),
        ({"experiments": ("unknown-00000000",)}, "none of its runs has an evaluation"),
        ({"kind": "curves", "x": "environment_steps", "y": "signal_to_noise"}, "--diagnostics"),
        ({"kind": "noise"}, "evaluated under noise"),
    ],
)
def test_what_cannot_be_drawn_says_why_in_one_line(change, said):
    drawn = draw({**LINES, **change}, synthetic.selection(runs()))
    assert said in words(drawn)
    assert said in drawn.alternative_text
    assert drawn.notes
    assert not left_of_canvas(drawn)


def test_no_runs_at_all_are_a_figure_too():
    drawn = draw(LINES, synthetic.selection(runs())._replace(runs=()))
    assert "none of its runs" in words(drawn)


HOSTILE = [
    "$x_{1}^2$",
    "\\frac{a}{b}",
    "<script>alert(1)</script>",
    "=cmd()",
    "a_b",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u202eevil",
    "\u4e2d\u6587",
    "x" * 90,
]


def test_everything_stays_on_the_canvas_with_hostile_names_and_sixty_lines():
    environments = [*HOSTILE, *(f"{'long-name-' * 9}{i}" for i in range(3))]
    many = [
        run
        for i in range(60)
        for run in synthetic.seeds([float(i)], HOSTILE[i % 9], 0.5 + i / 200, environment=environments[i % 12])
    ]
    curves = LINES | {"kind": "curves", "x": "environment_steps", "y": "mean_return", "title": " ".join(HOSTILE)}
    for spec in (curves | {"columns": "agent"}, LINES | {"title": HOSTILE[0]}):
        drawn = draw(spec, synthetic.selection(many))
        assert left_of_canvas(drawn) == []
        assert overlapping(drawn) == []
    texts = [text.get_text() for text in drawn.figure.legends[0].get_texts()]
    assert any("$x_{1}^2$" in text for text in texts)
    assert any("\\u4e2d\\u6587" in text for text in texts), "what the font lacks is told"


def test_a_legend_ends_where_nobody_would_look_any_more_and_says_so():
    many = [synthetic.run("rigl", 0.1 + i / 200) for i in range(62)]
    drawn = draw(LINES | {"kind": "curves", "x": "environment_steps", "y": "mean_return"}, synthetic.selection(many))
    assert len(drawn.figure.legends[0].get_texts()) == 60
    assert "first 60 of 62 lines" in words(drawn)
    assert len({row[1] for row in drawn.table}) == 62


def test_thresholds_are_medians_of_first_steps_and_profiles_are_shares():
    dense = synthetic.seeds([100.0, 100.0], "dense")
    slow = synthetic.seeds([91.0, 50.0, 95.0], evaluations=11)
    chosen = synthetic.selection([*dense, *slow])
    drawn = draw(LINES | {"kind": "threshold"}, chosen)
    rows = {row[1]: row[2:] for row in drawn.table}
    assert rows["RigL"] == (90.0, 1000.0, 3, 2)
    assert rows["Dense, 100 %"] == (90.0, 1000.0, 2, 2)
    profile = draw(
        LINES | {"kind": "profile", "y": "normalized_return", "columns": ""}, synthetic.selection(runs("A-v0"))
    )
    shares = {row[1]: row[2] for row in profile.table if row[0] == "RigL"}
    for threshold, share in shares.items():
        assert share == pytest.approx(np.mean(np.array(RETURNS["rigl"]) / 100 > threshold))


def test_standard_figures_are_those_that_the_runs_have():
    names = [figure["name"] for figure in standard_figures(synthetic.selection(runs("A-v0"), figures=()))]
    assert names[:3] == ["learning_curves", "return_by_seconds", "return_by_computation"]
    assert "noise" not in names
    assert {"steps_to_threshold", "sample_efficiency", "performance_profiles"} <= set(names)


def test_a_standard_figure_is_not_drawn_beside_a_studys_own_of_its_kind():
    chosen = synthetic.catalogue_selection("figure_8")
    named = lambda selection: {figure["name"] for figure in standard_figures(selection)}
    assert "computation" in named(chosen)
    assert "computation" not in named(chosen._replace(figures=({"name": "own", "kind": "flops"},)))
    budgets = synthetic.catalogue_selection("figure_3")
    assert any(each.facts["live_macs"] != each.facts["macs"] for each in budgets.experiments)
    assert "computation" not in named(budgets), "it would be empty: no cost is that of a sparsity"


def test_noise_is_a_standard_figure_of_a_study_whose_runs_were_all_tried_under_it(tmp_path):
    """Where some alone were, it was for another study that has these runs, too."""
    every = [run._replace(folder=tmp_path / str(run.id.seed)) for run in synthetic.seeds([1.0, 2.0, 3.0])]
    for run in every[:2]:
        run.folder.mkdir()
        (run.folder / "noise.parquet").touch()
    shown = lambda runs, scale: (
        "noise" in {figure["name"] for figure in standard_figures(synthetic.selection(runs, scale=scale, figures=()))}
    )
    assert [shown(every, ""), shown(every, "quick"), shown(every[:2], "quick")] == [True, False, True]
