"""The studies that the page of verdicts names for a claim have the runs that the claim takes, at the scales it says."""

import functools
from pathlib import Path

import pytest

from evidence.asked import STUDIES, Ask
from evidence.kept import ROOT
from report import claim_worlds, synthetic
from sparserl.report.claims import Part, every_finding

ASKS = [(number, ask, scale) for number, asks in STUDIES.items() for ask in asks for scale in ask.scales]
FEW = {"quick": None, "paper": 2}  # seeds: as planned, but at scale paper
NOT_AT_QUICK = {  # statements that studies at scale quick have no runs for
    8: {
        "with ERK, SET is as good with either initialization",
        "with uniform sparsity, SET is better if initialized sparsity-aware",
    },
    11: {"at 50 % RigL is more robust than SET"},
}


@functools.cache
def parts(number: int, ask: Ask, scale: str) -> tuple[Part, ...]:
    """What is said of a claim by all runs of these studies, made up."""
    if "figure_7" in ask.studies:
        pytest.importorskip("ale_py")
    places = [str(ROOT / name) if name.endswith(".py") else name for name in ask.studies]
    several = [synthetic.catalogue_selection(place, scale, FEW[scale]) for place in places]
    runs = {run.id: run for selection in several for run in selection.runs}
    together = several[0]._replace(runs=tuple(runs.values()))
    diagnostics = claim_worlds.ratios(claim_worlds.HOLDS, together) if number == 9 else {}
    noise = {str(run): {0.0: 1.0, 5.0: 0.5, 30.0: 0.2} for run in runs} if number == 11 else {}
    findings = every_finding(together, diagnostics, noise)
    return tuple(part for each in findings if each.number == number for part in each.parts)


def answered(number: int, ask: Ask, scale: str) -> set[str]:
    return {part.statement for part in parts(number, ask, scale) if part.estimate is not None or part.detail}


@pytest.mark.parametrize(
    ("number", "ask", "scale"),
    [
        pytest.param(*each, id=f"{each[0]}-{'+'.join(Path(name).stem for name in each[1].studies)}-{each[2]}")
        for each in ASKS
        if each[2] == "quick" or each[0] == 4
    ],
)
def test_a_study_that_is_named_for_a_claim_can_tell_something_of_it(number: int, ask: Ask, scale: str) -> None:
    assert answered(number, ask, scale)


@pytest.mark.parametrize("number", STUDIES)
def test_all_statements_of_a_claim_can_be_told_at_quick_but_those_that_are_known(number: int) -> None:
    asks = [ask for ask in STUDIES[number] if "quick" in ask.scales]
    of_all = {part.statement for ask in asks for part in parts(number, ask, "quick")}
    assert of_all - set().union(*(answered(number, ask, "quick") for ask in asks)) == NOT_AT_QUICK.get(number, set())
