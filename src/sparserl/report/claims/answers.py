"""Answers: what a study found, in sentences with numbers."""

from collections.abc import Iterator, Mapping, Sequence

from sparserl.report.cells import experiments_of, matched, scores_of
from sparserl.report.claims.distributions import erk_by_uniform
from sparserl.report.claims.extremes import best_choices, best_shares
from sparserl.report.claims.groups import Group, Rows, by_network, chosen, groups
from sparserl.report.claims.noise import in_upper_half, kept_under
from sparserl.report.claims.sides import share_kept
from sparserl.report.claims.signal_to_noise import ratios_of
from sparserl.report.claims.wording import choices_in_words, counts, in_percent
from sparserl.report.names import dense_name
from sparserl.report.runs import Run
from sparserl.report.selection import Selection
from sparserl.report.statistics import (
    estimate,
    few_seeds_warning,
    in_words,
    mean_over_tasks,
    probability_of_improvement,
)
from sparserl.report.style import method_name, method_rank


def answers(
    selection: Selection,
    diagnostics: Mapping[str, Rows] | None = None,
    noise_returns: Mapping[str, Mapping[float, float]] | None = None,
) -> tuple[str, ...]:
    """Sentences that answer the study's question, from the least sparse networks on; none where no run has finished.

    What is to be kept in mind of them is said by `cautions`.

    Diagnostics and returns under noise are those of `every_finding`; what was measured so comes first where a figure of
    the study shows it. Of noise that only some runs of a study were tried under, for another, it says nothing.
    """
    if selection.scale and not selection.num_seeds:
        return tuple(_costs(selection))
    noise_returns = noise_returns or {}
    finished = [str(run.id) for run in selection.runs if run.final_return is not None]
    if selection.scale and not _shows_noise(selection) and not all(name in noise_returns for name in finished):
        noise_returns = {}
    separate = groups(selection.runs, diagnostics or {}, noise_returns)
    sentences: list[str] = []
    for group in separate:
        returns = [*_kept(group), *_beside_matched(group), *best_choices(group), *best_shares(group)]
        measured = [*_signals(group), *_under_noise(group)]
        said = [*measured, *returns] if _asks_for_more(selection) else [*returns, *measured]
        sentences += [f"{group.where}: {each}" if len(separate) > 1 else each for each in said]
    return tuple(sentences)


def cautions(selection: Selection) -> tuple[str, ...]:
    """What is to be said of the number of seeds behind the answers; nothing where there are enough, or no answers."""
    warning = few_seeds_warning(_fewest(selection.runs))
    return (warning[0].upper() + warning[1:] + ".",) if warning else ()


def _asks_for_more(selection: Selection) -> bool:
    """Whether a figure is about something else than returns of policies as they were trained."""
    return _shows_noise(selection) or any(figure.get("y") == "signal_to_noise" for figure in selection.figures)


def _shows_noise(selection: Selection) -> bool:
    return any(figure.get("x") == "observation_noise" or figure.get("kind") == "noise" for figure in selection.figures)


def _costs(selection: Selection) -> Iterator[str]:
    """What ERK costs beside uniform sparsity, network by network."""
    for where, columns in by_network(selection).items():
        if ratios := erk_by_uniform(columns):
            mean, span = sum(ratios) / len(ratios), f"{min(ratios):.2f} to {max(ratios):.2f} over {len(ratios)} cells"
            yield f"{where}: ERK has {mean:.2f} times the multiplications of uniform sparsity, {span}."


