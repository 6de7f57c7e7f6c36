"""The hospital's EMR: messages as it would send them (HL7 2.5.1, IHE RAD-1, RAD-2, RAD-12)."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from ris_pacs.demo.people import Person
from ris_pacs.demo.pictures import seeded_uids
from ris_pacs.demo.plan import PlannedExam
from ris_pacs.demo.practice import DOCTORS
from ris_pacs.hl7.build import Header, Repetition, Row, build, sparse
from ris_pacs.kernel.person import PersonName

APPLICATION, FACILITY = "EMR", "HOSPITAL"
_PRIORITIES = {"routine": "R", "urgent": "A", "stat": "S"}
_SIDES = {"L": "LT", "R": "RT"}


def new_order(exam: PlannedExam, at: datetime, zone: ZoneInfo, *, starts: datetime | None = None) -> bytes:
    """ORM^O01 with ORC-1 NW. starts: the time that the order names; None leaves it to the desk."""
    doctor = DOCTORS[exam.doctor]
    ordered_by = (doctor.npi, doctor.family, doctor.given, None, None, None, doctor.suffix, None, "NPI")
    timing = (None, None, None, starts.astimezone(zone) if starts else None, None, _PRIORITIES[exam.priority])
    rows: list[Row] = [
        patient_row(exam.person),
        sparse("PV1", {2: "O", 19: f"V{exam.key.replace('-', '')}"}),
        sparse("ORC", {1: "NW", 2: exam.key, 7: timing, 9: at.astimezone(zone), 12: ordered_by}),
        sparse(
            "OBR",
            {
                1: 1,
                2: exam.key,
                4: (exam.procedure.code, exam.procedure.name),
                13: exam.reason.question,
                16: ordered_by,
                24: exam.procedure.modality,
                36: starts.astimezone(zone) if starts else None,
                45: _SIDES.get(exam.laterality),
            },
        ),
        sparse("DG1", {1: 1, 3: (exam.reason.icd, None, "I10")}),
        ["ZDS", (seeded_uids(f"study {exam.key}")(), None, "Application", "DICOM")],
    ]
    return build(_header("ORM^O01", at, zone, f"O{exam.key.replace('-', '')}"), rows).raw


def cancelled_order(exam: PlannedExam, at: datetime, zone: ZoneInfo) -> bytes:
    """ORM^O01 with ORC-1 CA."""
    rows: list[Row] = [
        patient_row(exam.person),
        sparse("ORC", {1: "CA", 2: exam.key, 9: at.astimezone(zone)}),
        sparse("OBR", {1: 1, 2: exam.key, 4: (exam.procedure.code, exam.procedure.name)}),
    ]
    return build(_header("ORM^O01", at, zone, f"C{exam.key.replace('-', '')}"), rows).raw


def registered(person: Person, at: datetime, zone: ZoneInfo, kind: str = "ADT^A04") -> bytes:
    """ADT^A04 or ^A08."""
    rows: list[Row] = [
        sparse("EVN", {2: at.astimezone(zone)}),
        patient_row(person),
        sparse("PV1", {2: "O"}),
    ]
    return build(_header(kind, at, zone, f"A{at:%y%m%d%H%M}{person.number}"), rows).raw


def order_of_unknown_procedure(exam: PlannedExam, at: datetime, zone: ZoneInfo) -> bytes:
    """An order with a code that our catalogue does not have: it is refused, and waits for a person to mend it."""
    return new_order(exam, at, zone).replace(f"|{exam.procedure.code}^".encode(), b"|CTWHOLE^")


def patient_row(person: Person) -> Row:
    facts = person.facts
    number = (person.emr_number, None, None, FACILITY, "MR")
    return sparse(
        "PID",
        {
            1: 1,
            3: number,
            5: _names(facts.name),
            7: date.fromisoformat(facts.birth_date),
            8: facts.sex,
            11: (facts.street, None, facts.city, facts.state, facts.zip),
            13: facts.phone,
        },
    )


def _names(name: PersonName) -> list[Repetition]:
    """Each script of the name as a repetition of its own, XPN-8 telling which (HL7 table 0465)."""
    scripts = zip(name.groups, "AIP", strict=True)
    return [(group.family, group.given, group.middle, "", "", "", "L", script) for group, script in scripts if group]


def _header(kind: str, at: datetime, zone: ZoneInfo, control_id: str) -> Header:
    return Header(
        kind=kind,
        sender=(APPLICATION, FACILITY),
        receiver=("RISPACS", "MILL LANE"),
        at=at.astimezone(zone),
        control_id=control_id[:20],
    )
