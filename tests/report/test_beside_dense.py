"""Sparse beside dense at equal cost: numbers of the rows, what is missing said, and never of another version."""

import pytest
import scipy.stats
import synthetic
from claim_worlds import cell, full, matching

from report.figures.canvases import left_of_canvas, overlapping, words
from sparserl.cli.report.text import show
from sparserl.report.beside_dense import beside_dense, has_sides
from sparserl.report.figures import draw, standard_figures

FIGURE = {"name": "f", "title": "T", "kind": "comparison", "experiments": ()}
RIGL = cell("rigl", 97, live_macs=300)
DENSE = [*full(100, live_macs=1_000), *matching(80, live_macs=100)]


def rows(runs):
    drawn = draw(FIGURE, synthetic.selection(runs))
    numbers = {row[1:3]: dict(zip(drawn.header[3:], row[3:], strict=True)) for row in drawn.table}
    return drawn, numbers


def of(runs, name):
    """What is said of the one sparse experiment that is there."""
    return {place[1]: each for place, each in rows(runs)[1].items() if place[0] == name}


def test_each_sparse_experiment_has_its_differences_chances_and_seeds():
    drawn, found = rows([*RIGL, *cell("set", 70, num_seeds=5), *DENSE])
    ours, dense = ([run.final_return for run in runs] for runs in (RIGL, matching(80)))
    parameters = found["RigL", "parameters"]
    assert parameters["difference"] == pytest.approx(17)
    interval = scipy.stats.ttest_rel(ours, dense).confidence_interval()
    assert (parameters["low"], parameters["high"]) == pytest.approx((interval.low, interval.high), abs=0.1)
    greater = scipy.stats.mannwhitneyu(ours, dense).statistic / len(ours) / len(dense)
    assert parameters["probability_of_improvement"] == greater == 1
    assert (found["SET", "parameters"]["seeds"], found["SET", "parameters"]["dense_seeds"]) == (5, 10)
    flops = found["RigL", "FLOPs"]  # 300 is 0.477 of the way from 100 to 1,000 on a logarithmic scale
    assert flops["difference"] == pytest.approx(97 - (80 + 20 * 0.4771), abs=0.01)
    assert flops["probability_of_improvement"] is None
    assert "between two dense networks" in flops["remark"]
    assert found["RigL", "seconds"]["difference"] == pytest.approx(-3)
    assert found["SET", "FLOPs"]["difference"] == pytest.approx(-10), "its 100 live parameters are its FLOPs"
    assert "at equal parameters 1 of 2 better, 1 worse; at equal FLOPs 1 of 2 better" in drawn.alternative_text
    marks = drawn.figure.axes[0].get_lines()
    [hollow] = [each for each in marks if each.get_markerfacecolor() == "white"]
    assert hollow.get_markeredgecolor() != "white", "or nobody would see it"
    assert not left_of_canvas(drawn)
    assert not overlapping(drawn)


def test_what_a_side_lacks_is_said_in_the_table_and_on_the_figure():
    drawn, found = rows([*RIGL, *full(100, live_macs=1_000)])
    told = {place[1]: each["remark"] for place, each in found.items()}
    assert told["parameters"] == "no dense network of as many parameters"
    assert told["FLOPs"] == "no dense network of as many FLOPs, nor two around them"
    assert "Not compared at equal parameters: no dense network of as many parameters: CartPole-v1 RigL" in words(drawn)
    swept = [run for kind in (full, matching) for decay in (0.0, 0.1) for run in kind(80, weight_decay=decay)]
    told = {place: each["remark"] for place, each in of([*RIGL, *swept], "RigL").items()}
    assert told["parameters"] == "2 dense networks of as many parameters, which differ in other choices"
    assert told["seconds"] == "2 dense networks of full size, which differ in other choices"
    running = [run._replace(final_return=None) for run in RIGL]
    assert {each["remark"] for each in of([*running, *DENSE], "RigL").values()} == {"none of its runs has finished"}
    assert "single run" in of([*RIGL[:1], *DENSE], "RigL")["seconds"]["remark"]


