"""Claims 2 and 3: how sparse networks may be without loss, and whether gradients choose better than chance does."""

from collections.abc import Iterator

from sparserl.report.claims.findings import AS_PUBLISHED, Part, above, kept
from sparserl.report.claims.groups import Group, chosen
from sparserl.report.claims.sides import as_good, better, in_cells, lacking, lost, share_kept
from sparserl.report.claims.wording import in_percent, named
from sparserl.report.runs import Run

DYNAMIC = ("set", "rigl")
LOSS = 0.05
WITHOUT_LOSS = (
    "Networks of up to 80 to 90 % sparsity lose nothing against the standard dense ones: SET and RigL keep their "
    "returns up to 90 % for SAC and DQN"
)
WITHOUT_LOSS_NEEDS = "SET and RigL at 90 % (80 % where there is any), and dense networks of full size"
BEYOND = "Above 90 % sparsity the returns of SET and RigL drop"
BEYOND_NEEDS = "SET and RigL at 90 % and at a higher sparsity"
ALIKE = "RigL and SET are about equal from 50 to 95 % sparsity"
ALIKE_NEEDS = "RigL and SET at sparsities from 50 to 95 %"
AHEAD = "At very high sparsity RigL is ahead of SET"
AHEAD_NEEDS = "RigL and SET above 95 % sparsity"
_HALF_MARGIN = 0.1


def without_loss(group: Group) -> Iterator[Part]:
    """The share that each method keeps of the return of the full dense network."""
    rule = (
        f"the share kept is {1 - LOSS:g} or more, with an interval that lies above it or, of {AS_PUBLISHED} seeds or "
        "more, reaches 1"
    )
    dense = chosen(group.usual, role="full-dense")
    for method in DYNAMIC:
        runs = chosen(group.usual, method=method)
        for sparsity in (0.8, 0.9):
            ours = chosen(runs, sparsity=sparsity)
            if not ours and sparsity != 0.9:
                continue
            name = f"{named(method)} at {in_percent(sparsity)}"
            estimate, missing = share_kept(group, ours, dense)
            missing = lacking(missing, (ours, name), (dense, "dense networks of full size"))
            yield Part(
                f"{name} keeps the return of dense",
                rule,
                kept(estimate, 1, LOSS),
                estimate,
                in_cells(estimate),
                missing,
            )


def beyond(group: Group) -> Iterator[Part]:
    """What is lost from 90 % to the highest sparsity."""
    for method in DYNAMIC:
        runs = chosen(group.usual, method=method)
        highest = max((run.columns["sparsity"] for run in runs), default=0.0)
        high = chosen(runs, sparsity=highest) if highest > 0.9 else []
        at_90 = chosen(runs, sparsity=0.9)
        estimate, missing = lost(group, at_90, high, ("sparsity",))
        there = in_percent(highest) if highest > 0.9 else "more than 90 %"
        missing = lacking(missing, (at_90, f"{named(method)} at 90 %"), (high, f"{named(method)} at {there}"))
        statement = f"{named(method)} has lower returns at {there} than at 90 %"
        rule = "the interval of the difference lies above 0"
        yield Part(statement, rule, above(estimate, 0), estimate, in_cells(estimate), missing)


def alike(group: Group) -> Iterator[Part]:
    """RigL and SET beside each other, up to 95 %."""
    rigl, random = _within(group, 0.5, 0.95)
    statement = "RigL and SET are about equal from 50 to 95 %"
    yield as_good(group, rigl, random, statement, ("RigL from 50 to 95 %", "SET from 50 to 95 %"), _HALF_MARGIN)


def ahead(group: Group) -> Iterator[Part]:
    """The chance that a run of RigL is better than one of SET, above 95 %."""
    rigl, random = _within(group, 0.951, 1.0)
    yield better(group, rigl, random, "RigL is better than SET above 95 %", ("RigL above 95 %", "SET above 95 %"))


def _within(group: Group, lowest: float, highest: float) -> tuple[list[Run], list[Run]]:
    """Runs of RigL and of SET at these sparsities."""
    runs = chosen(group.usual, sparsity=lambda sparsity: lowest <= sparsity <= highest)
    return chosen(runs, method="rigl"), chosen(runs, method="set")
