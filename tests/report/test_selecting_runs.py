"""Selections: which runs answer a study's question, and what is missing of them."""

import pytest
import synthetic

from sparserl import persistence
from sparserl.persistence.studies import stored
from sparserl.report.runs import read_results
from sparserl.report.selection import everything, select


def test_a_study_of_the_catalogue_has_its_runs_and_roles():
    chosen = synthetic.catalogue_selection("figure_8")
    assert (chosen.name, chosen.scale, chosen.missing) == ("figure_8", "smoke", ())
    assert len(chosen.runs) == len(chosen.experiments) * chosen.num_seeds
    roles = {each.id.experiment: (each.columns["role"], each.columns["matches"]) for each in chosen.runs}
    told = sorted((role, len(matches)) for role, matches in roles.values())
    assert told == [("full-dense", 0), ("matched-dense", 2), *[("sparse", 0)] * 8]  # of ERK and uniform 90 %


def test_what_is_not_there_is_missing():
    chosen = synthetic.catalogue_selection("figure_8", keep=lambda run: run.seed == 0)
    assert {run.seed for run in chosen.missing} == {1}
    assert len(chosen.missing) == len(chosen.runs) == len(chosen.experiments)


@pytest.mark.parametrize("name", ["figure_3", "figure_16", "figure_12_sac", "figure_12_atari", "table_1"])
def test_roles_without_a_study_are_those_that_it_tells(name):
    """Sizes alone tell them, but for what is told of a budget, whose dense networks match nothing."""
    chosen = synthetic.catalogue_selection(name)
    alone = {each.id: each.columns for each in synthetic.with_roles(chosen.runs)}
    for run in chosen.runs:
        assert alone[run.id]["role"] == run.columns["role"], run.id


def test_a_stored_study_is_read_as_it_was_made(tmp_path):
    folder = synthetic.store_study(tmp_path, "figure_5_dqn")
    chosen = select(read_results(tmp_path), stored(tmp_path, "figure_5_dqn", "smoke"))
    made = synthetic.catalogue_selection("figure_5_dqn")
    assert (chosen.folder, chosen.problems, chosen.missing) == (folder, (), ())
    assert [(run.id, run.columns, run.final_return) for run in chosen.runs] == [
        (run.id, run.columns, run.final_return) for run in made.runs
    ]
    assert chosen.figures == made.figures
    assert persistence.has_diagnostics(chosen.runs[0].folder) == bool(
        stored(tmp_path, "figure_5_dqn", "smoke").diagnosed
    )


def test_runs_of_other_questions_are_not_a_studys(tmp_path):
    synthetic.store_study(tmp_path, "figure_5_dqn")
    synthetic.store_study(tmp_path, "table_5")
    results = read_results(tmp_path)
    both = [select(results, stored(tmp_path, name, "smoke")) for name in ("figure_5_dqn", "table_5")]
    assert not {run.id for run in both[0].runs} & {run.id for run in both[1].runs}
    assert len(everything(results).runs) == sum(len(each.runs) for each in both)