@pytest.mark.parametrize("way", [{"results_version": 4}, {"preset": "sb3"}, {"total_steps": 7}])
def test_no_dense_network_of_another_version_preset_or_length_stands_beside(way):
    theirs = [run for kind in (full, matching) for run in kind(1, live_macs=300, **way)]
    assert all(one.difference is None for one in beside_dense(synthetic.selection([*RIGL, *theirs]).runs).popitem()[1])
    assert not has_sides(synthetic.selection([*RIGL, *theirs]).runs)
    both = beside_dense(synthetic.selection([*RIGL, *theirs, *DENSE]).runs)[RIGL[0].id.experiment]
    assert [one.difference.value for one in both] == pytest.approx([17, 97 - 80 - 20 * 0.4771, -3], abs=0.01)


def test_networks_of_budgets_take_no_comparison_from_others():
    """Those of a study of budgets in the same folder have many widths, which matched networks cannot agree in."""
    alone = beside_dense(synthetic.selection([*RIGL, *DENSE]).runs)[RIGL[0].id.experiment]
    shared = lambda runs, share: [run._replace(columns={**run.columns, "actor_share": share}) for run in runs]
    others = [*shared(RIGL, 0.3374), *shared(full(100, live_macs=1_000), 0.3373), *shared(matching(80), 0.3445)]
    for units, share in ((5, 0.1), (7, 0.5)):
        for method in ("dense", "rigl"):
            sizes = {"live_parameters": 200, "network.hidden_units": (units, units)} if method == "dense" else {}
            others += cell(method, 1, budget=0.2, actor_share=share, **sizes)
    found = beside_dense(synthetic.selection(others).runs)[RIGL[0].id.experiment]
    assert [one.difference for one in found] == [one.difference for one in alone]


def test_networks_of_a_budget_stand_beside_the_dense_one_of_their_budget_and_share():
    """Their numbers of parameters agree, whatever their widths; another share of a budget is another question."""
    runs, above = [], {}
    for place, (budget, share) in enumerate(((0.2, 0.1), (0.2, 0.9), (0.1, 0.1))):
        common = {"budget": budget, "actor_share": share}
        widths = {"network.hidden_units": (9 + place, 9), "critic_hidden_units": (30 - place, 30)}
        runs += cell("dense", 50, live_parameters=200, actor_sparsity=None, **common, **widths)
        ours = {"network.hidden_units": (99, 99), "critic_hidden_units": (), "actor_sparsity": 0.9 - place / 10}
        ours = cell("rigl", 60 + 10 * place, 1 - budget, **common, **ours)
        above[ours[0].id.experiment] = 10 + 10 * place
        runs += ours
    found = beside_dense(synthetic.selection([*runs, *DENSE]).runs)
    assert {name: each[0].difference.value for name, each in found.items()} == pytest.approx(above)
    assert {each[0].num_runs for each in found.values()} == {(10, 10)}
    lacking = [run for run in runs if run.columns["method"] == "rigl" or run.columns["actor_share"] == 0.9]
    told = [each[0].missing for each in beside_dense(synthetic.selection(lacking).runs).values()]
    assert sorted(told) == [(), *[("no dense network of as many parameters",)] * 2]


def test_experiments_of_several_storages_have_a_row_each():
    compressed = cell("rigl", 90, storage="compressed")
    assert {
        round(each["difference"])
        for place, each in rows([*RIGL, *compressed, *DENSE])[1].items()
        if place[1] == "parameters"
    } == {17, 10}


def test_the_figure_is_there_where_the_sides_are_and_the_same_in_any_order():
    names = lambda runs: [figure["name"] for figure in standard_figures(synthetic.selection(runs))]
    assert "equal_cost" in names([*RIGL, *DENSE])
    assert "equal_cost" not in names(RIGL)
    assert "equal_cost" not in names(DENSE)
    assert rows([*RIGL, *DENSE])[0].table == rows([*reversed(DENSE), *reversed(RIGL)])[0].table


def test_the_terminal_says_in_one_line_how_many_are_better(capsys):
    show([synthetic.selection([*RIGL, *full(100, live_macs=1_000)])])
    told = "at equal parameters nothing to compare; at equal FLOPs nothing to compare; at equal seconds 0 of 1 better"
    assert f"sparse beside dense, by 95 % intervals: {told}, 1 worse\n" in capsys.readouterr().out
