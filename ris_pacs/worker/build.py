"""What a worker process does: jobs left by transactions, and periodic work."""

from __future__ import annotations

from ris_pacs.bootstrap.jobs import build_jobs
from ris_pacs.config import Settings
from ris_pacs.kernel import audit, jobs
from ris_pacs.kernel.jobs import Periodic
from ris_pacs.kernel.uow import System, unit_of_work
from ris_pacs.worker.loop import WorkerLoop

PERIODIC = (
    Periodic("seal the audit trail", 1.0, lambda system: seal_audit(system)),
    Periodic("forget finished jobs", 3600.0, lambda system: sweep_jobs(system)),
)


def build_worker(settings: Settings, system: System) -> WorkerLoop:
    tables = build_jobs(settings, system)
    return WorkerLoop(system, tables.in_transaction, tables.outside, [*PERIODIC, *tables.periodic])


def seal_audit(system: System) -> None:
    """Chain what was committed in the last second; the database keeps two sealers from forking the chain."""
    sealed = audit.SEAL_BATCH
    while sealed == audit.SEAL_BATCH:
        with unit_of_work(system) as uow:
            sealed = audit.seal(uow)


def sweep_jobs(system: System) -> None:
    with unit_of_work(system) as uow:
        jobs.sweep(uow)
