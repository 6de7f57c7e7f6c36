"""Orders by HL7: ORM^O01, OMI^O23, OMG^O19 (2.5.1 chapter 4; IHE RAD-2, RAD-3, RAD-4).

ORC-1: NW places, CA and DC cancel, XO changes, HD holds, RL releases. An order that names its time is booked
at once (CONTRACT.md, HL7 v2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ris_pacs.catalog.queries import Partner
from ris_pacs.hl7.build import Row
from ris_pacs.hl7.er7 import Message
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.hl7.groups import OrderGroup, order_groups
from ris_pacs.hl7.identifiers import entity_identifier
from ris_pacs.hl7.pid import read_pid
from ris_pacs.hl7.reply import Reply, naming
from ris_pacs.hl7.values import leaf, text
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Conflict, Invalid
from ris_pacs.kernel.inbox import About
from ris_pacs.orders import queries as orders
from ris_pacs.orders.errors import AlreadyBegun, WrongState
from ris_pacs.orders.queries import Order
from ris_pacs.orders.service import change
from ris_pacs.orders.service.place import NewOrder, place_order
from ris_pacs.patients.queries import Patient, linked_ids
from ris_pacs.patients.service import outside
from ris_pacs.patients.service.register import note_safety_fact
from ris_pacs.scheduling import queries
from ris_pacs.scheduling.hl7 import reading
from ris_pacs.scheduling.hl7.reading import Context
from ris_pacs.scheduling.service import booking

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

_PATHS = {
    "identifier": "PID-3",
    "family": "PID-5",
    "birth_date": "PID-7",
    "sex": "PID-8",
    "accession_number": "IPC-1",
    "study_instance_uid": "IPC-3",
    "placer_number": "ORC-2",
    "diagnoses": "DG1-3",
    "question": "OBR-13",
    "npi": "OBR-16",
    "laterality": "OBR-45",
    "visit": "PV1-19",
    "procedure": "OBR-4",
}
# ORC-1 of the answer: done, and not possible (HL7 table 0119).
DONE = {"NW": "OK", "CA": "CR", "DC": "DR", "XO": "XR", "HD": "HR", "RL": "OE"}
UNABLE = {"NW": "UA", "CA": "UC", "DC": "UD", "XO": "UX", "HD": "UH", "RL": "UR"}


def handle_orders(uow: UnitOfWork, message: Message, partner: Partner, actor: Actor) -> Reply:
    """Every order group of the message, all or none. Raises FieldFault naming the field."""
    context = Context(uow, message, partner, actor)
    groups = order_groups(message)
    if not groups:
        raise FieldFault("ORC", "", "is missing", Condition.SEGMENT_SEQUENCE, "the message has no order")
    rows: list[Row] = []
    about = About()
    for group in groups:
        row, about = _handle(context, group)
        rows.append(row)
    return Reply(about, rows)


def _handle(context: Context, group: OrderGroup) -> tuple[Row, About]:
    control = leaf(group.at("ORC-1"), 2).upper()
    verbs = {"NW": _place, "CA": _cancel, "DC": _cancel, "XO": _change, "HD": _hold, "RL": _release}
    if control not in verbs:
        known = ", ".join(verbs)
        condition = Condition.TABLE_VALUE_NOT_FOUND if control else Condition.REQUIRED_FIELD_MISSING
        raise FieldFault("ORC-1", control, "is no order control that is taken", condition, f"taken are {known}")
    accession_path = "IPC-1" if group.first("IPC") else "OBR-18"
    with naming(_PATHS | {"accession_number": accession_path}, "ORC-2"):
        order, done = verbs[control](context, group)
    code = DONE[control] if done else UNABLE[control]
    patient = order.patient
    about = About(patient.id, patient.name.shown, order.accession_number)
    return _orc(code, order), about


def _orc(code: str, order: Order) -> Row:
    placer = (order.placer_number, order.placer_issuer.namespace if order.placer_issuer else "")
    filler = (order.accession_number, order.accession_issuer.namespace)
    return ["ORC", code, placer if order.placer_number else None, filler]


# --- finding the order that a message is about


def _placer(context: Context, group: OrderGroup) -> tuple[str, int] | None:
    number = entity_identifier(group.at("ORC-2"), 64) or entity_identifier(group.at("OBR-2"), 64)
    if number is None:
        return None
    return number.value, reading.issuer_id(context, number, context.partner.order_issuer_id)


def _known_order(context: Context, group: OrderGroup) -> Order:
    """By the placer's number, else by ours (ORC-3). The order's patient has to be the message's."""
    placer = _placer(context, group)
    order = orders.by_placer_number(context.uow, *placer) if placer else None
    if order is None and (filler := entity_identifier(group.at("ORC-3"), 16)):
        found = orders.by_accession(context.uow, filler.value, context.actor)
        order = found[0] if len(found) == 1 else None
    if order is None:
        path = "ORC-2" if placer else "ORC-3"
        raise FieldFault(path, "", "names no order that we know", Condition.UNKNOWN_KEY)
    said = outside.known_patient(
        context.uow, read_pid(context.message), outside.Sender(order.site_id, context.partner.patient_issuer_id)
    )
    if said is None or said.id not in linked_ids(context.uow, order.patient_id):
        raise FieldFault("PID-3", "", "is not the patient of this order", Condition.UNKNOWN_KEY)
    return order


