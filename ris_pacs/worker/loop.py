"""The job loop: claims jobs in the database, does periodic work, delivers what waits in the outbox."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import structlog

from ris_pacs.kernel import jobs
from ris_pacs.kernel.jobs import JobInTransaction, JobOutside, Periodic
from ris_pacs.kernel.uow import System, unit_of_work

log = structlog.get_logger()

IDLE_SECONDS = 0.5
GOODBYE_SECONDS = 20.0


class WorkerLoop:
    def __init__(
        self,
        system: System,
        in_transaction: Mapping[str, JobInTransaction],
        outside: Mapping[str, JobOutside],
        periodic: Sequence[Periodic],
    ) -> None:
        self._system = system
        self._in_transaction = in_transaction
        self._outside = outside
        self._periodic = [one for one in periodic if not one.waits]
        self._waiting = [one for one in periodic if one.waits]
        self._due = {one.name: 0.0 for one in periodic}

    def run(self, stop: threading.Event) -> None:
        """Until the event is set; the job at hand is finished first."""
        threads = [
            threading.Thread(target=self._repeat, args=(one, stop), name=one.name, daemon=True) for one in self._waiting
        ]
        for thread in threads:
            thread.start()
        self._run_jobs(stop)
        for thread in threads:
            thread.join(GOODBYE_SECONDS)

    def _repeat(self, one: Periodic, stop: threading.Event) -> None:
        while not stop.is_set():
            self._do_periodic(one)
            stop.wait(one.every_seconds)

    def _run_jobs(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._run_periodic()
                if not self.run_one():
                    stop.wait(IDLE_SECONDS)
            except Exception:  # The database is away: try again rather than die in a circle.
                log.exception("worker stumbled")
                stop.wait(2)

    def run_one(self) -> bool:
        """Claim and do one job; whether there was one."""
        with unit_of_work(self._system) as uow:
            job = jobs.claim(uow)
        if job is None:
            return False
        try:
            self._do(job)
        except Exception as problem:
            if isinstance(problem, ConnectionError):  # Somebody else's machine is away: no fault of ours to trace.
                log.warning("job put off", kind=job.kind, job=job.id, attempts=job.attempts, problem=str(problem))
            else:
                log.exception("job failed", kind=job.kind, job=job.id, attempts=job.attempts)
            with unit_of_work(self._system) as uow:
                jobs.fail(uow, job, f"{type(problem).__name__}: {problem}")
        return True

    def _do(self, job: jobs.Claimed) -> None:
        if job.kind in self._in_transaction:
            with unit_of_work(self._system) as uow:  # Done and ticked off together.
                self._in_transaction[job.kind](uow, job.payload)
                jobs.finish(uow, job)
            return
        if job.kind not in self._outside:
            raise LookupError(f"nobody does jobs of kind {job.kind}")
        self._outside[job.kind](self._system, job.payload)
        with unit_of_work(self._system) as uow:
            jobs.finish(uow, job)

    def _run_periodic(self) -> None:
        now = time.monotonic()
        for one in self._periodic:
            if now >= self._due[one.name]:
                self._due[one.name] = now + one.every_seconds
                self._do_periodic(one)

    def _do_periodic(self, one: Periodic) -> None:
        try:
            one.work(self._system)
        except Exception:
            log.exception("periodic work failed", name=one.name)
