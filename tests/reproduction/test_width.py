"""Width at constant live weights: how many weights live in each network, and what is shown of runs and rates."""

import math
import re

import numpy as np
import pytest
import scipy.stats
from scripts_of import scripts_of
from stored_runs import store

from sparserl import persistence
from sparserl.experiment import plan_of


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    with scripts_of("width", tmp_path_factory.mktemp("scripts")) as modules:
        yield modules


@pytest.mark.parametrize(("name", "widest"), [("dqn", 4_096), ("minatar", 4_096), ("sac", 4_096)])
def test_all_widths_have_the_live_weights_of_the_narrowest(scripts, name, widest):
    widths, part = scripts.widths, scripts.widths.PARTS[name]
    level = part.levels[0]
    at = lambda width: widths.experiment(part, widths.Cell(part.environments[0], level, "rigl", width))
    narrow, wide = plan_of(at(256)), plan_of(at(widest))
    live = lambda plan, network: sum(cost.live_weights for cost in plan.costs_of(network))
    for network in narrow.parameters:
        weights = sum(math.prod(shape) for shape in shapes(narrow, network))
        layers = len(shapes(narrow, network))
        assert live(narrow, network) == pytest.approx(weights * (1 - level), rel=2e-3)
        assert abs(live(wide, network) - live(narrow, network)) <= layers  # each rounds its own
    assert max(max(shape) for network in wide.parameters for shape in shapes(wide, network)) == widest
    dense = plan_of(widths.experiment(part, widths.Cell(part.environments[0], level, "dense", None)))
    assert sum(dense.parameters.values()) == pytest.approx(sum(narrow.live_parameters.values()), rel=0.02)


def shapes(plan, network):
    return [cost.shape for cost in plan.costs_of(network)]


def test_seeds_of_all_widths_are_beside_each_other_in_time(scripts):
    study = scripts.width_minatar.study("quick")
    assert [study.name, study.num_seeds, len(study.experiments)] == ["width_minatar", 5, 7]
    assert {each.total_steps for each in study.experiments} == {100_000}
    assert scripts.width_sac.study("smoke").num_seeds == 2
    returns = [0.0, 0.0, 0.0, 0.0, 1.0, 3.0]
    assert study.experiments[0].evaluation.final_return(returns) == 2.0


def test_results_are_written_from_runs_and_rates(scripts, tmp_path, monkeypatch):
    widths, part = scripts.widths, scripts.widths.PARTS["minatar"]
    random = np.random.default_rng(0)
    cells = list(widths.cells(part))
    for cell in cells:
        for seed in range(3 if cell.width == 4_096 else 4):
            end = 10.0 + 5.0 * ((cell.width or 0) == 1_024) + random.normal(0, 0.1)
            store(tmp_path, widths.experiment(part, cell), part.preset, seed, [0.0, 1.0, 2.0, 3.0, end, end])
    rate = lambda name, seconds: {"name": name, "step_seconds": [seconds] * 20}
    masked = {256: 2e-3, 1_024: 8e-3, 4_096: 32e-3}
    rows = [rate(cell.name, 1e-3) for cell in cells]
    rows += [rate(f"{c.name}, masked", masked[c.width]) for c in cells if c.method == "static"]
    document = {"results_version": 5, "machine": {"cpu_model": "Imagined"}, "rows": rows}
    persistence.write_document(widths.HERE / "rates_minatar.json", document)
    monkeypatch.setattr("sys.argv", ["collect.py", str(tmp_path)])
    scripts.collect.main()
    page = (scripts.folder / "README.md").read_text()
    [wider] = [line for line in page.splitlines() if line.startswith("| RigL | 1,024 |")]
    cell = [text.strip() for text in wider.strip("|").split("|")]
    assert cell[4:7] == ["1,000", "125", "95"]  # a run of 95,000 updates, at 8 ms each masked
    assert float(cell[9].split(" ")[0]) == pytest.approx(5.0, abs=0.3)
    assert "Seeds: 3, the same for all networks" in page
    [short] = [
        line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| MinAtar/Breakout-v1, ")
    ]
    assert all(told.endswith(": not told from 0") for told in short[1:])
    assert len(short) == 3
    [sweep] = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| minatar | 18 |")]
    core_hours = 18 * 95 / 3_600, 95 * 6 * (2 + 8 + 32) / 3_600
    assert "on an idle machine: Imagined, one core a run" in page
    assert [float(number) for number in sweep[2:]] == pytest.approx([*core_hours, 14.0], abs=0.006)
    assert {file.name for file in scripts.folder.glob("*.png")} == {
        "width_units.png",
        "width_seconds.png",
    }


