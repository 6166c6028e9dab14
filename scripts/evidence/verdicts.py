"""Verdicts: what all kept runs say of the paper's claims, each claim put to the largest set of runs that can tell."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evidence.asked import JOINED
from evidence.kept import Kept, joined
from sparserl.report.claims import CLAIMS, Finding, Part, claims


class Told(NamedTuple):
    """What the runs of one place say of a claim."""

    finding: Finding
    kept: Kept

    @property
    def parts(self) -> tuple[Part, ...]:
        """The statements that there are numbers for."""
        return tuple(part for part in self.finding.parts if part.estimate is not None or part.detail)

    @property
    def where(self) -> str:
        """`DQN, quick`: what tells one finding of a claim from another."""
        return ", ".join(filter(None, (self.finding.where.strip(), self.finding.scale)))

    @property
    def disagreeing(self) -> tuple[Part, ...]:
        """The statements that do not hold."""
        return tuple(part for part in self.parts if part.verdict == "does not hold")


def told_by(kept: Sequence[Kept]) -> list[Told]:
    """What kept runs say of every claim that they have numbers for, in the order of the claims.

    Runs that are in several studies speak once: where all of a study's are in another that has numbers for the same
    claim, too, that one is asked alone.
    """
    every = [Told(finding, each) for each in kept for finding in _findings(each)]
    for each, numbers in _joined(kept):
        every += [Told(finding, each) for finding in _findings(each) if finding.number in numbers]
    order = {(claim.number, claim.text): place for place, claim in enumerate(CLAIMS)}
    heard = [told for place, told in enumerate(every) if not _is_within(told, place, every)]
    place_of = lambda told: order[told.finding.number, told.finding.claim]
    return sorted(heard, key=lambda told: (place_of(told), not told.finding.scale, told.where))


def _findings(kept: Kept) -> tuple[Finding, ...]:
    return claims(kept.selection, kept.diagnostics, kept.noise)


def _joined(kept: Sequence[Kept]) -> Iterator[tuple[Kept, tuple[int, ...]]]:
    """Studies put together, and the claims that compare them, where all are kept at one scale and preset."""
    by_name: dict[tuple[str, str, str | None], Kept] = {
        (each.selection.name, each.selection.scale, each.selection.preset): each for each in kept
    }
    scales = dict.fromkeys((scale, preset) for _, scale, preset in by_name if scale)
    for names, numbers in JOINED.items():
        for scale in scales:
            if all((name, *scale) in by_name for name in names):
                yield joined([by_name[name, *scale] for name in names]), numbers


def _is_within(told: Told, place: int, every: Sequence[Told]) -> bool:
    """Whether another place has these runs and more, or the same and comes first, and says something of the claim."""
    same = lambda other: (other.finding.claim, other.where) == (told.finding.claim, told.where)
    return any(
        same(other) and (told.kept.runs < other.kept.runs or (told.kept.runs == other.kept.runs and at < place))
        for at, other in enumerate(every)
        if at != place
    )
