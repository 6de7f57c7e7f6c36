"""The main pages of every role at 10,000 orders: the server's time, and how many statements a page takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from benchmarks import databases
from benchmarks.filling import fill_around_today
from benchmarks.practice import ZONE, Practice, prepared, work_folder
from benchmarks.report import Report, machine, median, percentile, verdict
from ris_pacs.accounts import queries as accounts
from ris_pacs.accounts import service
from ris_pacs.bootstrap.web import build_web
from ris_pacs.config import read_settings
from ris_pacs.kernel.actor import Role
from ris_pacs.kernel.clock import local_date
from ris_pacs.kernel.db import Database
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.scheduling.models import ScheduledStep
from ris_pacs.scheduling.rules import at_local
from ris_pacs.web.context import SESSION_KEY

Say = Callable[[str], None]

GOAL_MS = 100.0
# A step, a patient and an exam of today stand for all of them.
PAGES: dict[Role, tuple[str, ...]] = {
    Role.FRONTDESK: (
        "/schedule", "/schedule/waiting", "/schedule/steps/{step}", "/schedule/steps/{step}/find", "/orders",
        "/orders/new?patient={patient}", "/patients", "/patients?q=oko", "/patients/{patient}", "/a/{accession}",
        "/board", "/search?q=B00001",
    ),
    Role.TECHNOLOGIST: ("/technologist", "/technologist/steps/{step}", "/reconcile", "/messages"),
    Role.RADIOLOGIST: ("/reading", "/a/{accession}"),
    Role.RESIDENT: ("/reading",),
    Role.BILLER: ("/billing", "/billing/missing", "/billing/performed", "/billing/ledger", "/orders"),
    Role.REFERRER: ("/orders", "/a/{accession}"),
    Role.PATIENT: ("/portal",),
    Role.MANAGER: (
        "/manager", "/manager?days=7", "/manager?days=90", "/manager/exams?what=late", "/board?all=1", "/board/wall",
        "/orders?state=requested", "/admin/audit",
    ),
    Role.ADMIN: ("/admin", "/messages", "/admin/stations", "/admin/users", "/admin/audit", "/quarantine"),
}  # fmt: skip


def measure(database: str, quick: bool, say: Say) -> Report:
    """quick: few orders and few visits."""
    orders, times = (500, 3) if quick else (10_000, 20)
    report = Report(
        "pages",
        f"Pages at {orders:,} orders, ms in the server",
        ("role", "page", "status", "median", "95 %", "statements", "kB", "verdict"),
    )
    with ExitStack() as stack:
        folder = stack.enter_context(work_folder())
        report.machine = machine(folder, database)
        practice = stack.enter_context(prepared(database, folder / "ours"))
        say(f"{orders:,} orders …")
        fill_around_today(orders)(practice.system)
        databases.gather_statistics(practice.system.database)
        app = stack.enter_context(_web(practice))
        chosen = _somebody_today(practice.system)
        for role, paths in PAGES.items():
            say(f"{role} …")
            client = _signed_in(app, practice.system, role)
            report.rows += [
                _visit(practice.system.database, client, role, path.format(**chosen), times) for path in paths
            ]
    report.failed = any(row["status"] != 200 for row in report.rows)
    report.notes = [
        f"Medians of {times} visits after two that do not count: the whole request in the server, without the network.",
        f"Goal: 95 % below {GOAL_MS:g} ms. Statements: everything that is sent to the database, the access audit too.",
    ]
    return report


@contextmanager
def _web(practice: Practice) -> Iterator[Flask]:
    app = build_web(read_settings(practice.environment, dotenv=None), practice.system)
    yield app
    app.extensions["ris_pacs_topics"].stop()  # Its thread would go on asking a database that is gone.


def _somebody_today(system: System) -> dict[str, Any]:
    """An exam that is to be done today and has not begun."""
    with read_only(system) as uow:
        midnight = at_local(local_date(uow.now, ZONE), 0, ZONE)
        row = uow.session.execute(
            select(ScheduledStep.id, Order.patient_id, Order.accession_number)
            .join(RequestedProcedure, RequestedProcedure.id == ScheduledStep.requested_procedure_id)
            .join(Order, Order.id == RequestedProcedure.order_id)
            .where(ScheduledStep.starts_at > midnight, ScheduledStep.state == "scheduled")
            .order_by(ScheduledStep.starts_at)
            .limit(1)
        ).one()
        return {"step": row.id, "patient": row.patient_id, "accession": row.accession_number}


def _signed_in(app: Flask, system: System, role: Role) -> FlaskClient:
    client = app.test_client()
    with unit_of_work(system) as uow:
        user = accounts.user_by_email(uow, f"{role}@demo.example")
        assert user is not None
        key = service.begin_session(uow, user, "127.0.0.1", "benchmark")
    with client.session_transaction() as session:
        session[SESSION_KEY] = key
    return client


def _visit(database: Database, client: FlaskClient, role: Role, path: str, times: int) -> dict[str, Any]:
    for _ in range(2):
        answer = client.get(path)
    measured = []
    for _ in range(times):
        begun = time.perf_counter()
        client.get(path)
        measured.append((time.perf_counter() - begun) * 1000)
    with _counted(database) as statements:
        client.get(path)
    return {
        "role": str(role),
        "page": path,
        "status": answer.status_code,
        "median": median(measured),
        "95 %": percentile(measured, 0.95),
        "statements": len(statements),
        "kB": round(len(answer.data) / 1000),
        "verdict": verdict(percentile(measured, 0.95) < GOAL_MS),
    }


@contextmanager
def _counted(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
