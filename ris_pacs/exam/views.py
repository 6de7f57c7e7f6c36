"""`/a/<accession>`: the one page of an exam; and the page of a patient with the whole history."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ris_pacs.archive import queries as archive
from ris_pacs.billing.queries import worklist as billing
from ris_pacs.billing.rules.ledger import dollars
from ris_pacs.billing.rules.states import CaseState
from ris_pacs.exam import queries
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand, may
from ris_pacs.kernel.uow import UnitOfWork, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.orders.errors import NoSuchOrder
from ris_pacs.orders.queries import Order
from ris_pacs.orders.rules import PRIORITIES
from ris_pacs.orders.service import exams
from ris_pacs.patients import queries as patients
from ris_pacs.patients.rules import LANGUAGES
from ris_pacs.reporting.rules.text import SECTIONS
from ris_pacs.web import context, shell
from ris_pacs.web.answers import done
from ris_pacs.web.context import requires
from ris_pacs.web.search import Hit
from ris_pacs.web.words import age, day

blueprint = Blueprint("exam", __name__)

TABS = {
    "overview": Right.EXAM_VIEW,
    "images": Right.STUDY_VIEW,
    "messages": Right.MESSAGES_VIEW,
    "audit": Right.AUDIT_VIEW,
}


@blueprint.get("/a/<path:accession>")
@requires(Right.EXAM_VIEW)
def by_accession(accession: str) -> Response:
    """Everything about one accession number; a number with two issuers shows a chooser, never the first."""
    actor = context.actor()
    tab = request.args.get("tab", "overview")
    if tab not in TABS:
        raise Invalid(f"There is no tab {tab[:40]!r}.")
    demand(actor, TABS[tab])
    with read_only(context.system()) as uow:
        found = orders.by_accession(uow, accession, actor)
        if not found:
            raise NoSuchOrder(f"There is no accession number {accession}.")
        order = _chosen(found)
        if order is None:
            return shell.render(
                "exam/chooser.html",
                accession=accession,
                orders=[(one, _row(uow, one, actor)) for one in found],
            )
        page = queries.exam_page(uow, order, actor)
        values = _tab_values(uow, page, tab, actor)
        audit.record_view(
            uow,
            actor,
            ("exam", page.exam.identifier),
            patient_id=order.patient_id,
            accession_number=order.accession_number,
        )
        if page.report is not None and tab == "overview":
            audit.record_view(
                uow,
                actor,
                ("report", page.report.report.id),
                patient_id=order.patient_id,
                accession_number=order.accession_number,
            )
    return shell.render("exam/exam.html", page=page, tab=tab, priorities=PRIORITIES, sections=SECTIONS, **values)


def _chosen(found: list[Order]) -> Order | None:
    """The only order, or the one whose issuer the address names."""
    issuer = request.args.get("issuer", "")
    matching = [one for one in found if not issuer or one.accession_issuer.namespace == issuer]
    return matching[0] if len(matching) == 1 else None


def _row(uow: UnitOfWork, order: Order, actor: Actor) -> orders.ExamRow | None:
    return orders.exam_rows(uow, [order.exams[0].id], actor).get(order.exams[0].id)


def _tab_values(uow: UnitOfWork, page: queries.ExamPage, tab: str, actor: Actor) -> dict[str, Any]:
    values: dict[str, Any] = {"messages": [], "audit": [], "instances": {}, "charges": [], "uncharged": None}
    if may(actor, Right.BILLING_VIEW):
        values["charges"] = billing.claims_of_exam(uow, page.exam.id, actor)
        case = billing.case_of_exam(uow, page.exam.id)
        values["uncharged"] = case if case is not None and case.state != CaseState.CHARGED else None
        values["dollars"] = dollars
    if may(actor, Right.MESSAGES_VIEW):
        values["messages"] = queries.messages_of(uow, page.order)
    if tab == "audit":
        values["audit"] = queries.audit_of(uow, page.order, page.exam)
    if tab == "images":
        values["instances"] = {
            series.id: archive.instances_of_series(uow, series.id, actor)[:60]
            for study in page.studies
            for series in study.series
        }
    return values


@blueprint.post("/a/oddities/<int:oddity_id>/settle")
@requires(Right.ORDER_CANCEL)
def settle(oddity_id: int) -> Response:
    """A person has looked at what was out of order."""
    with unit_of_work(context.system()) as uow:
        oddity = exams.settle_oddity(uow, oddity_id, context.actor())
        order = orders.exam_order(uow, oddity.requested_procedure_id, context.actor())
        number = order.accession_number
    return done("Noted as seen", f"/a/{number}")


@blueprint.get("/patients/<int:patient_id>")
@requires(Right.PATIENT_VIEW)
def patient(patient_id: int) -> Response:
    """Who it is, and every exam."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        found = patients.view_patient(uow, patient_id, actor)
        rows = queries.exams_of_patient(uow, patient_id, actor)
        pictures = archive.thumbnails_of_exams(uow, [row.id for row in rows]) if may(actor, Right.STUDY_VIEW) else {}
    return shell.render("exam/patient.html", patient=found, exams=rows, pictures=pictures, languages=LANGUAGES)


def find_exams(uow: UnitOfWork, text: str, actor: Actor) -> list[Hit]:
    """For the search over everything: accession numbers that begin with the text."""
    rows = orders.search_exams(uow, text, actor)
    pictures = archive.thumbnails_of_exams(uow, [row.id for row in rows]) if may(actor, Right.STUDY_VIEW) else {}
    return [
        Hit(
            title=row.title,
            detail=f"{row.accession_number} · {row.patient.name.shown}",
            url=f"/a/{row.accession_number}",
            icon="clipboard-text",
            state=row.state,
            picture=f"/studies/instances/{pictures[row.id]}/thumbnail" if row.id in pictures else "",
        )
        for row in rows
    ]


def find_patients(uow: UnitOfWork, text: str, actor: Actor) -> list[Hit]:
    """For the search over everything."""
    if len(text) < 2:
        return []
    return [
        Hit(
            title=row.name.shown,
            detail=f"{day(row.birth_date)} ({age(row.birth_date)}) · {row.sex} · {row.mrn}",
            url=f"/patients/{row.id}",
        )
        for row in patients.search(uow, text, actor, limit=6)
    ]
