"""Desk: the runs that an engine has in hand, and what it does when a message of the cluster comes in."""

import queue
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from distributed import Client

from sparserl.engine import children, cluster
from sparserl.engine.assignments import Assignment
from sparserl.engine.flights import Flight, failed, landed
from sparserl.engine.groups import Beside, state_of_all
from sparserl.engine.news import ClusterLost, News, Remember, Tell
from sparserl.engine.overview import FINAL, State, noise_state
from sparserl.engine.queueing import Queue
from sparserl.engine.retries import Failure, Retries, after, failure_of
from sparserl.engine.settings import Settings
from sparserl.persistence import LEASE_SECONDS
from sparserl.processes.outcomes import Outcome, RunProgress
from sparserl.processes.versions import versions

SURPLUS = 8  # runs submitted beyond what the cluster works on, so that one that grows by demand sees some
STOP_SECONDS = 10.0
_TICK_SECONDS = 1.0
_SECONDS_BETWEEN_COUNTS = 5.0  # of the cluster's workers


class Desk:
    """The runs in hand: those that wait, are put off for a time, are with the cluster, or are over."""

    def __init__(
        self,
        client: Client,
        settings: Settings,
        retries: Retries,
        tell: Tell,
        failures: dict[Path, Sequence[Failure]],
        remember: Remember,
        execute: Callable[[Assignment], Outcome],
        beside: Beside,
    ) -> None:
        self.client, self.settings, self.retries, self.execute = client, settings, retries, execute
        self.tell, self.failures, self.remember, self.beside = tell, failures, remember, beside
        self.topic = f"sparserl-{secrets.token_hex(8)}"
        self.messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.queue = Queue(beside)
        self.flights: dict[str, Flight] = {}  # by task key
        self.steps: dict[Path, int] = {}  # how far runs were when their workers last ended
        self.outcomes: dict[Path, Outcome] = {}
        self.addresses: list[str] = []
        self.capacity, self.counted, self.ticked, self.versions = 0, -float("inf"), time.monotonic(), versions()

    def work(self) -> None:
        while self.queue or self.flights:
            self._count_workers()
            self._wake()
            while self.queue.is_ready and len(self.flights) < self.capacity + SURPLUS:
                self._submit(self.queue.pop())
            self._receive(_TICK_SECONDS)
            self._watch()

    def stop(self) -> None:
        """Cancel all, and wait until the workers that had started have ended; kill them if interrupted meanwhile."""
        try:
            if self.client.status != "running":  # the workers of a scheduler that is gone stop by themselves
                return
            started = {key for key, flight in self.flights.items() if flight.worker}
            self.client.cancel([flight.future for flight in self.flights.values()], force=True)
            deadline = time.monotonic() + STOP_SECONDS
            while started and time.monotonic() < deadline:
                message = self._next(0.1)
                if message.get("kind") == "ended":
                    started.discard(message["key"])
        except BaseException:
            children.kill_all()
            raise
        finally:
            self.flights.clear()

    def _count_workers(self) -> None:
        if time.monotonic() - self.counted < _SECONDS_BETWEEN_COUNTS:
            return
        if self.client.status != "running":
            raise self._lost()
        before, self.counted = self.capacity, time.monotonic()
        try:
            for address in cluster.silent_workers(self.client, self.settings.silence_seconds):
                cluster.evict(self.client, address)  # it may have been given a run that it never started
            self.addresses, self.capacity = cluster.workers(self.client)
        except (OSError, TimeoutError) as error:
            raise self._lost() from error
        if not self.capacity and (before or not self.flights):
            self.tell(News("no workers", Path()))

    def _wake(self) -> None:
        """Take up what has waited long enough; a run that another process holds, only once that lets go of it."""
        for folder in self.queue.due():
            state = self._state(folder) if folder in self.queue.busy else None
            if state is not None and state in FINAL:
                self._over(Outcome(folder, FINAL[state], None, "by another process"))
            elif state == "running":
                self.queue.put_off(folder, self.retries.busy_seconds)
            else:
                self.queue.take_up(folder)

    def _state(self, folder: Path) -> State:
        lease_seconds = self.settings.lease_seconds or LEASE_SECONDS
        if deviations := self.settings.observation_noise:
            return noise_state(folder, deviations, lease_seconds)
        return state_of_all((folder, *self.beside.get(folder, ())), lease_seconds)

    def _lost(self) -> ClusterLost:
        return ClusterLost(f"the Dask scheduler at {self.client.scheduler.address} is gone")

    def _submit(self, folder: Path) -> None:
        """Hand a run to the cluster; one that failed to another Dask worker, if there is one."""
        key = f"run-{secrets.token_hex(16)}"  # Dask keeps statistics for each word before the dash, for ever
        beside = tuple(map(str, self.beside.get(folder, ())))
        assignment = Assignment(str(folder), key, self.topic, self.settings, self.versions, beside)
        failed = {failure.worker for failure in self.failures.get(folder, ())}
        others = [address for address in self.addresses if address not in failed] if failed else []
        future = self.client.submit(
            self.execute, assignment, key=key, pure=False, workers=others or None, allow_other_workers=bool(others)
        )
        self.flights[key] = Flight(folder, future, "", time.monotonic())
        future.add_done_callback(lambda future: self.messages.put({"kind": "done", "key": key}))

    def _next(self, seconds: float) -> dict[str, Any]:
        try:
            return self.messages.get(timeout=seconds)
        except queue.Empty:
            return {}

    def _receive(self, seconds: float) -> None:
        """Wait for a message, but not past the time of a run that is put off, and take all that are there."""
        message = self._next(self.queue.seconds_to_next(seconds))
        while message:
            self._take(message)
            message = {} if self.messages.empty() else self._next(0.0)

    def _take(self, message: Mapping[str, Any]) -> None:
        if message["kind"] == "interrupt":
            raise KeyboardInterrupt
        flight = self.flights.get(message["key"])
        if flight is None:  # of a run that was given to another worker meanwhile
            return
        if message["kind"] == "done":
            del self.flights[message["key"]]
            self._land(flight)
            return
        if message["kind"] == "started":
            self.tell(News("started", flight.folder))
        self.flights[message["key"]] = flight._replace(worker=message["worker"], heard=time.monotonic())
        if "progress" in message:
            run = flight.folder.with_name(message["run"])
            self.tell(News("progress", run, RunProgress(**message["progress"])))

    def _land(self, flight: Flight) -> None:
        if (outcome := landed(flight)) is None:
            if self.client.status != "running":
                raise self._lost()
            outcome = failed(flight, "the Dask scheduler cancelled it")
        folder, progressed = flight.folder, outcome.environment_steps > self.steps.get(flight.folder, 0)
        self.steps[folder] = outcome.environment_steps
        if outcome.ending == "interrupted" and progressed:  # its machine is needed for something else, perhaps
            self.queue.put_off(folder, self.retries.first_seconds)
            return
        if outcome.ending in ("failed", "hung", "interrupted", "wrong"):
            self.failures[folder] = (*self.failures.get(folder, ()), failure_of(outcome))
            self.remember(folder, self.failures[folder])
        step, delay = after(outcome, self.failures.get(folder, ()), self.retries)
        if step == "over":
            self._over(outcome)
            return
        if step == "wait":
            self.queue.busy.add(folder)
        self.queue.put_off(folder, delay)
        self.tell(News(step, folder, outcome=outcome, delay_seconds=delay))

    def _over(self, outcome: Outcome) -> None:
        folder = outcome.run_folder
        self.outcomes[folder] = outcome
        self.queue.busy.discard(folder)
        self.steps.pop(folder, None)
        self.tell(News("ended", folder, outcome=outcome))

    def _watch(self) -> None:
        """Give the runs of silent Dask workers to others; the scheduler alone would take minutes to do so."""
        now, slept = time.monotonic(), time.monotonic() - self.ticked - _TICK_SECONDS
        self.ticked = now
        for key, flight in list(self.flights.items()):
            if slept > _TICK_SECONDS:  # this process was stopped itself
                self.flights[key] = flight = flight._replace(heard=flight.heard + slept)
            silent = flight.worker and now - flight.heard > self.settings.silence_seconds
            if silent and not flight.worker.startswith("inproc:"):
                cluster.evict(self.client, flight.worker)
                self.counted = -float("inf")
                self.flights[key] = flight._replace(worker="")  # the scheduler starts it elsewhere
