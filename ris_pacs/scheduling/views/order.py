"""One page from the phone call to the booked exam: order, time, label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, redirect, render_template, request, send_file
from werkzeug.wrappers import Response

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.service.doctors import DoctorFacts, find_or_add_practitioner
from ris_pacs.documents.label import Label, label_pdf
from ris_pacs.kernel import audit
from ris_pacs.kernel.errors import DomainError
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import UnitOfWork, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.orders.rules import exam_title
from ris_pacs.orders.service.place import NewOrder, place_order
from ris_pacs.patients import queries as patients
from ris_pacs.scheduling import queries
from ris_pacs.scheduling.forms import EmergencyForm, OrderForm
from ris_pacs.scheduling.service import booking, emergency
from ris_pacs.scheduling.views.step import offered, read_slot
from ris_pacs.web import context, shell
from ris_pacs.web.answers import UNPROCESSABLE, say, show_on
from ris_pacs.web.asking import id_in
from ris_pacs.web.context import requires
from ris_pacs.web.words import day, local, weekday

blueprint = Blueprint("ordering", __name__)

Found = TypeVar("Found")


@blueprint.get("/orders/new")
@requires(Right.ORDER_PLACE)
def new() -> Response:
    patient_id = id_in(request.args.get("patient"))
    if patient_id is None:
        return _choose_patient()
    return _page(patient_id, OrderForm())


def _choose_patient() -> Response:
    """Who is it for? Found as you type, or registered on the way."""
    text = request.args.get("q", "").strip()
    with read_only(context.system()) as uow:
        actor = context.actor()
        found = patients.search(uow, text, actor, limit=20) if text else patients.recent(uow, actor, 10)
    return shell.render("scheduling/choose_patient.html", patients=found, text=text)


@blueprint.post("/orders/new")
@requires(Right.ORDER_PLACE)
def place() -> Response:
    patient_id = id_in(request.args.get("patient"))
    if patient_id is None:
        return redirect("/orders/new")
    form = OrderForm()
    if not form.validate_on_submit():
        return _page(patient_id, form, UNPROCESSABLE)
    try:
        with unit_of_work(context.system()) as uow:
            number, booked = _place_and_book(uow, patient_id, form)
    except DomainError as problem:
        _show(form, problem)
        return _page(patient_id, form, UNPROCESSABLE)
    if booked is not None:
        say(f"{number} is booked {weekday(booked)}, {local(booked):%H:%M}")
        return redirect(f"/a/{number}?label=1")
    say(f"{number} waits for a time")
    return redirect(f"/a/{number}")


def _show(form: OrderForm, problem: DomainError) -> None:
    """A taken slot names the time; other fields have the form's names."""
    if problem.field in ("starts_at", "room"):
        form.slot.errors = [*form.slot.errors, problem.message]
    else:
        show_on(form, problem)


def _place_and_book(uow: UnitOfWork, patient_id: int, form: OrderForm) -> tuple[str, Any]:
    actor = context.actor()
    new_order = NewOrder(
        patient_id=patient_id,
        procedure_id=int(form.procedure.data),
        site_id=context.site().id,
        laterality=form.laterality.data or "",
        priority=form.priority.data,
        referrer_id=_referrer(uow, form),
        diagnoses=form.chosen_diagnoses(),
        question=form.question.data or "",
    )
    order = place_order(uow, new_order, actor)
    if not form.slot.data or request.form.get("without"):
        return order.accession_number, None
    room_id, starts_at = read_slot(form.slot.data)
    step = queries.steps_of_exams(uow, [order.exams[0].id], actor)[0]
    booking.book(uow, booking.Booking(step.id, room_id, starts_at), actor)
    return order.accession_number, starts_at


def _referrer(uow: UnitOfWork, form: OrderForm) -> int | None:
    if form.referrer.data:
        return int(form.referrer.data)
    if not (form.doctor_family.data or form.npi.data):
        return None
    facts = DoctorFacts(
        family=form.doctor_family.data or "",
        given=form.doctor_given.data or "",
        npi=form.npi.data or None,
        practice=form.practice.data or "",
    )
    return find_or_add_practitioner(uow, facts, context.actor()).id