def test_the_slope_over_doublings_is_that_of_least_squares(scripts):
    """Derived anew: covariance by variance, seed by seed, and Student's interval of the mean."""
    random, widths = np.random.default_rng(1), np.array([256, 512, 1_024, 2_048, 4_096])
    returns = 3.0 * np.log2(widths) + random.normal(0, 1, (5, 5))
    rows = [
        {"seed": seed, "units": int(width), "final_return": float(value), "method": "rigl"}
        for seed, of_seed in enumerate(returns)
        for width, value in zip(widths, of_seed, strict=True)
    ]
    doublings = np.arange(5) - 2.0
    expected = [float(doublings @ (of_seed - of_seed.mean()) / 10) for of_seed in returns]
    told = scripts.tables.slopes(rows)
    assert told.values[0].tolist() == pytest.approx(expected)
    low, high = scipy.stats.t.interval(0.95, 4, np.mean(expected), scipy.stats.sem(expected))
    assert low > 0
    number, between, verdict = re.fullmatch(r"(\S+) \((.*)\): (.*)", scripts.tables._told(told)).groups()
    assert float(number) == pytest.approx(np.mean(expected), abs=0.06)
    assert [float(end) for end in between.split(" to ")] == pytest.approx([low, high], abs=0.06)
    assert verdict == "better"
    rows[7]["final_return"] = None
    told = scripts.tables.slopes(rows)
    assert told.num_diverged == 1
    assert told.values[0].tolist() == pytest.approx([expected[0], *expected[2:]])


def test_networks_are_compared_by_the_seeds_that_all_of_their_panel_have(scripts):
    kept = [
        ("HalfCheetah-v5", 0.9, "wide", 0),
        ("HalfCheetah-v5", 0.9, "narrow", 0),
        ("HalfCheetah-v5", 0.9, "wide", 1),
    ]
    other = [("HalfCheetah-v5", 0.5, name, seed) for name in ("wide, half", "narrow, half") for seed in (0, 1)]
    rows = [dict(zip(("environment", "level", "cell", "seed"), each, strict=True)) for each in (*kept, *other)]
    assert scripts.rows.common(rows) == rows[:2] + rows[3:], "what one panel lacks is not taken from another"


def test_learning_rates_stand_beside_each_other_by_the_seeds_that_all_have(scripts, tmp_path):
    widths, part = scripts.widths, scripts.widths.PARTS["sac"]
    study = scripts.width_sac_learning_rates.study("quick")
    cells = list(widths.cells_at_learning_rates())
    assert [(cell.method, cell.width) for cell in cells] == [
        ("dense", None),
        *((method, width) for method in ("static", "rigl") for width in (256, 1_024)),
    ]
    assert {each.optimizer.learning_rate for each in study.experiments} == set(widths.LEARNING_RATES)
    assert not {each.identifier for each in study.experiments} & {
        widths.experiment(part, cell).identifier for cell in cells
    }
    for cell in cells:
        for number, made in enumerate(
            [widths.experiment(part, cell), *(widths.at_learning_rate(cell, rate) for rate in widths.LEARNING_RATES)]
        ):
            for seed in range(2 if number else 3):
                end = 100.0 * number + 10.0 * (cell.width == 1_024)
                store(tmp_path, made, part.preset, seed, [0.0, 1.0, 2.0, 3.0, 4.0, end, end])
    [told] = scripts.tables._with_other_learning_rates(scripts.rows.at_learning_rates(tmp_path, "quick"))
    assert "HalfCheetah-v5, 108,160 live weights" in told
    assert "Seeds: 2;" in told
    [wide] = [line.strip("| ").split(" | ") for line in told.splitlines() if line.startswith("| RigL | 1,024 |")]
    assert [float(cell.replace(",", "")) for cell in wide[2:]] == [10.0, 110.0, 210.0]
    above = [line for line in told.splitlines() if "| 1,024 above 256 |" in line]
    assert [line.partition(" | 1,024")[0].strip("| ") for line in above] == ["Static", "RigL"]
    assert all(float(cell) == 10.0 for line in above for cell in line.strip("| ").split(" | ")[2:])
    assert not list(scripts.tables._with_other_learning_rates([]))