# --- NW


def _place(context: Context, group: OrderGroup) -> tuple[Order, bool]:
    uow, partner, actor = context.uow, context.partner, context.actor
    placer = _placer(context, group)
    if placer is None:
        raise FieldFault("ORC-2", "", "is missing", Condition.REQUIRED_FIELD_MISSING, "the placer’s order number")
    sender = outside.Sender(partner.site_id, partner.patient_issuer_id)
    patient = outside.find_patient_for_order(uow, read_pid(context.message), sender, actor)
    _note_allergies(context, patient)
    accession, accession_issuer = reading.accession(context, group)
    order = place_order(
        uow,
        NewOrder(
            patient_id=patient.id,
            procedure_id=reading.procedure(context, group).id,
            site_id=partner.site_id,
            laterality=reading.side(group),
            side_required=False,
            priority=reading.priority(group),
            referrer_id=reading.referrer(context, group),
            diagnoses=reading.diagnoses(group),
            question=reading.question(group),
            accession_number=accession,
            accession_issuer_id=accession_issuer,
            study_instance_uid=reading.study_uid(context, group),
            placer_number=placer[0],
            placer_issuer_id=placer[1],
            partner_id=partner.id,
            visit=reading.visit(context),
        ),
        actor,
    )
    _book_if_timed(context, group, order)
    return order, True


def _note_allergies(context: Context, patient: Patient) -> None:
    for allergy in context.message["AL1"]:
        words = text(allergy.at("3.2")) or text(allergy.at("3.1"))
        note_safety_fact(context.uow, patient.id, "allergy", words, text(allergy.at("4.1")), context.actor)


def _book_if_timed(context: Context, group: OrderGroup, order: Order) -> None:
    """Book at the time that the order names; where that cannot be, the step waits and says why."""
    at = reading.asked_time(context, group)
    if at is None:
        return
    row = queries.steps_of_exams(context.uow, [order.exams[0].id], context.actor)[0]
    if context.partner.time_is_wish:
        booking.wait_with_reason(context.uow, row.id, f"{context.actor.name} wishes this time", at, context.actor)
        return
    device, problem = reading.station(context, group, row.exam.modality)
    if device is None or device.room_id is None:
        booking.wait_with_reason(context.uow, row.id, problem, at, context.actor)
        return
    asked = booking.Booking(
        row.id, device.room_id, at, overbook_reason="time set by EMR", station_id=device.id, off_grid=True
    )
    try:
        with context.uow.savepoint():
            booking.book(context.uow, asked, context.actor)
    except (Invalid, Conflict) as reason:
        booking.wait_with_reason(context.uow, row.id, reason.message, at, context.actor)


# --- CA, DC, XO, HD, RL


def _cancel(context: Context, group: OrderGroup) -> tuple[Order, bool]:
    """Off the worklist at once; too late, it is answered UC and shown to a person."""
    order = _known_order(context, group)
    reason = text(group.at("ORC-16.2"), 400) or text(group.at("ORC-16.1"), 400) or "cancelled by the placer"
    if all(exam.state == "cancelled" for exam in order.exams):
        return order, True
    try:
        change.cancel_order(context.uow, order.id, reason, context.actor)
    except AlreadyBegun:
        change.note_late_cancel(context.uow, order.id, reason, context.actor)
        return order, False
    except WrongState:
        return order, False
    return order, True


def _change(context: Context, group: OrderGroup) -> tuple[Order, bool]:
    """Priority, question, referrer and time; another procedure is another order."""
    order = _known_order(context, group)
    if group.at("OBR-4").has_value:
        procedure = reading.procedure(context, group)
        if procedure.id != order.exams[0].procedure_id:
            return order, False
    change.change_order(
        context.uow,
        change.OrderChange(
            order.id,
            priority=reading.priority(group) if _says_priority(group) else None,
            question=reading.question(group) or None,
            referrer_id=reading.referrer(context, group),
        ),
        context.actor,
    )
    if order.exams[0].state in ("requested", "scheduled"):
        _book_if_timed(context, group, order)
    return order, True


def _says_priority(group: OrderGroup) -> bool:
    return any(group.at(path).has_value for path in ("TQ1-9.1", "ORC-7.6", "OBR-27.6", "OBR-5"))


def _hold(context: Context, group: OrderGroup) -> tuple[Order, bool]:
    return _if_possible(context, group, change.hold_order)


def _release(context: Context, group: OrderGroup) -> tuple[Order, bool]:
    return _if_possible(context, group, change.release_order)


def _if_possible(
    context: Context, group: OrderGroup, verb: Callable[[UnitOfWork, int, str, Actor], Order]
) -> tuple[Order, bool]:
    order = _known_order(context, group)
    reason = text(group.at("ORC-16.2"), 400) or text(group.at("ORC-16.1"), 400)
    try:
        with context.uow.savepoint():
            verb(context.uow, order.id, reason, context.actor)
    except WrongState:
        return order, False
    return order, True
