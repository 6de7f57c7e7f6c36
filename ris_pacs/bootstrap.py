"""The only place that wires: settings to a system, events to reactions, routes, handlers and jobs to slices."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from prometheus_client import CollectorRegistry, Gauge

import ris_pacs.accounts.views
import ris_pacs.archive.subscribers
import ris_pacs.scheduling.subscribers
from ris_pacs.archive.events import InstancesStored, StudyLinked, StudyUnlinked
from ris_pacs.catalog import queries as catalog
from ris_pacs.config import Settings
from ris_pacs.kernel import audit, jobs, marks
from ris_pacs.kernel.actor import PROGRAM, Role
from ris_pacs.kernel.blobs import FolderStore
from ris_pacs.kernel.clock import Clock, system_clock
from ris_pacs.kernel.db import is_reachable, open_database
from ris_pacs.kernel.events import Subscription, Subscriptions, When, from_payload
from ris_pacs.kernel.jobs import JobInTransaction, JobTable
from ris_pacs.kernel.uids import uid_mint
from ris_pacs.kernel.uow import System, UnitOfWork, read_only
from ris_pacs.orders.events import ExamMoved, OrderPlaced
from ris_pacs.web.app import WebParts, create_app
from ris_pacs.web.context import SitePlace
from ris_pacs.web.shell import ShellParts
from ris_pacs.worklist.events import StepCompleted

PRODUCT = "RIS-PACS"

SUBSCRIPTIONS = (
    Subscription(OrderPlaced, ris_pacs.scheduling.subscribers.make_steps_of_order, When.SAME_TX),
    Subscription(ExamMoved, ris_pacs.scheduling.subscribers.follow_exam, When.SAME_TX),
    Subscription(StepCompleted, ris_pacs.archive.subscribers.step_completed, When.SAME_TX),
    Subscription(InstancesStored, ris_pacs.archive.subscribers.images_came, When.SAME_TX),
    Subscription(StudyLinked, ris_pacs.archive.subscribers.study_linked, When.SAME_TX),
    Subscription(StudyUnlinked, ris_pacs.archive.subscribers.study_unlinked, When.SAME_TX),
)

START_PAGES = {
    Role.FRONTDESK: "/schedule",
    Role.TECHNOLOGIST: "/technologist",
    Role.RADIOLOGIST: "/reading",
    Role.RESIDENT: "/reading",
    Role.BILLER: "/billing",
    Role.REFERRER: "/orders",
    Role.PATIENT: "/portal",
    Role.MANAGER: "/board",
    Role.ADMIN: "/admin",
    Role.SYSTEM: "/board",
}


def build_system(settings: Settings, clock: Clock = system_clock) -> System:
    """Connects lazily: nothing is read, written or listened to here but the archive's folders."""
    store = FolderStore(Path(settings.storage_url.removeprefix("file://")))
    store.prepare()
    return System(
        database=open_database(settings.database_url),
        blobs=store,
        clock=clock,
        mint_uid=uid_mint(settings.uid_root),
        subscriptions=Subscriptions(SUBSCRIPTIONS),
    )


def build_web(settings: Settings, system: System) -> Flask:
    return create_app(
        WebParts(
            system=system,
            secret_key=settings.secret_key,
            secure_cookies=settings.public_url.startswith("https://"),
            proxies=len(settings.trusted_proxies),
            recognise=ris_pacs.accounts.views.recogniser(system),
            shell=ShellParts(
                product=PRODUCT, places=PLACES, start_pages=START_PAGES, sites=_sites, demo=is_demo, search=SEARCH
            ),
            checks={"database": lambda: _database_trouble(system), "archive": lambda: _archive_trouble(system)},
            gauges=lambda registry: _gauges(system, registry),
            blueprints=BLUEPRINTS,
            extensions={},
        )
    )


def is_demo(uow: UnitOfWork) -> bool:
    return marks.get(uow, marks.DEMO) is not None


def _sites(uow: UnitOfWork) -> list[SitePlace]:
    return [SitePlace(one.id, one.name, ZoneInfo(one.zone)) for one in catalog.sites(uow)]


def _database_trouble(system: System) -> str:
    try:
        return "" if is_reachable(system.database) else "no answer"
    except Exception as problem:
        return type(problem).__name__


def _archive_trouble(system: System) -> str:
    try:
        return "" if system.blobs.free_bytes() > LEAST_FREE_BYTES else "nearly full"
    except OSError as problem:
        return problem.strerror or "not reachable"


LEAST_FREE_BYTES = 500_000_000


def _gauges(system: System, registry: CollectorRegistry) -> None:
    with read_only(system) as uow:
        waiting = jobs.counts(uow)
        unsealed = audit.unsealed(uow.session)
    by_state = Gauge("ris_pacs_jobs", "Jobs by state", ["state"], registry=registry)
    for state in ("queued", "running", "dead"):
        by_state.labels(state).set(waiting.get(state, 0))
    Gauge("ris_pacs_audit_unsealed", "Audit rows not yet sealed", registry=registry).set(unsealed)
    free = Gauge("ris_pacs_archive_free_bytes", "Free space of the archive", registry=registry)
    free.set(system.blobs.free_bytes())


BLUEPRINTS = (ris_pacs.accounts.views.blueprint,)
PLACES = ()
SEARCH = ()


def build_jobs(settings: Settings, system: System) -> JobTable:
    outbox = {name: _as_job(line) for name, line in system.subscriptions.outbox().items()}
    return JobTable(in_transaction={**outbox}, outside={})


def _as_job(line: Subscription) -> JobInTransaction:
    def react(uow: UnitOfWork, payload: Any) -> None:
        line.reaction(uow, from_payload(line.event, payload), PROGRAM)

    return react
