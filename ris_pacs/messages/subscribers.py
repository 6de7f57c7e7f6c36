"""What partners are told: where the exams that they ordered stand (ORM^O01, ORC-1 SC; IHE RAD-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ris_pacs.catalog import queries as catalog
from ris_pacs.hl7.build import Header, Repetition, Row, build, new_control_id, sparse
from ris_pacs.kernel import outbox
from ris_pacs.kernel.actor import PROGRAM, Actor
from ris_pacs.kernel.inbox import About
from ris_pacs.orders import queries as orders
from ris_pacs.orders.events import ExamMoved
from ris_pacs.orders.queries import Order
from ris_pacs.orders.rules import ExamState

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

# ORC-5, HL7 table 0038.
ORDER_STATUS = {
    ExamState.SCHEDULED: "SC",
    ExamState.ARRIVED: "SC",
    ExamState.IN_PROGRESS: "IP",
    ExamState.PERFORMED: "CM",
    ExamState.CANCELLED: "CA",
    ExamState.NO_SHOW: "CA",
    ExamState.LEFT: "CA",
    ExamState.DISCONTINUED: "DC",
}
PRODUCT = "RISPACS"


def tell_placer(uow: UnitOfWork, event: ExamMoved, actor: Actor) -> None:
    """A new state of an exam goes to the partner that ordered it, if it takes messages; in the same transaction."""
    status = ORDER_STATUS.get(ExamState(event.to_state))
    if status is None:
        return
    order = orders.exam_order(uow, event.requested_procedure_id, PROGRAM)
    if order.partner_id is None:
        return
    partner = catalog.partner_by_id(uow, order.partner_id)
    if not partner.host or partner.port is None:
        return
    control_id = new_control_id()
    header = Header(
        kind="ORM^O01",
        sender=(PRODUCT, order.site.name),
        receiver=(partner.application, partner.facility),
        at=uow.now,
        control_id=control_id,
    )
    message = build(header, _rows(order, status))
    outbox.put(
        uow,
        outbox.NewMessage(
            destination=f"{partner.application}|{partner.facility}",
            entity=f"order {order.id}",
            kind="ORM^O01",
            control_id=control_id,
            payload=message.raw,
            about=About(order.patient_id, order.patient.name.shown, order.accession_number),
        ),
    )


def _rows(order: Order, status: str) -> list[Row]:
    patient = order.patient
    name = patient.name.alphabetic
    placer = (order.placer_number, order.placer_issuer.namespace if order.placer_issuer else None)
    filler = (order.accession_number, order.accession_issuer.namespace)
    exam = order.exams[0]
    numbers: list[Repetition] = [(one.value, None, None, one.issuer.namespace, one.type) for one in patient.identifiers]
    return [
        sparse(
            "PID",
            {
                1: 1,
                3: numbers,
                5: (name.family, name.given, name.middle),
                7: (patient.birth_date or "").replace("-", ""),
                8: patient.sex,
            },
        ),
        sparse("ORC", {1: "SC", 2: placer if order.placer_number else None, 3: filler, 5: status}),
        sparse(
            "OBR",
            {
                1: 1,
                2: placer if order.placer_number else None,
                3: filler,
                4: (exam.procedure.code, exam.procedure.name, exam.procedure.scheme),
                18: order.accession_number,
            },
        ),
    ]
