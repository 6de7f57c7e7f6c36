"""The result message: ORU^R01 with the text and the PDF of a report (HL7 v2.5.1 chapter 7; IHE RAD-Y, SWF.b)."""

from __future__ import annotations

import base64
from datetime import datetime

from ris_pacs.hl7.build import Header, Repetition, Row, build, sparse
from ris_pacs.orders.queries import Order
from ris_pacs.reporting.queries.printed import Printed
from ris_pacs.reporting.rules.states import Kind

PRODUCT = "RISPACS"
# OBR-25, HL7 table 0123, and OBX-11, table 0085: "W" takes back what was sent of the wrong patient or exam.
STATUS = {
    Kind.PRELIMINARY: ("P", "P"),
    Kind.FINAL: ("F", "F"),
    Kind.ADDENDUM: ("C", "C"),
    Kind.CORRECTED: ("C", "C"),
    Kind.WITHDRAWN: ("X", "W"),
}
SCHEME = "99RISPACS"


def result_message(
    said: Printed, order: Order, receiver: tuple[str, str], pdf: bytes | None, at: datetime, control_id: str
) -> bytes:
    """For the partner that placed the order.

    receiver: its application and facility. pdf: None where only the text goes out. Raises ValueError.
    """
    header = Header(
        kind="ORU^R01",
        sender=(PRODUCT, said.site),
        receiver=receiver,
        at=at,
        control_id=control_id,
    )
    return build(header, _rows(said, order, pdf)).raw


def _rows(said: Printed, order: Order, pdf: bytes | None) -> list[Row]:
    result, observation = STATUS[Kind(said.kind)]
    placer = (order.placer_number, order.placer_issuer.namespace if order.placer_issuer else None)
    filler = (order.accession_number, order.accession_issuer.namespace)
    exam = next((one for one in order.exams if one.id in said.exam_ids), order.exams[0])
    given, _, family = said.author.rpartition(" ")
    signed = said.signed_at.astimezone(said.zone)
    rows: list[Row] = [
        sparse("PID", {1: 1, 3: _numbers(order), 5: _name(order), 7: _digits(order), 8: order.patient.sex}),
        sparse("ORC", {1: "RE", 2: placer if order.placer_number else None, 3: filler, 5: "CM"}),
        sparse(
            "OBR",
            {
                1: 1,
                2: placer if order.placer_number else None,
                3: filler,
                4: (exam.procedure.code, exam.procedure_name, exam.procedure.scheme),
                18: order.accession_number,
                22: signed,
                25: result,
                32: ((str(said.author_id or ""), family, given),),
            },
        ),
    ]
    for code, heading, text in _texts(said):
        lines: list[Repetition] = list(text.split("\n"))
        rows.append(_observation(len(rows) - 2, "TX", (code, heading, SCHEME), lines, observation, signed))
    if pdf is not None:
        document = (PRODUCT, "AP", "PDF", "Base64", base64.b64encode(pdf).decode())
        name = ("PDF", "Report as PDF", SCHEME)
        rows.append(_observation(len(rows) - 2, "ED", name, [document], observation, signed))
    return rows


def _texts(said: Printed) -> list[tuple[str, str, str]]:
    """Code, heading and text of each observation."""
    if said.withdrawn:
        return [("WITHDRAWN", said.heading, f"Withdrawn: {said.reason}")]
    texts = [(heading.upper().split()[0], heading, text) for heading, text in said.texts]
    texts += [("ADDENDUM", f"Addendum, {one['by']}", one["text"]) for one in said.addenda]
    return texts


def _observation(
    number: int, kind: str, code: tuple[str, str, str], values: list[Repetition], status: str, at: datetime
) -> Row:
    return sparse("OBX", {1: number, 2: kind, 3: code, 5: values, 11: status, 14: at})


def _numbers(order: Order) -> list[Repetition]:
    return [(one.value, None, None, one.issuer.namespace, one.type) for one in order.patient.identifiers]


def _name(order: Order) -> Repetition:
    name = order.patient.name.alphabetic
    return (name.family, name.given, name.middle)


def _digits(order: Order) -> str:
    return (order.patient.birth_date or "").replace("-", "")
