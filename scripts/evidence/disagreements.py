"""Disagreements: what people have written of the claims that do not hold in our runs, held to which these are."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from evidence.kept import REPRODUCTION
from evidence.verdicts import Told
from sparserl.errors import UserError

FILE = REPRODUCTION / "disagreements.toml"
CAUSES = ("us", "the published code", "the reduced scale", "the claim", "not known")


class Disagreement(NamedTuple):
    """Why statements of a claim do not hold in our runs, as far as it is known, and what could tell."""

    claim: int
    where: str  # agent, and scale: `DQN, quick`
    statements: tuple[str, ...]
    cause: str  # one of CAUSES, most likely
    text: str
    experiment: str  # what could tell, in words
    command: str
    told: str = ""  # what it told, where it has been run
    since: str = ""  # what that leaves of the verdict, in few words: `not told apart in ten times as many episodes`


def read_disagreements(file: Path = FILE) -> list[Disagreement]:
    """The entries of the file. Raises UserError, naming it, where an entry lacks something or has a strange cause."""
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8")).get("disagreement", [])
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{file.name} cannot be read: {error}") from error
    return [_entry(file, number, entry) for number, entry in enumerate(entries, start=1)]


def _entry(file: Path, number: int, entry: dict[str, object]) -> Disagreement:
    place = f"{file.name}, entry {number}"
    needed = [name for name in Disagreement._fields if name not in Disagreement._field_defaults]
    lacking = [name for name in needed if not entry.get(name)]
    if lacking:
        raise UserError(f"{place} has no {' and no '.join(lacking)}")
    if strange := [name for name in entry if name not in Disagreement._fields]:
        raise UserError(f"{place}: there is no such key", value=strange[0], allowed=Disagreement._fields)
    if entry["cause"] not in CAUSES:
        raise UserError(f"{place}: cause is {entry['cause']!r}", value=entry["cause"], allowed=CAUSES)
    statements = entry["statements"]
    if not isinstance(statements, list):
        raise UserError(f"{place}: statements is {statements!r}: it takes a list of words")
    return Disagreement(**{**entry, "statements": tuple(statements)})  # type: ignore[arg-type]


def check(told: Sequence[Told], written: Sequence[Disagreement]) -> None:
    """Raises UserError where a statement does not hold and has no text, or a text has no such statement."""
    seen = {(each.finding.number, each.where, part.statement): part for each in told for part in each.disagreeing}
    explained = [(each.claim, each.where, statement) for each in written for statement in each.statements]
    for key, part in seen.items():
        if key not in explained:
            claim, where, statement = key
            what = f"claim {claim} ({where}) does not hold and has no text: {statement} ({part.numbers})"
            raise UserError(f"{what}; write an entry in {FILE.relative_to(REPRODUCTION.parent)}")
    for key in explained:
        if key not in seen:
            claim, where, statement = key
            raise UserError(
                f"{FILE.name} has a text for claim {claim} ({where}), which does not disagree there: {statement!r}",
                value=statement,
                names=[name for number, _, name in seen if number == claim],
            )
    if twice := next((key for key in explained if explained.count(key) > 1), None):
        raise UserError(f"{FILE.name} has two texts for claim {twice[0]} ({twice[1]}): {twice[2]!r}")
