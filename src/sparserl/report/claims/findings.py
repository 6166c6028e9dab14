"""Findings: what the runs of a selection say of a claim, from a stated rule, with numbers and intervals."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sparserl.report.statistics import FEWEST_FOR_INTERVAL, Estimate, few_seeds_warning, in_words

Verdict = Literal["holds", "does not hold", "not enough runs"]
AS_PUBLISHED = 9  # seeds: what the paper told from as many is taken as told


class Part(NamedTuple):
    """One statement of a claim, put to the runs."""

    statement: str
    rule: str  # when it holds
    verdict: Verdict
    estimate: Estimate | None = None  # None: there are no runs to tell from
    detail: str = ""  # more numbers, in words
    missing: tuple[str, ...] = ()  # runs that it needs and that are not there, in words

    @property
    def words(self) -> str:
        """`pruning above ...: 0.81 (0.74 to 0.88), 10 seeds: holds`."""
        numbers = self.numbers
        return f"{self.statement}: {numbers + ': ' if numbers else ''}{self.verdict}"

    @property
    def numbers(self) -> str:
        """`0.81 (0.74 to 0.88), 10 seeds, 4 cells`; empty where there are no runs to tell from."""
        return ", ".join(filter(None, (_numbers(self.estimate), self.detail)))


class Finding(NamedTuple):
    """What the runs say of one of the paper's claims: it holds where all of its parts do."""

    number: int
    claim: str
    where: str  # whose runs: agent and network
    scale: str  # of the study: what was trained for less long than published may say something else
    needs: str  # the runs that all parts need
    parts: tuple[Part, ...]

    @property
    def verdict(self) -> Verdict:
        """Of all parts together."""
        return together([part.verdict for part in self.parts])

    @property
    def missing(self) -> tuple[str, ...]:
        """What parts lack, each thing once."""
        return tuple(dict.fromkeys(each for part in self.parts for each in part.missing))

    @property
    def warning(self) -> str:
        """What is to be said of the number of seeds; empty where nothing is."""
        counts = [part.estimate.num_seeds[0] for part in self.parts if part.estimate is not None]
        return few_seeds_warning(min(counts, default=0))


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """Of several statements joined by "and"."""
    if "does not hold" in verdicts:
        return "does not hold"
    return "holds" if verdicts and set(verdicts) == {"holds"} else "not enough runs"


def above(estimate: Estimate | None, threshold: float) -> Verdict:
    """Holds where the whole interval lies above the threshold, and does not where it does not.

    Where the interval reaches both sides and there are fewer seeds of something than the paper has, more might tell.
    """
    if estimate is None or (ends := _usable(estimate)) is None:
        return "not enough runs"
    low, high = ends
    if low > threshold:
        return "holds"
    return "not enough runs" if high > threshold and estimate.num_seeds[0] < AS_PUBLISHED else "does not hold"


def about(estimate: Estimate | None, centre: float, margin: float) -> Verdict:
    """Holds where the number and its interval are near `centre`, and does not where the interval lies beside it.

    Near is within `margin`; where there are as many seeds as the paper has of everything, an interval that holds the
    centre is near, too. Otherwise more might tell.
    """
    if estimate is None or (ends := _usable(estimate)) is None:
        return "not enough runs"
    low, high = ends
    if centre - margin <= low and high <= centre + margin:
        return "holds"
    if not low <= centre <= high:
        return "does not hold"
    return _unless_far(estimate, abs(estimate.value - centre), margin)


def roughly(estimate: Estimate | None, centre: float, margin: float) -> Verdict:
    """`about`, of a rough value, which does not hold where the whole interval lies beyond the margin.

    An interval that leaves out the centre and reaches within the margin may hold a number that is meant as well.
    """
    verdict = about(estimate, centre, margin)
    if estimate is None or verdict != "does not hold" or (ends := _usable(estimate)) is None:
        return verdict
    low, high = ends
    return verdict if high < centre - margin or low > centre + margin else "not enough runs"


def near(number: str, centre: str, margin: float) -> str:
    """The rule of `about` and `roughly`, in words."""
    return (
        f"{number} is within {margin:g} of {centre}, with an interval that is so, too, or, of {AS_PUBLISHED} seeds or "
        f"more, holds {centre}"
    )


def kept(estimate: Estimate | None, whole: float = 1.0, margin: float = 0.05) -> Verdict:
    """Holds where the number is no more than `margin` below `whole`, and its interval is so, too, or reaches `whole`.

    It does not where the interval lies below `whole`; otherwise more might tell, as in `about`.
    """
    if estimate is None or (ends := _usable(estimate)) is None:
        return "not enough runs"
    low, high = ends
    if low >= whole - margin:
        return "holds"
    if high < whole:
        return "does not hold"
    return _unless_far(estimate, whole - estimate.value, margin)


def below(estimate: Estimate | None, threshold: float) -> Verdict:
    """Holds where the whole interval lies below the threshold: `above`, the other way round."""
    if estimate is None or (ends := estimate.ends) is None:
        return "not enough runs"
    return above(estimate._replace(value=-estimate.value, low=-ends[1], high=-ends[0]), -threshold)


def not_above(estimate: Estimate | None, threshold: float, margin: float) -> Verdict:
    """Holds where no excess over the threshold is seen: the interval begins at it or below, and ends within `margin`.

    With as many seeds as the paper has it is enough that the number is within it. Otherwise more might tell.
    """
    if estimate is None or (ends := _usable(estimate)) is None:
        return "not enough runs"
    low, high = ends
    if low > threshold:
        return "does not hold"
    return "holds" if high <= threshold + margin else _unless_far(estimate, estimate.value - threshold, margin)


def highest(lead: Estimate | None) -> Verdict:
    """Of a mean's lead over the best of the others: holds where its interval lies above 0, and does not where below.

    Where it reaches both sides, as many seeds as the paper has are judged by the mean; of fewer more might tell.
    """
    if lead is None or (ends := _usable(lead)) is None:
        return "not enough runs"
    low, high = ends
    if low <= 0 <= high and lead.num_seeds[0] < AS_PUBLISHED:
        return "not enough runs"
    return "holds" if low > 0 or (high >= 0 and lead.value > 0) else "does not hold"


def _unless_far(estimate: Estimate, distance: float, margin: float) -> Verdict:
    """What an interval says that is too wide: of as many seeds as the paper has, that a near number is as good."""
    return "holds" if distance <= margin and estimate.num_seeds[0] >= AS_PUBLISHED else "not enough runs"


def _usable(estimate: Estimate) -> tuple[float, float] | None:
    """The ends of its interval, where there are seeds enough for a verdict."""
    return estimate.ends if estimate.num_seeds[0] >= FEWEST_FOR_INTERVAL else None


def _numbers(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    fewest, most = estimate.num_seeds
    seeds = f"{most} seed{'s' * (most > 1)}" if fewest == most else f"{fewest} to {most} seeds"
    treated = "left out" if estimate.treatment == "excluded" else "counted as the worst"
    diverged = f", {estimate.num_diverged} diverged ({treated})" if estimate.num_diverged else ""
    return f"{in_words(estimate)}, {seeds}{diverged}"
