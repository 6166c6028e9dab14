"""Extremes: of each method with several values of a choice, the best and the worst."""

from collections.abc import Iterator, Sequence

from sparserl.report.cells import experiments_of, scores_of
from sparserl.report.claims.groups import Group
from sparserl.report.claims.wording import choices_in_words, counts, in_percent
from sparserl.report.runs import Run
from sparserl.report.statistics import difference, estimate, in_words, mean_over_tasks
from sparserl.report.style import method_name, method_rank


def best_choices(group: Group) -> Iterator[str]:
    """Of each method with several values of a choice, the best and the worst, in each environment."""
    seen: dict[tuple[str, str, float], list[Run]] = {}
    for run in group.runs:
        if run.columns.get("budget") is None and run.columns.get("role") in ("sparse", "full-dense"):
            key = str(run.columns["environment"]), str(run.columns["method"]), float(run.columns["sparsity"])
            seen.setdefault(key, []).append(run)
    for (environment, method, sparsity), runs in sorted(seen.items(), key=lambda item: method_rank(item[0][1])):
        names = [name for name in group.among if len({run.columns.get(name) for run in runs}) > 1]
        if names:
            size = "" if method == "dense" else f" at {in_percent(sparsity)}"
            yield from _extremes(f"{method_name(method)}{size} on {environment}", names, runs)


def best_shares(group: Group) -> Iterator[str]:
    """Of each method with a budget, the best and the worst actor share, in each environment."""
    regimes: dict[tuple[int, str, float, str], list[Run]] = {}
    for run in group.runs:
        if (budget := run.columns.get("budget")) is not None:
            method = str(run.columns["method"])
            key = method_rank(method), method, -float(budget), str(run.columns["environment"])
            regimes.setdefault(key, []).append(run)
    for (_, method, negative, environment), runs in sorted(regimes.items()):
        what = f"{method_name(method)} with {in_percent(-negative)} of the parameters on {environment}"
        yield from _extremes(what, ["actor_share"], runs)


def _extremes(what: str, names: Sequence[str], runs: Sequence[Run]) -> Iterator[str]:
    """The best and the worst experiment by mean final return, and how far they are apart.

    They are chosen by what is then compared, so that of many they are apart by chance, too: hence their number.
    """
    means, called = {}, {}
    labels = [choices_in_words(names, own[0]) for own in experiments_of(runs).values()]
    for (name, own), label in zip(experiments_of(runs).items(), labels, strict=True):
        scores = scores_of(own)
        if (mean := estimate(scores, mean_over_tasks)) is not None:
            means[name] = mean, scores._replace(tasks=("",))
            called[name] = label if labels.count(label) == 1 else f"{label} [{name[-8:]}]"
    if len(means) < 2:
        return
    ranked = sorted(means, key=lambda name: -means[name][0].value)
    best, worst = ranked[0], ranked[-1]
    over = means[best][1], means[worst][1]
    apart = difference(*over)
    yield (
        f"{what}: best of {len(means)} with {called[best]}, {in_words(means[best][0])}; worst with {called[worst]}, "
        f"{in_words(means[worst][0])}; {in_words(apart)} apart; {counts(means[best][0], ())}."
    )
