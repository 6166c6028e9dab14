"""Keeping: what one run leaves in its folder while it goes on, and what it goes on from when it is started again."""

import time

from sparserl import persistence
from sparserl.experiment import Plan, Report, Standing, known_facts, machine_class, policy_arrays
from sparserl.persistence import DIAGNOSTICS, EVALUATIONS, TOPOLOGY, Attempt, Generation, Kept, Status, Table
from sparserl.processes.log import tell
from sparserl.types import UserError
from sparserl.worker.beginning import Beginning
from sparserl.worker.book import Book, TableRows
from sparserl.worker.ended import last_status

_COSTS = {
    "exact": "",
    "fresh-episode": "a new attempt goes on from the last checkpoint with fresh episodes",
    "anew": "a new attempt begins anew",
}
STATUS_SECONDS = 1.0  # between two notes of how far a run is


class Keeper:
    """Keeps one attempt at a run: rows as they come, the status, checkpoints, and at the end the policy."""

    def __init__(self, attempt: Attempt, plan: Plan, layout: str, begin: Beginning) -> None:
        self._attempt, self._plan, self._layout = attempt, plan, layout
        folder = attempt.run_folder
        self.begun = False  # nothing has come of the run yet
        self.checkpoint, forced = begin
        self.diagnostics = persistence.read_request(folder).diagnostics
        if self.diagnostics and self.checkpoint and _packed(DIAGNOSTICS) not in self.checkpoint.arrays:
            tell("the run began without diagnostics, and goes on without: what they build on is not known any more")
            self.diagnostics = False
        self._kept = persistence.kept_after(self.checkpoint) if self.checkpoint else Kept()
        self._forced = forced
        facts = known_facts(plan, persistence.read_experiment(folder.parent))
        self._evaluations = Book(attempt, EVALUATIONS, self._known(EVALUATIONS), facts)
        if not self.diagnostics:
            persistence.drop_diagnostics(folder, attempt.scratch)
        observed = (DIAGNOSTICS, TOPOLOGY) if self.diagnostics else ()
        self._observed = {table: Book(attempt, table, self._known(table), {}) for table in observed}
        steps = self.checkpoint.document["environment_steps"] if self.checkpoint else None
        last = last_status(folder)
        self._status = Status(
            "running",
            environment_steps=steps or 0,
            started=last.started if last else None,
            attempt=attempt.number,
            resumed_from_steps=steps,
            forced=forced,
            layout=layout,
            breaks=_breaks(plan, self.checkpoint),
            checkpoint_steps=steps,
            name=str(persistence.RunId.of(folder)._replace(experiment=plan.identifier)),
            machine={name: value for name, value in machine_class(plan, layout).items() if name != "layout"},
        )
        self._standing: Standing | None = None
        self._clock = _Clock()
        self._began = self._noted = time.monotonic()
        self._write(self._status)

    def keep(self, report: Report) -> float | None:
        """Keep what a report brings; returns the environment steps per second."""
        self.begun = True
        if report.standing != self._standing:
            self._heed(report)
        for table, rows in ((DIAGNOSTICS, report.diagnostics), (TOPOLOGY, report.topology)):
            if rows and table in self._observed:
                self._observed[table].add(list(rows))
        if report.evaluation is not None:
            self._evaluations.add([report.evaluation])
        rate = self._clock.steps_per_second(report.environment_steps)
        now = time.monotonic()
        status = self._status._replace(environment_steps=report.environment_steps, environment_steps_per_second=rate)
        if report.evaluation is not None or now - self._noted >= STATUS_SECONDS:
            self._write(status)
            self._noted = now
        self._status = status
        return rate

    def _heed(self, report: Report) -> None:
        """Take note of how the run could go on from now on, and of where it has been broken off."""
        goes_on, obstacle, breaks = self._standing = report.standing
        if obstacle:
            tell(f"{obstacle}; {_COSTS[goes_on]}")
        if len(breaks) > len(self._status.breaks):
            tell(f"it goes on with fresh episodes from step {breaks[-1]:,}: from there its bits are not promised")
            for book in (self._evaluations, *self._observed.values()):
                book.forget_ahead()
        self._write(self._status._replace(goes_on=goes_on, obstacle=obstacle, breaks=breaks))

    def store_checkpoint(self, report: Report) -> bool:
        """Store all that decides how the run goes on after `report`; False, and told of, where that cannot be."""
        began = time.monotonic()
        try:
            captured = report.capture()
        except UserError as error:
            tell(f"no checkpoints, so that a new attempt begins anew: {error}")
            return False
        books = {EVALUATIONS: self._evaluations, **self._observed}
        tables = {_packed(table): persistence.pack_rows(table, book.rows) for table, book in books.items()}
        document = {
            **captured.document,
            "choices": self._plan.experiment.choices(),
            "machine_class": machine_class(self._plan, self._layout),
            "environment_steps": report.environment_steps,
            "forced": list(self._forced),
        }
        arrays = {**captured.arrays, **tables}
        steps = report.environment_steps
        self._kept = persistence.write_generation(self._attempt, self._kept, steps, arrays, document, captured.ring)
        seconds = time.monotonic() - began
        seconds += self._status.checkpoint_seconds
        self._write(self._status._replace(checkpoint_seconds=seconds, checkpoint_steps=steps))
        return True

    def finish(self, report: Report) -> None:
        """Store the policy, say that the run is finished, and drop what it would have gone on from."""
        folder, steps = self._attempt.run_folder, {"environment_steps": report.environment_steps}
        persistence.passing("finish")
        persistence.write_bundle(folder / "checkpoint", policy_arrays(report.state.agent), steps, self._attempt.scratch)
        returns = [row["mean_return"] for row in self._evaluations.rows]
        final = self._plan.experiment.evaluation.final_return(returns)
        persistence.passing("finish")
        self._write(self._status._replace(status="finished", final_return=final))
        persistence.passing("finish")
        persistence.drop_generations(self._attempt)

    def _known(self, table: Table) -> TableRows:
        """The rows of a table up to the checkpoint."""
        if self.checkpoint is None or _packed(table) not in self.checkpoint.arrays:
            return []
        return persistence.unpack_rows(table, self.checkpoint.arrays[_packed(table)], self.checkpoint.name)

    def _write(self, status: Status) -> None:
        status = status._replace(seconds=time.monotonic() - self._began)
        self._status = persistence.write_status(self._attempt.run_folder, status, self._attempt.scratch)


class _Clock:
    """Environment steps per second since the end of the first chunk, most of whose time is compilation."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, int]] = []

    def steps_per_second(self, environment_steps: int) -> float | None:
        self.marks = [*self.marks[:2], (time.monotonic(), environment_steps)]
        if len(self.marks) < 3:
            return None
        (began, first), (now, steps) = self.marks[1], self.marks[-1]
        return (steps - first) / (now - began)


def _breaks(plan: Plan, checkpoint: Generation | None) -> tuple[int, ...]:
    """The environment steps at which a run had been broken off before its checkpoint."""
    known = checkpoint.document.get("breaks", ()) if checkpoint else ()
    return tuple(steps * plan.experiment.num_environments for steps, _ in known)


def _packed(table: Table) -> str:
    return f"rows/{table.file_name}"
