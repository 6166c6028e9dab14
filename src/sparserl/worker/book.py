"""Book: the rows of one table of a run, written as they come, and what an earlier attempt wrote beyond them."""

from collections.abc import Mapping
from typing import Any

from sparserl import persistence
from sparserl.persistence import Attempt, Table
from sparserl.processes.log import tell
from sparserl.types import UserError

TableRows = list[dict[str, Any]]


class Book:
    """The rows of one table of a run: those that this attempt knows, and stored rows of later steps.

    An attempt that goes on from a checkpoint repeats steps whose rows an earlier attempt has written already. They
    stay, so that nothing told is ever missing, and each is compared with the row that comes again. `facts` are columns
    with the same value in all rows, also in those that an earlier version wrote.
    """

    def __init__(self, attempt: Attempt, table: Table, known: TableRows, facts: Mapping[str, Any]) -> None:
        self._attempt, self._table, self._facts = attempt, table, facts
        self.rows = self._with_facts(known)
        self._ahead = self._stored_after(known[-1]["environment_steps"] if known else -1)

    def add(self, rows: TableRows) -> None:
        """Write rows of one step; they are on disk when this returns."""
        rows = self._with_facts(rows)
        steps = rows[-1]["environment_steps"]
        stored = [row for row in self._ahead if row["environment_steps"] <= steps]
        self._ahead = [row for row in self._ahead if row["environment_steps"] > steps]
        if stored and not _same(stored, rows):
            tell(f"{self._table.row} at step {steps:,} is not what it was before; what was stored after it goes")
            self._ahead = []
        self.rows += rows
        persistence.write_table(
            self._table, self._attempt.run_folder, [*self.rows, *self._ahead], self._attempt.scratch
        )

    def forget_ahead(self) -> None:
        """What an earlier attempt wrote of later steps is not this run's any more: it goes with the next rows."""
        self._ahead = []

    def _stored_after(self, steps: int) -> TableRows:
        if not persistence.has_table(self._table, self._attempt.run_folder):
            return []
        try:
            rows = persistence.read_table(self._table, self._attempt.run_folder).to_pylist()
        except UserError as error:
            tell(f"{error}; its rows are computed again")
            return []
        return self._with_facts([row for row in rows if row["environment_steps"] > steps])

    def _with_facts(self, rows: TableRows) -> TableRows:
        return [{**row, **self._facts} for row in rows]


def _same(old: TableRows, new: TableRows) -> bool:
    """Whether rows agree in everything but the time that they took; earlier versions did not count breaks."""
    timeless = lambda rows: [{**row, "seconds": None, "num_breaks": row.get("num_breaks") or 0} for row in rows]
    return repr(timeless(old)) == repr(timeless(new))  # NaN is what it was, too
