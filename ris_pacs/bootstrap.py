"""The only place that wires: settings to a system, events to reactions, routes, handlers and jobs to slices."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from prometheus_client import CollectorRegistry, Gauge
from pynetdicom.sop_class import _STORAGE_CLASSES

import ris_pacs.accounts.views
import ris_pacs.admin.views
import ris_pacs.archive.subscribers
import ris_pacs.archive.views
import ris_pacs.billing.views
import ris_pacs.exam.views
import ris_pacs.messages.subscribers
import ris_pacs.messages.views
import ris_pacs.orders.views
import ris_pacs.patients.hl7
import ris_pacs.patients.views
import ris_pacs.portal.views
import ris_pacs.reporting.views
import ris_pacs.scheduling.hl7.orders
import ris_pacs.scheduling.subscribers
import ris_pacs.scheduling.views.calendar
import ris_pacs.scheduling.views.order
import ris_pacs.scheduling.views.step
import ris_pacs.technologist.views
import ris_pacs.tracking.subscribers
import ris_pacs.tracking.views
from ris_pacs.archive.dimse.commitment import SOP_CLASS as COMMITMENT
from ris_pacs.archive.dimse.commitment import StorageCommitment, tell_device
from ris_pacs.archive.dimse.find import PATIENT_ROOT, STUDY_ROOT, ArchiveFind
from ris_pacs.archive.dimse.retrieve import (
    PATIENT_ROOT_GET,
    PATIENT_ROOT_MOVE,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    ArchiveRetrieve,
)
from ris_pacs.archive.dimse.store import ArchiveStore
from ris_pacs.archive.events import CaseOpened, InstancesStored, StudyLinked, StudyUnlinked
from ris_pacs.archive.queries import inbox
from ris_pacs.archive.service.commitment import COMMITMENT_JOB
from ris_pacs.archive.service.complete import QUIET_JOB, end_when_quiet
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.dimse import Registered
from ris_pacs.config import Settings
from ris_pacs.dicom.handlers import Services
from ris_pacs.dicom.server import Server
from ris_pacs.hl7.mllp import Server as MllpServer
from ris_pacs.kernel import audit, jobs, marks
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.blobs import FolderStore
from ris_pacs.kernel.clock import Clock, system_clock
from ris_pacs.kernel.db import is_reachable, open_database
from ris_pacs.kernel.events import Subscription, Subscriptions, When, from_payload
from ris_pacs.kernel.jobs import JobInTransaction, JobTable, Periodic
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uids import uid_mint
from ris_pacs.kernel.uow import System, UnitOfWork, read_only
from ris_pacs.messages import queries as messages
from ris_pacs.messages.deliveries import MllpDelivery
from ris_pacs.messages.hl7 import Handler, Receiver
from ris_pacs.orders.events import ExamMoved, OrderChanged, OrderPlaced
from ris_pacs.patients.events import PatientChanged
from ris_pacs.reporting import queries as reading
from ris_pacs.web.app import WebParts, create_app
from ris_pacs.web.context import SitePlace
from ris_pacs.web.search import SearchProvider
from ris_pacs.web.shell import Place, ShellParts
from ris_pacs.worklist.dimse.find import MODALITY_WORKLIST, WorklistFind
from ris_pacs.worklist.dimse.mpps import PERFORMED_STEP, PerformedSteps
from ris_pacs.worklist.events import StepCompleted

PRODUCT = "RIS-PACS"

SUBSCRIPTIONS = (
    Subscription(OrderPlaced, ris_pacs.scheduling.subscribers.make_steps_of_order, When.SAME_TX),
    Subscription(ExamMoved, ris_pacs.scheduling.subscribers.follow_exam, When.SAME_TX),
    Subscription(StepCompleted, ris_pacs.archive.subscribers.step_completed, When.SAME_TX),
    Subscription(InstancesStored, ris_pacs.archive.subscribers.images_came, When.SAME_TX),
    Subscription(StudyLinked, ris_pacs.archive.subscribers.study_linked, When.SAME_TX),
    Subscription(StudyUnlinked, ris_pacs.archive.subscribers.study_unlinked, When.SAME_TX),
    Subscription(OrderPlaced, ris_pacs.tracking.subscribers.order_placed, When.SAME_TX),
    Subscription(OrderChanged, ris_pacs.tracking.subscribers.order_changed, When.SAME_TX),
    Subscription(ExamMoved, ris_pacs.tracking.subscribers.exam_moved, When.SAME_TX),
    Subscription(InstancesStored, ris_pacs.tracking.subscribers.images_came, When.SAME_TX),
    Subscription(CaseOpened, ris_pacs.tracking.subscribers.case_opened, When.SAME_TX),
    Subscription(ExamMoved, ris_pacs.messages.subscribers.tell_placer, When.SAME_TX),
    Subscription(PatientChanged, ris_pacs.tracking.subscribers.patient_changed, When.SAME_TX),
)

BLUEPRINTS = (
    ris_pacs.accounts.views.blueprint,
    ris_pacs.patients.views.blueprint,
    ris_pacs.orders.views.blueprint,
    ris_pacs.scheduling.views.calendar.blueprint,
    ris_pacs.scheduling.views.step.blueprint,
    ris_pacs.scheduling.views.order.blueprint,
    ris_pacs.exam.views.blueprint,
    ris_pacs.tracking.views.blueprint,
    ris_pacs.technologist.views.blueprint,
    ris_pacs.archive.views.blueprint,
    ris_pacs.messages.views.blueprint,
    ris_pacs.reporting.views.blueprint,
    ris_pacs.billing.views.blueprint,
    ris_pacs.portal.views.blueprint,
    ris_pacs.admin.views.blueprint,
)

HL7_HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(
        ("ADT^A01", "ADT^A04", "ADT^A05", "ADT^A08", "ADT^A28", "ADT^A31"), ris_pacs.patients.hl7.keep_patient
    ),
    **dict.fromkeys(("ORM^O01", "OMI^O23", "OMG^O19"), ris_pacs.scheduling.hl7.orders.handle_orders),
}

_DESK = frozenset({Role.FRONTDESK})
_ROOM = frozenset({Role.TECHNOLOGIST})
_READERS = frozenset({Role.RADIOLOGIST, Role.RESIDENT})
_OFFICE = frozenset({Role.MANAGER})


def _waiting_cases(uow: UnitOfWork, actor: Actor, site_id: int) -> int | None:
    return inbox.count_open_cases(uow)


def _waiting_exams(uow: UnitOfWork, actor: Actor, site_id: int) -> int | None:
    return reading.count_to_read(uow)


def _refused(uow: UnitOfWork, actor: Actor, site_id: int) -> int | None:
    return messages.count_refused(uow)


# The first five that name a role are its daily places; what else it may see stands in the second group.
PLACES = (
    Place("Room list", "scan", "/technologist", Right.EXAM_PERFORM, _ROOM),
    Place("Schedule", "calendar-time", "/schedule", Right.SCHEDULE_VIEW, _DESK | _ROOM),
    Place("Board", "layout-kanban", "/board", Right.BOARD_VIEW, _DESK | _ROOM | _READERS | _OFFICE),
    Place("Patients", "users", "/patients", Right.PATIENT_VIEW, _DESK | _READERS | _OFFICE | {Role.BILLER}),
    Place("Orders", "clipboard-list", "/orders", Right.ORDER_VIEW, _DESK | _OFFICE | {Role.REFERRER, Role.BILLER}),
    Place("To read", "eye", "/reading", Right.READ_EXAMS, _READERS, _waiting_exams),
    Place("Performed", "receipt", "/billing", Right.BILLING_VIEW, frozenset({Role.BILLER})),
    Place("Messages", "message-2-code", "/messages", Right.MESSAGES_VIEW, frozenset({Role.ADMIN}), _refused, hot=True),
    Place("Health", "heart-rate-monitor", "/admin", Right.ADMIN, frozenset({Role.ADMIN})),
    Place("Stations", "device-desktop", "/admin/stations", Right.ADMIN, frozenset({Role.ADMIN})),
    Place("People", "id", "/admin/users", Right.ADMIN, frozenset({Role.ADMIN})),
    Place("Audit", "history", "/admin/audit", Right.AUDIT_VIEW, frozenset({Role.ADMIN, Role.MANAGER})),
    Place("Quarantine", "shield-x", "/quarantine", Right.ADMIN, frozenset()),
    Place("Partners", "arrows-exchange", "/admin/partners", Right.ADMIN, frozenset()),
    Place("Design", "template", "/admin/design", Right.ADMIN, frozenset()),
    Place("My exams", "calendar-event", "/portal", Right.PORTAL, frozenset({Role.PATIENT})),
    Place("Reconcile", "link", "/reconcile", Right.RECONCILE, _ROOM, _waiting_cases, hot=True),
)

SEARCH = (
    SearchProvider("Patients", Right.PATIENT_VIEW, ris_pacs.exam.views.find_patients),
    SearchProvider("Exams", Right.EXAM_VIEW, ris_pacs.exam.views.find_exams),
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
        cache=settings.data_dir / "cache",
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
            extensions={
                "ris_pacs_replay": Receiver(system, HL7_HANDLERS).replay,
                "ris_pacs_ae_title": settings.ae_title,
            },
        )
    )


def build_dicom(settings: Settings, system: System, listener: socket.socket) -> Server:
    """The DICOM listener of one process."""
    store = ArchiveStore(system)
    find = ArchiveFind(system, settings.ae_title)
    retrieve = ArchiveRetrieve(system)
    services = Services(
        store=store,
        storage_classes=frozenset(_STORAGE_CLASSES.values()),
        find={PATIENT_ROOT: find, STUDY_ROOT: find, MODALITY_WORKLIST: WorklistFind(system)},
        retrieve=dict.fromkeys((PATIENT_ROOT_MOVE, PATIENT_ROOT_GET, STUDY_ROOT_MOVE, STUDY_ROOT_GET), retrieve),
        normalized={PERFORMED_STEP: PerformedSteps(system), COMMITMENT: StorageCommitment(system)},
        extended={PATIENT_ROOT: b"\x01\x01", STUDY_ROOT: b"\x01\x01"},
    )
    return Server(listener, services, Registered(system, settings.ae_title))


def build_hl7(settings: Settings, system: System, listener: socket.socket) -> MllpServer:
    """The MLLP listener of one process."""
    return MllpServer(listener, Receiver(system, HL7_HANDLERS).receive, clock=system.clock)


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


def build_jobs(settings: Settings, system: System) -> JobTable:
    outbox = {name: _as_job(line) for name, line in system.subscriptions.outbox().items()}
    return JobTable(
        in_transaction={**outbox, QUIET_JOB: lambda uow, payload: end_when_quiet(uow, payload["exam_id"])},
        outside={COMMITMENT_JOB: tell_device(settings.ae_title)},
        periodic=(Periodic("deliver messages", 1.0, MllpDelivery().deliver_waiting, waits=True),),
    )


def _as_job(line: Subscription) -> JobInTransaction:
    def react(uow: UnitOfWork, payload: Any) -> None:
        line.reaction(uow, from_payload(line.event, payload), PROGRAM)

    return react