def _cells(group: Group) -> Iterator[tuple[str, str, float, list[Run], list[Run]]]:
    """Networks of one distribution, method and sparsity that are the only ones of an environment, with those runs."""
    plain = [run for run in group.runs if run.columns.get("budget") is None]
    sparse = chosen(plain, role="sparse")
    several = len({(run.columns.get("distribution"), run.columns.get("dense_last_layer")) for run in sparse}) > 1
    keys = {
        (
            str(run.columns.get("distribution") or ""),
            bool(run.columns.get("dense_last_layer")),
            float(run.columns["sparsity"]),
            method_rank(run.columns["method"]),
            str(run.columns["method"]),
        )
        for run in sparse
    }
    for distribution, last, sparsity, _, method in sorted(keys):
        ours = [
            run
            for run in chosen(sparse, method=method, sparsity=sparsity)
            if str(run.columns.get("distribution") or "") == distribution
            and bool(run.columns.get("dense_last_layer")) == last
        ]
        words = "ERK" if distribution == "erk" else distribution
        words = f" ({words}{', dense last layer' if last else ''})" if several else ""
        yield method_name(method), words, sparsity, ours, plain


def _networks(group: Group) -> Iterator[tuple[str, list[Run]]]:
    """Dense networks of full size, and then sparse ones, by name; those that differ in more are apart."""
    named = [(dense_name("full-dense"), chosen(group.runs, role="full-dense"))]
    named += [(f"{name} at {in_percent(sparsity)}{words}", runs) for name, words, sparsity, runs, _ in _cells(group)]
    for name, runs in named:
        telling = [each for each in group.among if len({str(run.columns.get(each)) for run in runs}) > 1]
        by_choices: dict[str, list[Run]] = {}
        for run in runs:
            by_choices.setdefault(choices_in_words(telling, run), []).append(run)
        for words, own in sorted(by_choices.items()):
            if len(experiments_of(own)) == len({run.columns["environment"] for run in own}):
                yield f"{name} with {words}" if words else name, own


def _signals(group: Group) -> Iterator[str]:
    """The signal-to-noise ratio of the gradients of each network, on average over training."""
    if not group.diagnostics:
        return
    for which, runs in _networks(group):
        ratios = ratios_of(group, runs)
        networks = sorted({task.rpartition(" ")[2] for task in ratios.tasks})
        for network in networks:
            own = [task for task in ratios.tasks if task.rpartition(" ")[2] == network]
            estimated = estimate(ratios.of_tasks(own), mean_over_tasks)
            if estimated is not None:
                what = f"the gradients of {network} have a signal-to-noise ratio of {in_words(estimated)}"
                yield f"{which}: {what}; {counts(estimated, runs)}."


def _under_noise(group: Group) -> Iterator[str]:
    """What policies keep of their return where there is much noise on what they observe."""
    if not group.noise:
        return
    kept = kept_under(group, in_upper_half)
    for which, runs in _networks(group):
        estimated = estimate(scores_of(runs, kept), mean_over_tasks)
        if estimated is not None:
            share = f"keeps {in_words(estimated)} of its return under the upper half of the noise"
            yield f"{which} {share}; {counts(estimated, runs)}."


def _kept(group: Group) -> Iterator[str]:
    """`RigL keeps 0.97 (0.91 to 1.02) of dense at 90 %; 10 seeds.`"""
    for name, words, sparsity, ours, plain in _cells(group):
        if len(experiments_of(ours)) > len({run.columns["environment"] for run in ours}):
            continue  # swept: said by the best of its choices
        estimated, _ = share_kept(group, ours, chosen(plain, role="full-dense"))
        if estimated is not None:
            size = f"{in_percent(sparsity)}{words}"
            yield f"{name} keeps {in_words(estimated)} of dense at {size}; {counts(estimated, ours)}."


def _beside_matched(group: Group) -> Iterator[str]:
    """How often a run is better than one of a dense network with as many parameters."""
    for name, words, sparsity, ours, plain in _cells(group):
        cells = matched(ours, chosen(plain, role="matched-dense"), group.among)
        estimated = probability_of_improvement(cells.ours, cells.theirs)
        if estimated is not None:
            what = f"{name} at {in_percent(sparsity)}{words} is better than dense with as many parameters"
            yield f"{what} with probability {in_words(estimated)}; {counts(estimated, ours)}."


def _fewest(runs: Sequence[Run]) -> int:
    counts = [len([run for run in own if run.final_return is not None]) for own in experiments_of(runs).values()]
    return min(filter(None, counts), default=0)