def _page(patient_id: int, form: OrderForm, status: int = 200) -> Response:
    """The order form with what was typed, and free times once the procedure is known."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        patient = patients.view_patient(uow, patient_id, actor)
        procedure = known(uow, catalog.procedure, form.procedure.data or request.args.get("procedure"))
        values = {
            "patient": patient,
            "procedure": procedure,
            "offers": offered(uow, procedure.modality, procedure.minutes) if procedure else [],
            "duplicates": orders.similar_open_exams(uow, patient_id, procedure.id, actor) if procedure else [],
            "diagnoses": [
                (one.code, f"{one.code} {one.name}")
                for one in (_known_code(uow, code) for code in form.diagnoses.data or [])
                if one
            ],
            "referrer": known(uow, catalog.practitioner, form.referrer.data),
        }
    return shell.render("scheduling/order.html", status, form=form, **values)


def known(uow: UnitOfWork, read: Callable[[UnitOfWork, int], Found], text: str | None) -> Found | None:
    """What stands behind a chosen id, for showing the form again; None where nothing does."""
    chosen = id_in(text)
    try:
        return read(uow, chosen) if chosen is not None else None
    except DomainError:
        return None


def _known_code(uow: UnitOfWork, code: str) -> Any:
    try:
        return catalog.diagnosis(uow, code)
    except DomainError:
        return None


@blueprint.get("/orders/offers")
@requires(Right.ORDER_PLACE)
def offers() -> Response:
    """Free times and duplicates, once the procedure is chosen."""
    procedure_id, patient_id = id_in(request.args.get("procedure")), id_in(request.args.get("patient"))
    if procedure_id is None or patient_id is None:
        return Response("")
    actor = context.actor()
    with read_only(context.system()) as uow:
        procedure = catalog.procedure(uow, procedure_id)
        found = offered(uow, procedure.modality, procedure.minutes)
        duplicates = orders.similar_open_exams(uow, patient_id, procedure.id, actor)
    return Response(render_template("scheduling/offers.html", procedure=procedure, offers=found, duplicates=duplicates))


@blueprint.get("/schedule/emergency")
@requires(Right.ORDER_PLACE)
def emergency_form() -> Response:
    return shell.render("scheduling/emergency.html", form=EmergencyForm(), procedure=None)


@blueprint.post("/schedule/emergency")
@requires(Right.ORDER_PLACE)
def emergency_order() -> Response:
    form = EmergencyForm()
    if not form.validate_on_submit():
        return _emergency_page(form)
    asked = emergency.Emergency(
        context.site().id,
        int(form.procedure.data),
        form.laterality.data or "",
        form.sex.data,
        form.estimated_age.data,
        form.question.data or "",
    )
    try:
        with unit_of_work(context.system()) as uow:
            order = emergency.order_for_unknown(uow, asked, context.actor())
            number = order.accession_number
    except DomainError as problem:
        show_on(form, problem)
        return _emergency_page(form)
    say(f"{number} is on the worklist now")
    return redirect(f"/a/{number}?label=1")


def _emergency_page(form: EmergencyForm) -> Response:
    with read_only(context.system()) as uow:
        procedure = known(uow, catalog.procedure, form.procedure.data)
    return shell.render("scheduling/emergency.html", UNPROCESSABLE, form=form, procedure=procedure)


@blueprint.get("/schedule/steps/<int:step_id>/label.pdf")
@requires(Right.SCHEDULE_VIEW)
def label(step_id: int) -> Response:
    """A label with the accession number as barcode, to print and to scan."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        row = queries.step_row(uow, step_id, actor)
        order = orders.exam_order(uow, row.exam.id, actor)
        audit.record_view(
            uow,
            actor,
            ("label", row.identifier),
            patient_id=order.patient_id,
            accession_number=order.accession_number,
            action="print",
        )
    person = row.exam.patient
    made = label_pdf(
        Label(
            name=person.name.shown,
            born=day(person.birth_date),
            sex=person.sex,
            mrn=person.mrn,
            accession_number=row.exam.accession_number,
            exam=exam_title(row.exam.title, ""),
            when=f"{weekday(row.starts_at)} {local(row.starts_at):%H:%M}" if row.starts_at else "",
            room=row.room,
        )
    )
    return send_file(made, mimetype="application/pdf", download_name=f"label-{row.exam.accession_number}.pdf")
