"""A scheduled step as a worklist item: the attributes of PS3.4 Table K.6-1."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from ris_pacs.catalog.queries import Procedure
from ris_pacs.dicom.handlers import Elements
from ris_pacs.orders.queries import Order, RequestedProcedure, doctor_dicom_name
from ris_pacs.orders.rules import ExamState, exam_title
from ris_pacs.patients.queries import Patient
from ris_pacs.scheduling.queries import ScheduledStep

# PS3.3 C.4.11 and (0040,0020); PS3.3 C.4.12 and (0040,1003).
STATUS = {ExamState.SCHEDULED: "SCHEDULED", ExamState.ARRIVED: "ARRIVED", ExamState.IN_PROGRESS: "STARTED"}
PRIORITY = {"stat": "STAT", "urgent": "HIGH", "routine": "ROUTINE"}
PREGNANCY = {"not pregnant": 1, "possibly pregnant": 2, "definitely pregnant": 3, "unknown": 4}  # (0010,21C0)


def worklist_item(step: ScheduledStep, zone: ZoneInfo, patient_id: str = "") -> Elements:
    """Every attribute that we can fill; what a query did not ask for is left out later.

    patient_id: the number that the device asked by, where the patient has several.
    """
    exam, order = step.exam, step.exam.order
    return {
        **_patient(order.patient, patient_id),
        **_visit(order),
        **_request(order),
        **_requested_procedure(exam, order),
        0x00400100: [_scheduled_step(step, exam, zone)],
    }


def _patient(patient: Patient, asked_by: str) -> dict[int, object]:
    """Patient Identification, Demographic and Medical modules."""
    numbers = sorted(patient.identifiers, key=lambda one: (one.value != asked_by, not one.issuer.ours, one.id))
    main = numbers[0] if numbers else None
    facts = {kind: [one for one in patient.safety_facts if one.kind == kind] for kind in _FACTS}
    others = [one for one in patient.identifiers if one is not main]
    return {
        0x00100010: patient.name.dicom(),
        0x00100020: main.value if main else "",
        0x00100021: main.issuer.namespace if main else "",
        0x00100024: _issuer(main.issuer.universal_id, main.issuer.universal_id_type) if main else [],
        0x00101002: [{0x00100020: one.value, 0x00100021: one.issuer.namespace, 0x00100022: "TEXT"} for one in others],
        0x00100030: (patient.birth_date or "").replace("-", "") if len(patient.birth_date or "") == 10 else "",
        0x00100040: "" if patient.sex == "U" else patient.sex,
        0x00101030: _number(facts["weight"]),
        0x00101020: _number(facts["height"]),
        0x00102000: [one.text[:64] for one in facts["alert"] + facts["implant"]],
        0x00102110: [one.text[:64] for one in facts["allergy"]],
        0x001021C0: PREGNANCY.get(facts["pregnancy"][-1].text.lower(), 4) if facts["pregnancy"] else "",
        0x00380050: [],
        0x00380500: "",
        0x00403001: "",
    }


_FACTS = ("allergy", "alert", "implant", "pregnancy", "weight", "height")


def _number(facts: list) -> str:  # type: ignore[type-arg]
    """The latest value as DS; text that is no number is left out."""
    text = facts[-1].text.split()[0] if facts and facts[-1].text else ""
    return text if text.replace(".", "", 1).isdigit() else ""


def _issuer(universal_id: str, universal_id_type: str) -> list[dict[int, object]]:
    return [{0x00400032: universal_id, 0x00400033: universal_id_type}] if universal_id else []


def _visit(order: Order) -> dict[int, object]:
    visit = order.visit
    return {
        0x00380010: visit.number if visit else "",
        0x00380014: [{0x00400031: visit.issuer.namespace}] if visit else [],
        0x00380300: visit.location if visit else "",
        0x00380008: "",
    }


def _request(order: Order) -> dict[int, object]:
    """Imaging Service Request."""
    issuer = order.accession_issuer
    referrer = doctor_dicom_name(order)
    return {
        0x00080050: order.accession_number,
        0x00080051: [
            {0x00400031: issuer.namespace}
            | ({0x00400032: issuer.universal_id, 0x00400033: issuer.universal_id_type} if issuer.universal_id else {})
        ],
        0x00080090: referrer,
        0x00321032: referrer,
        0x00402016: order.placer_number or "",
        0x00402017: order.accession_number,
        0x00402400: "",
    }


def _requested_procedure(exam: RequestedProcedure, order: Order) -> dict[int, object]:
    reasons = "; ".join(f"{one.code} {one.name}".strip() for one in order.diagnoses)
    return {
        0x00401001: exam.identifier,
        0x00321060: exam_title(exam.procedure_name, exam.laterality),
        0x00321064: [_code(exam.procedure)],
        0x0020000D: exam.study_instance_uid,
        0x00081110: [],
        0x00401003: PRIORITY[order.priority],
        0x00401002: (order.question or reasons)[:64],
        0x0040100A: [
            {0x00080100: one.code, 0x00080102: "I10C", 0x00080104: one.name[:64]} for one in order.diagnoses if one.code
        ],
        0x00401004: "",
        0x00401400: order.question[:10240],
    }


def _code(procedure: Procedure) -> dict[int, object]:
    return {0x00080100: procedure.code, 0x00080102: procedure.scheme, 0x00080104: procedure.name}


def _scheduled_step(step: ScheduledStep, exam: RequestedProcedure, zone: ZoneInfo) -> dict[int, object]:
    assert step.starts_at is not None
    there = step.starts_at.astimezone(zone)
    stations = [station.device for station in step.stations]
    return {
        0x00400001: [device.ae_title for device in stations],
        0x00400002: f"{there:%Y%m%d}",
        0x00400003: f"{there:%H%M%S}",
        0x00080060: step.modality,
        0x00400006: "",
        0x00400007: exam_title(exam.procedure_name, exam.laterality),
        0x00400008: [_code(exam.procedure)],
        0x00400009: step.identifier,
        0x00400010: [device.name or device.ae_title for device in stations][:1],
        0x00400011: step.room.name if step.room else "",
        0x00400012: "",
        0x00321070: "contrast" if exam.procedure.contrast else "",
        0x00400020: STATUS.get(ExamState(exam.state), ""),
        0x00400400: step.protocol,
    }


def text_of(elements: Elements) -> Iterator[str]:
    """Every text of an answer, for the choice of its character set."""
    for value in elements.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str):
                yield one
            elif isinstance(one, dict):
                yield from text_of(one)
