"""Messages that several tests use. All people and numbers are invented."""

from __future__ import annotations

from ris_pacs.hl7.er7 import Message, parse

MSH = r"MSH|^~\&|EMR|HOSPITAL|RISPACS|RIVERSIDE|20261124104105-0500||{kind}|{control_id}|P|{version}"

PATIENT = "PID|1||M0047719^^^RIVERSIDE^MR||NGUYEN^MINH||19860231|M|||14 Quarry Ln^^Millbrook"


def text(*segments: str, kind: str = "ADT^A08", control_id: str = "8841207", version: str = "2.5.1") -> str:
    """A message: its MSH and these segments, each ended by CR."""
    head = MSH.format(kind=kind, control_id=control_id, version=version)
    return "".join(segment + "\r" for segment in (head, *segments))


def message(*segments: str, kind: str = "ADT^A08", control_id: str = "8841207", version: str = "2.5.1") -> Message:
    return parse(text(*segments, kind=kind, control_id=control_id, version=version))


ORDERS = (
    PATIENT,
    "PV1|1|O|RAD^US1",
    "ORC|NW|P1||G1",
    "OBR|1|P1||CT1^CT HEAD",
    "NTE|1||first order",
    "DG1|1||R51^Headache^I10",
    "OBX|1|NM|8302-2^Height||172|cm",
    "NTE|1||measured today",
    "ZDS|1.2.3.1",
    "ORC|NW|P2||G1",
    "OBR|2|P2||CT2^CT NECK",
    "OBX|1|NM|29463-7^Weight||70|kg",
    "ZDS|1.2.3.2",
)
