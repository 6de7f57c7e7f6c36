"""The pages: their blueprints, places by role, search, and the health of one process."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import Flask
from prometheus_client import CollectorRegistry, Gauge

import ris_pacs.accounts.views
import ris_pacs.admin.views.health
import ris_pacs.admin.views.partners
import ris_pacs.admin.views.people
import ris_pacs.admin.views.sites
import ris_pacs.admin.views.stations
import ris_pacs.archive.dicomweb.rendered
import ris_pacs.archive.dicomweb.retrieve
import ris_pacs.archive.dicomweb.search
import ris_pacs.archive.dicomweb.store
import ris_pacs.archive.views
import ris_pacs.billing.views.claims
import ris_pacs.billing.views.files
import ris_pacs.billing.views.performed
import ris_pacs.billing.views.setup
import ris_pacs.billing.views.worklist
import ris_pacs.exam.views
import ris_pacs.messages.views
import ris_pacs.orders.views
import ris_pacs.patients.views
import ris_pacs.portal.views.enrolment
import ris_pacs.portal.views.home
import ris_pacs.portal.views.results
import ris_pacs.reporting.views
import ris_pacs.scheduling.views.calendar
import ris_pacs.scheduling.views.order
import ris_pacs.scheduling.views.step
import ris_pacs.technologist.views
import ris_pacs.tracking.views.board
import ris_pacs.tracking.views.manager
import ris_pacs.viewer.views
from ris_pacs.archive.dicomweb.asking import COUNTER
from ris_pacs.archive.dicomweb.viewing import ViewCounter
from ris_pacs.archive.queries import inbox
from ris_pacs.billing.queries import batches
from ris_pacs.billing.queries import worklist as billing
from ris_pacs.bootstrap.mllp import build_receiver
from ris_pacs.bootstrap.tls import client_context
from ris_pacs.catalog import queries as catalog
from ris_pacs.config import Settings
from ris_pacs.kernel import audit, jobs, marks
from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.kernel.db import is_reachable
from ris_pacs.kernel.rights import Right, may
from ris_pacs.kernel.uow import System, UnitOfWork, read_only
from ris_pacs.messages import queries as messages
from ris_pacs.reporting import queries as reading
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.web.app import WebParts, create_app
from ris_pacs.web.context import SitePlace
from ris_pacs.web.search import SearchProvider
from ris_pacs.web.shell import Action, Notice, Place, ShellParts

PRODUCT = "RIS-PACS"
LEAST_FREE_BYTES = 500_000_000

BLUEPRINTS = (
    ris_pacs.accounts.views.blueprint,
    ris_pacs.patients.views.blueprint,
    ris_pacs.orders.views.blueprint,
    ris_pacs.scheduling.views.calendar.blueprint,
    ris_pacs.scheduling.views.step.blueprint,
    ris_pacs.scheduling.views.order.blueprint,
    ris_pacs.exam.views.blueprint,
    ris_pacs.tracking.views.board.blueprint,
    ris_pacs.tracking.views.manager.blueprint,
    ris_pacs.technologist.views.blueprint,
    ris_pacs.archive.views.blueprint,
    ris_pacs.archive.dicomweb.search.blueprint,
    ris_pacs.archive.dicomweb.retrieve.blueprint,
    ris_pacs.archive.dicomweb.rendered.blueprint,
    ris_pacs.archive.dicomweb.store.blueprint,
    ris_pacs.messages.views.blueprint,
    *ris_pacs.reporting.views.blueprints,
    ris_pacs.viewer.views.blueprint,
    ris_pacs.billing.views.worklist.blueprint,
    ris_pacs.billing.views.claims.blueprint,
    ris_pacs.billing.views.files.blueprint,
    ris_pacs.billing.views.setup.blueprint,
    ris_pacs.billing.views.performed.blueprint,
    ris_pacs.portal.views.home.blueprint,
    ris_pacs.portal.views.results.blueprint,
    ris_pacs.portal.views.enrolment.blueprint,
    ris_pacs.admin.views.health.blueprint,
    ris_pacs.admin.views.sites.blueprint,
    ris_pacs.admin.views.stations.blueprint,
    ris_pacs.admin.views.people.blueprint,
    ris_pacs.admin.views.partners.blueprint,
)

_DESK = frozenset({Role.FRONTDESK})
_ROOM = frozenset({Role.TECHNOLOGIST})
_READERS = frozenset({Role.RADIOLOGIST, Role.RESIDENT})
_OFFICE = frozenset({Role.MANAGER})
_BILLERS = frozenset({Role.BILLER})


def _to_book(uow: UnitOfWork, actor: Actor, site_id: int) -> int:
    return scheduling.count_waiting(uow, site_id)


def _waiting_cases(uow: UnitOfWork, actor: Actor, site_id: int) -> int:
    return inbox.count_open_cases(uow)


def _waiting_exams(uow: UnitOfWork, actor: Actor, site_id: int) -> int | None:
    return reading.count_to_read(uow)


def _uncharged(uow: UnitOfWork, actor: Actor, site_id: int) -> int | None:
    return billing.count_missing(uow)


def _claims_to_mend(uow: UnitOfWork, actor: Actor, site_id: int) -> int | None:
    found = billing.counts(uow)
    return found["mend"] + found["denied"]


def _money_of_nobody(uow: UnitOfWork, actor: Actor, site_id: int) -> int | None:
    return batches.count_waiting_lines(uow)


def _refused_for_menders(uow: UnitOfWork, actor: Actor, site_id: int) -> int | None:
    """A red number is for who can act on it."""
    return messages.count_refused(uow) if may(actor, Right.MESSAGES_MEND) else None


# The first five that name a role are its daily places; what else it may see stands in the second group.
PLACES = (
    Place("Practice", "chart-bar", "/manager", Right.MANAGE_VIEW, _OFFICE),
    Place("Room list", "scan", "/technologist", Right.EXAM_PERFORM, _ROOM),
    Place("To read", "eye", "/reading", Right.READ_EXAMS, _READERS, _waiting_exams),
    Place("Schedule", "calendar-time", "/schedule", Right.SCHEDULE_VIEW, _DESK | _ROOM),
    Place("Board", "layout-kanban", "/board", Right.BOARD_VIEW, _DESK | _ROOM | _READERS | _OFFICE),
    Place("Uncharged", "clipboard-off", "/billing/missing", Right.BILLING_VIEW, _BILLERS, _uncharged, hot=True),
    Place("Claims", "receipt", "/billing", Right.BILLING_VIEW, _BILLERS, _claims_to_mend, hot=True),
    Place("Payments", "cash", "/billing/remittances", Right.BILLING_VIEW, _BILLERS, _money_of_nobody, hot=True),
    Place("Performed", "list-check", "/billing/performed", Right.BILLING_VIEW, _BILLERS),
    Place("Patients", "users", "/patients", Right.PATIENT_VIEW, _DESK | _READERS | _OFFICE | {Role.BILLER}),
    Place("Orders", "clipboard-list", "/orders", Right.ORDER_VIEW, _DESK | _OFFICE | {Role.REFERRER, Role.BILLER}),
    Place("Files", "send", "/billing/files", Right.BILLING_VIEW, frozenset()),
    Place("Payers", "building-bank", "/billing/payers", Right.BILLING_VIEW, frozenset()),
    Place("Charge rules", "adjustments", "/billing/rules", Right.BILLING_VIEW, frozenset()),
    Place("Fees", "coin", "/billing/fees", Right.BILLING_VIEW, frozenset()),
    Place("Who bills", "id", "/billing/setup", Right.BILLING_VIEW, frozenset()),
    Place("Ledger", "scale", "/billing/ledger", Right.BILLING_VIEW, frozenset()),
    Place("Health", "heart-rate-monitor", "/admin", Right.ADMIN, frozenset({Role.ADMIN})),
    Place(
        "Messages",
        "message-2-code",
        "/messages",
        Right.MESSAGES_VIEW,
        frozenset({Role.ADMIN}),
        _refused_for_menders,
        hot=True,
    ),
    Place("Stations", "device-desktop", "/admin/stations", Right.ADMIN, frozenset({Role.ADMIN})),
    Place("Sites", "building-hospital", "/admin/sites", Right.ADMIN, frozenset({Role.ADMIN})),
    Place("People", "id", "/admin/users", Right.ADMIN, frozenset({Role.ADMIN})),
    Place("Audit", "history", "/admin/audit", Right.AUDIT_VIEW, frozenset({Role.ADMIN, Role.MANAGER})),
    Place("Quarantine", "shield-x", "/quarantine", Right.ADMIN, frozenset()),
    Place("Partners", "arrows-exchange", "/admin/partners", Right.ADMIN, frozenset()),
    Place("Design", "template", "/admin/design", Right.ADMIN, frozenset()),
    Place("My exams", "calendar-event", "/portal", Right.PORTAL, frozenset({Role.PATIENT})),
    Place("My record", "history", "/portal/record", Right.PORTAL, frozenset({Role.PATIENT})),
    Place("Reconcile", "link", "/reconcile", Right.RECONCILE, _ROOM, _waiting_cases, hot=True),
)

ACTIONS = (
    Action("New order", "clipboard-text", "/orders/new", Right.ORDER_PLACE, "for a patient, booked on the same page"),
    Action("New patient", "user-plus", "/patients/new", Right.PATIENT_EDIT),
    Action(
        "Unknown patient", "user-off", "/schedule/emergency", Right.ORDER_PLACE, "emergency, at once on the worklist"
    ),
    Action("Waiting for a time", "clock", "/schedule/waiting", Right.SCHEDULE_BOOK, "exams to book"),
    Action("Wall screen", "device-tv", "/board/wall", Right.BOARD_VIEW),
    Action("Add partner", "arrows-exchange", "/admin/partners/new", Right.ADMIN, "a system that sends HL7"),
)

NOTICES = (
    Notice(
        "exam waits for a time", "exams wait for a time", "clock", "/schedule/waiting", Right.SCHEDULE_BOOK, _to_book
    ),
    Notice("study has no order", "studies have no order", "link", "/reconcile", Right.RECONCILE, _waiting_cases),
    Notice(
        "message needs a person",
        "messages need a person",
        "message-2-code",
        "/messages?state=refused&all=1",
        Right.MESSAGES_MEND,
        _refused_for_menders,
    ),
    Notice(
        "device was refused",
        "devices were refused",
        "device-desktop",
        "/admin/stations",
        Right.ADMIN,
        lambda uow, actor, site_id: len(catalog.unknown_callers(uow)),
    ),
    Notice(
        "object is in quarantine",
        "objects are in quarantine",
        "shield-x",
        "/quarantine",
        Right.ADMIN,
        lambda uow, actor, site_id: len(inbox.open_quarantine(uow)) + len(inbox.open_conflicts(uow)),
    ),
    Notice(
        "job failed for good",
        "jobs failed for good",
        "heart-rate-monitor",
        "/admin",
        Right.ADMIN,
        lambda uow, actor, site_id: jobs.counts(uow).get("dead", 0),
    ),
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
    Role.MANAGER: "/manager",
    Role.ADMIN: "/admin",
    Role.SYSTEM: "/orders",
}


def build_web(settings: Settings, system: System) -> Flask:
    return create_app(
        WebParts(
            system=system,
            secret_key=settings.secret_key,
            secure_cookies=settings.public_url.startswith("https://"),
            proxies=settings.trusted_proxies,
            recognise=ris_pacs.accounts.views.recogniser(system),
            shell=ShellParts(
                product=PRODUCT,
                places=PLACES,
                start_pages=START_PAGES,
                sites=_sites,
                demo=marks.is_demo,
                search=SEARCH,
                actions=ACTIONS,
                notices=NOTICES,
            ),
            checks={"database": lambda: _database_trouble(system), "archive": lambda: _archive_trouble(system)},
            gauges=lambda registry: _gauges(system, registry),
            blueprints=BLUEPRINTS,
            extensions={
                "ris_pacs_replay": build_receiver(system).replay,
                COUNTER: ViewCounter(),
                "ris_pacs_public_url": settings.public_url,
                "ris_pacs_ae_title": settings.ae_title,
                "ris_pacs_client_tls": client_context(settings),
            },
        )
    )


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
