"""What studies take, from measured paces: derived by hand for runs that were measured, and the page that is kept."""

import json

import pytest

from evidence import costs
from evidence.costs import Cost
from evidence.costs_page import CALIBRATION, FILE, costs_page, hours_by_study, read_costs
from sparserl.study.calibration import Calibration, Measurement
from sparserl.study.workload import workload
from sparserl.types import UserError


@pytest.fixture(scope="module")
def studies() -> dict[costs.StudyKey, costs.Study]:
    return costs.every_study(["figure_5_dqn"], ["smoke"])


def test_core_hours_are_those_of_the_measured_pace(studies: dict[costs.StudyKey, costs.Study]) -> None:
    [study] = studies.values()
    chosen = costs.to_measure(costs.jobs_of(studies))
    assert {each.identifier for each in chosen} <= {each.identifier for each in study.experiments}
    pace = Measurement(start_seconds=10.0, step_seconds=0.01, evaluation_step_seconds=0.001)
    measurements = dict.fromkeys((each.identifier for each in study.experiments), pace)
    [cost] = costs.costs(studies, measurements)
    seconds = [
        10.0 + 0.01 * work.environment_steps + 0.001 * work.num_evaluations * work.evaluation_length_steps
        for work in map(workload, study.experiments)
    ]
    assert cost.num_runs == len(study.experiments) * study.num_seeds
    assert cost.core_hours == pytest.approx(study.num_seeds * sum(seconds) / 3600, abs=1e-3)
    assert cost.longest_run_hours == pytest.approx(max(seconds) / 3600, abs=1e-4)
    [unknown] = costs.costs(studies, {})
    assert (unknown.core_hours, unknown.hours(64)) == (None, None)


def test_parts_of_studies_have_costs_at_quick_alone() -> None:
    every = costs.every_study()
    assert {scale for name, scale in every if name == "sac_humanoid"} == {"quick"}
    assert every["dqn_breakout", "quick"].name == "dqn_breakout"
    assert ("of_the_catalogue", "quick") not in every
    assert {name for name, _ in costs.every_study(["figure_8"], ["smoke"])} == {"figure_8"}


def test_what_was_measured_beside_others_is_refused(
    studies: dict[costs.StudyKey, costs.Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    pace, jobs = Measurement(10.0, 0.01, 0.001), costs.jobs_of(studies)
    found = {each.identifier: pace for each in costs.to_measure(jobs)}
    monkeypatch.setattr(costs, "calibrate", lambda wanted, budget: Calibration(found, len(found), 1.0))
    kept = costs.measured(jobs)
    assert kept["measurements"] == {name: pace._asdict() for name in found}
    assert kept["machine"]["num_cores"] >= 1
    monkeypatch.setattr(costs, "calibrate", lambda wanted, budget: Calibration(found, len(found), 1.0, 2))
    with pytest.raises(UserError, match=rf"during 2 of {len(found)} measurements"):
        costs.measured(jobs)


def test_hours_are_never_less_than_the_longest_run() -> None:
    cost = Cost("figure_8", "paper", 100, 1_000, 300.0, 4.0)
    assert [cost.hours(cores) for cores in (2, 64, 512)] == [150.0, 300 / 64, 4.0]
    assert cost._replace(num_runs=10).hours(64) == 30.0  # ten runs keep ten cores busy
    unknown = cost._replace(scale="quick", core_hours=None, longest_run_hours=None)
    assert hours_by_study([cost, unknown]) == {("figure_8", "paper"): 300.0}
    machine = {"cpu_model": "a processor", "cpu_features": "avx2", "num_cores": 2}
    page = costs_page([unknown, cost], {"machine": machine, "num_experiments": 1_700}, 50)
    assert "| `figure_8` | 100 | 1,000 | 300 | 4 | 150 | 4.69 | 4 |" in page
    assert "| `figure_8` | 100 | 1,000 | - | - | - | - | - |" in page
    assert "Of 1,700 experiments 50 were measured" in page


def test_the_table_that_is_kept_is_that_of_the_costs_that_are_kept() -> None:
    kept = read_costs()
    if kept:
        document, calibration = json.loads(FILE.read_text()), json.loads(CALIBRATION.read_text())
        page = costs_page(kept, document, len(calibration["measurements"]))
        assert (FILE.parent / "README.md").read_text(encoding="utf-8") == page, "scripts/write-costs writes it again"
    assert FILE.exists() == CALIBRATION.exists() == bool(kept)
