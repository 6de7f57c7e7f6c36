"""What a worker process does: jobs left by transactions, and periodic work."""

from __future__ import annotations

import subprocess
import sys

from ris_pacs.bootstrap.jobs import build_jobs
from ris_pacs.catalog import queries as catalog
from ris_pacs.config import Settings
from ris_pacs.kernel import audit, jobs, marks
from ris_pacs.kernel.clock import local_date
from ris_pacs.kernel.jobs import Periodic
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.worker.loop import WorkerLoop

PERIODIC = (
    Periodic("seal the audit trail", 1.0, lambda system: seal_audit(system)),
    Periodic("forget finished jobs", 3600.0, lambda system: sweep_jobs(system)),
)


def build_worker(settings: Settings, system: System) -> WorkerLoop:
    tables = build_jobs(settings, system)
    periodic = [*PERIODIC, *tables.periodic]
    with read_only(system) as uow:
        if marks.is_demo(uow):
            periodic.append(Periodic("begin the demo day", 120.0, begin_demo_day, waits=True))
    return WorkerLoop(system, tables.in_transaction, tables.outside, periodic)


def begin_demo_day(system: System) -> None:
    """After midnight, in a process of its own: it needs much memory for half a minute."""
    with read_only(system) as uow:
        mark = marks.get(uow, marks.DEMO)
        zone = catalog.zone_of(catalog.sites(uow)[0])
    if mark and mark["day"] < local_date(system.clock(), zone).isoformat():
        subprocess.run([sys.executable, "-m", "ris_pacs", "demo", "fill"], check=True, stdout=subprocess.DEVNULL)


def seal_audit(system: System) -> None:
    """Chain what was committed in the last second; the database keeps two sealers from forking the chain."""
    sealed = audit.SEAL_BATCH
    while sealed == audit.SEAL_BATCH:
        with unit_of_work(system) as uow:
            sealed = audit.seal(uow)


def sweep_jobs(system: System) -> None:
    with unit_of_work(system) as uow:
        jobs.sweep(uow)
