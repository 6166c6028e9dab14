"""Claim 5: a ResNet beside the Nature CNN, dense and pruned."""

from collections.abc import Iterator

from sparserl.report.cells import matched
from sparserl.report.claims.findings import Part, near, roughly
from sparserl.report.claims.groups import Group, chosen
from sparserl.report.claims.sides import better, lacking
from sparserl.report.claims.wording import in_percent
from sparserl.report.runs import Run
from sparserl.report.scores import human_normalized
from sparserl.report.statistics import interquartile_mean_over_tasks, ratio

CLAIM = (
    "A dense ResNet has about 3 times the interquartile mean of a CNN of about as many parameters, and a ResNet "
    "pruned to 90 % beats the dense one"
)
NEEDS = "dense CNNs and dense ResNets of full size in the same environments, and ResNets pruned to 90 %"
_TIMES, _MARGIN, _SIZES = 3.0, 1.0, 0.1


def parts(group: Group) -> Iterator[Part]:
    """The ratio, the sizes, and the pruned ResNet; `group` has the runs of both networks."""
    cnn, resnet = (chosen(group.plain, role="full-dense", network_kind=kind) for kind in ("cnn", "resnet"))
    cells = matched(resnet, cnn, group.among, lambda run: _score(run, cnn), ("network_kind",))
    estimate = ratio(cells.ours, cells.theirs, interquartile_mean_over_tasks)
    rule = near("the ratio", f"{_TIMES:g}", _MARGIN)
    missing = lacking(cells.missing, (resnet, "a dense ResNet"), (cnn, "a dense CNN"))
    yield Part(
        "the dense ResNet has about 3 times the CNN's interquartile mean",
        rule,
        roughly(estimate, _TIMES, _MARGIN),
        estimate,
        "",
        missing,
    )
    yield _sizes(cnn, resnet)
    pruned = chosen(group.plain, method="prune", sparsity=0.9, network_kind="resnet")
    statement = "the ResNet pruned to 90 % is better than the dense one"
    yield better(group, pruned, resnet, statement, ("a ResNet pruned to 90 %", "a dense ResNet"))


def _score(run: Run, cnn: list[Run]) -> float | None:
    """The human-normalized return or, where there is no human score, the share of the CNN's mean return."""
    environment = str(run.columns["environment"])
    if run.final_return is None or (score := human_normalized(environment, run.final_return)) is not None:
        return None if run.final_return is None else score
    there = [each for each in chosen(cnn, environment=environment) if each.final_return is not None]
    if len({each.id.experiment for each in there}) != 1:  # several differ in more, and are not pooled
        return None
    mean = sum(each.final_return or 0.0 for each in there) / len(there)
    return run.final_return / mean if mean > 0 else None


def _sizes(cnn: list[Run], resnet: list[Run]) -> Part:
    """What the claim takes for granted. Numbers of parameters are known: they have no interval."""
    counts = [[float(run.columns.get("parameters") or 0) for run in runs] for runs in (cnn, resnet)]
    statement = "both have about as many parameters"
    rule = f"the mean numbers differ by at most {in_percent(_SIZES)}; networks that differ by more cannot tell"
    if not all(map(sum, counts)):
        return Part(statement, rule, "not enough runs")
    small, large = (sum(each) / len(each) for each in counts)
    numbers = f"{small:,.0f} and {large:,.0f}"
    if abs(large / small - 1) <= _SIZES:
        return Part(statement, rule, "holds", None, numbers)
    return Part(statement, rule, "not enough runs", None, numbers, ("a CNN and a ResNet of about one size",))
