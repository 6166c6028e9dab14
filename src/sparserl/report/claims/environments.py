"""Claim 4: the environments in which dynamic sparse training stands out, and the one in which nothing reaches dense."""

from collections.abc import Iterator, Mapping, Sequence

from sparserl.report.cells import matched, scores_of
from sparserl.report.claims.findings import Part, above
from sparserl.report.claims.groups import Group, chosen
from sparserl.report.claims.sides import better, lacking
from sparserl.report.claims.wording import in_percent, named
from sparserl.report.runs import Run
from sparserl.report.statistics import contrast, difference

CLAIM = (
    "SET and RigL do especially well on MsPacman and Humanoid; on Humanoid, MsPacman, Qbert and Pong they beat dense "
    "networks of as many parameters; on Qbert no method reaches the standard dense network at any sparsity"
)
NEEDS = (
    "SET and RigL on these environments, dense networks of as many parameters and of full size, and others beside them"
)
_HARD: Mapping[str, str] = {
    "Humanoid": "Humanoid-v",
    "MsPacman": "atari:MsPacman",
    "Pong": "atari:Pong",
    "Qbert": "atari:Qbert",
}
_OUTSTANDING = ("Humanoid", "MsPacman")


def parts(group: Group) -> Iterator[Part]:
    """What there is of the environments that the claim names."""
    for name, prefix in _HARD.items():
        here = _in(group.usual, prefix)
        if not here:
            continue
        dense = chosen(here, role="matched-dense")
        for method in ("set", "rigl"):
            ours = chosen(here, method=method)
            statement = f"on {name} {named(method)} is better than dense networks of as many parameters"
            yield better(group, ours, dense, statement, (named(method), "dense networks of as many parameters"))
            if name in _OUTSTANDING:
                yield _outstanding(group, name, method)
        if name == "Qbert":
            yield _none_reaches_dense(group, here)


def _in(runs: Sequence[Run], prefix: str) -> list[Run]:
    return [run for run in runs if str(run.columns["environment"]).startswith(prefix)]


def _outstanding(group: Group, name: str, method: str) -> Part:
    """Whether it keeps more of its dense network's mean return there than in the other environments, at 90 %."""
    ours = chosen(group.usual, method=method, sparsity=0.9)
    whole = _full_means(group)
    share = lambda run: _divided(run, whole)
    there = _in(ours, _HARD[name])
    elsewhere = [run for run in ours if not str(run.columns["environment"]).startswith(_HARD[name])]
    estimate = contrast(scores_of(there, share), scores_of(elsewhere, share))
    missing = lacking((), (there, f"{named(method)} at 90 % on {name}"), (elsewhere, f"{named(method)} elsewhere"))
    if not missing and estimate is None:
        missing = ("runs of dense networks of full size with a mean return above 0",)
    statement = f"at 90 % {named(method)} keeps more of dense on {name} than elsewhere"
    return Part(
        statement, "the interval of the difference of shares lies above 0", above(estimate, 0), estimate, "", missing
    )


def _full_means(group: Group) -> dict[str, float]:
    """The mean return of the full dense network of each environment that has a single one, where it is above 0."""
    by_environment: dict[str, list[Run]] = {}
    for run in chosen(group.usual, role="full-dense"):
        by_environment.setdefault(str(run.columns["environment"]), []).append(run)
    scores = {environment: scores_of(runs) for environment, runs in by_environment.items()}
    means = {environment: float(full.values[0].mean()) for environment, full in scores.items() if len(full.tasks) == 1}
    return {environment: mean for environment, mean in means.items() if mean > 0}


def _divided(run: Run, whole: Mapping[str, float]) -> float | None:
    mean = whole.get(str(run.columns["environment"]))
    return None if mean is None or run.final_return is None else run.final_return / mean


def _none_reaches_dense(group: Group, here: Sequence[Run]) -> Part:
    """The best mean return of any method at any sparsity, beside that of dense."""
    dense = chosen(here, role="full-dense")
    best = None
    for method in dict.fromkeys(run.columns["method"] for run in chosen(here, role="sparse")):
        for sparsity in dict.fromkeys(run.columns["sparsity"] for run in chosen(here, method=method)):
            cells = matched(dense, chosen(here, method=method, sparsity=sparsity), group.among)
            short = difference(cells.ours, cells.theirs)
            if short is not None and (best is None or short.value < best[0].value):
                best = short, f"best: {named(method)} at {in_percent(sparsity)}"
    rule = "the interval of what the best of them falls short of dense by lies above 0"
    missing = lacking((), (dense, "dense networks of full size"), (chosen(here, role="sparse"), "sparse methods"))
    estimate, detail = best or (None, "")
    return Part("on Qbert no method reaches dense", rule, above(estimate, 0), estimate, detail, missing)
