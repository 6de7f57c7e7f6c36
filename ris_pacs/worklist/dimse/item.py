"""A scheduled step as a worklist item: the attributes of PS3.4 Table K.6-1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from ris_pacs.dicom.handlers import Elements
from ris_pacs.kernel.person import NameGroup
from ris_pacs.orders.rules import ExamState, exam_title
from ris_pacs.worklist.queries import ListedOrder, ListedPatient, ListedProcedure, ListedStep

# PS3.3 C.4.11 and (0040,0020); PS3.3 C.4.12 and (0040,1003).
STATUS = {ExamState.SCHEDULED: "SCHEDULED", ExamState.ARRIVED: "ARRIVED", ExamState.IN_PROGRESS: "STARTED"}
PRIORITY = {"stat": "STAT", "urgent": "HIGH", "routine": "ROUTINE"}
PREGNANCY = {"not pregnant": 1, "possibly pregnant": 2, "definitely pregnant": 3, "unknown": 4}  # (0010,21C0)


def worklist_item(step: ListedStep, zone: ZoneInfo, patient_id: str = "") -> Elements:
    """Every attribute that we can fill; what a query did not ask for is left out later.

    patient_id: the number that the device asked by, where the patient has several.
    """
    return {
        **_patient(step.patient, patient_id),
        **_visit(step.order),
        **_request(step.order),
        **_requested_procedure(step),
        0x00400100: [_scheduled_step(step, zone)],
    }


def _patient(patient: ListedPatient, asked_by: str) -> dict[int, object]:
    """Patient Identification, Demographic and Medical modules."""
    numbers = sorted(patient.numbers, key=lambda one: (one.value != asked_by, not one.ours, one.id))
    main = numbers[0] if numbers else None
    facts: dict[str, list[str]] = defaultdict(list)
    for kind, text in patient.facts:
        facts[kind].append(text)
    others = [one for one in patient.numbers if one is not main]
    birth_date = patient.birth_date or ""
    return {
        0x00100010: patient.name.dicom(),
        0x00100020: main.value if main else "",
        0x00100021: main.namespace if main else "",
        0x00100024: _issuer(main.universal_id, main.universal_id_type) if main else [],
        0x00101002: [{0x00100020: one.value, 0x00100021: one.namespace, 0x00100022: "TEXT"} for one in others],
        0x00100030: birth_date.replace("-", "") if len(birth_date) == 10 else "",
        0x00100040: "" if patient.sex == "U" else patient.sex,
        0x00101030: _number(facts["weight"]),
        0x00101020: _number(facts["height"]),
        0x00102000: [text[:64] for text in facts["alert"] + facts["implant"]],
        0x00102110: [text[:64] for text in facts["allergy"]],
        0x001021C0: PREGNANCY.get(facts["pregnancy"][-1].lower(), 4) if facts["pregnancy"] else "",
        0x00380050: [],
        0x00380500: "",
        0x00403001: "",
    }


def _number(facts: list[str]) -> str:
    """The latest value as DS; text that is no number is left out."""
    text = facts[-1].split()[0] if facts and facts[-1] else ""
    return text if text.replace(".", "", 1).isdigit() else ""


def _issuer(universal_id: str, universal_id_type: str) -> list[dict[int, object]]:
    return [{0x00400032: universal_id, 0x00400033: universal_id_type}] if universal_id else []


def _visit(order: ListedOrder) -> dict[int, object]:
    return {
        0x00380010: order.visit_number or "",
        0x00380014: [{0x00400031: order.visit_namespace}] if order.visit_namespace is not None else [],
        0x00380300: (order.visit_location or "")[:64],
        0x00380008: "",
    }


def _request(order: ListedOrder) -> dict[int, object]:
    """Imaging Service Request."""
    issuer: dict[int, object] = {0x00400031: order.namespace}
    if order.universal_id:
        issuer |= {0x00400032: order.universal_id, 0x00400033: order.universal_id_type}
    referrer = NameGroup(order.referrer_family or "", order.referrer_given or "", suffix=order.referrer_suffix or "")
    return {
        0x00080050: order.accession_number,
        0x00080051: [issuer],
        0x00080090: referrer.dicom(),
        0x00321032: referrer.dicom(),
        0x00402016: order.placer_number or "",
        0x00402017: order.accession_number,
        0x00402400: "",
    }


def _requested_procedure(step: ListedStep) -> dict[int, object]:
    order = step.order
    reasons = "; ".join(f"{one.code} {one.name}".strip() for one in order.diagnoses)
    return {
        0x00401001: step.exam_identifier,
        0x00321060: exam_title(step.procedure_name, step.laterality),
        0x00321064: [_code(step.procedure)],
        0x0020000D: step.study_instance_uid,
        0x00081110: [],
        0x00401003: PRIORITY[order.priority],
        0x00401002: (order.question or reasons)[:64],
        0x0040100A: [
            {0x00080100: one.code, 0x00080102: "I10C", 0x00080104: one.name[:64]} for one in order.diagnoses if one.code
        ],
        0x00401004: "",
        0x00401400: order.question[:10240],
    }


def _code(procedure: ListedProcedure) -> dict[int, object]:
    return {0x00080100: procedure.code, 0x00080102: procedure.scheme, 0x00080104: procedure.name}


def _scheduled_step(step: ListedStep, zone: ZoneInfo) -> dict[int, object]:
    there = step.starts_at.astimezone(zone)
    return {
        0x00400001: [one.ae_title for one in step.stations],
        0x00400002: f"{there:%Y%m%d}",
        0x00400003: f"{there:%H%M%S}",
        0x00080060: step.modality,
        0x00400006: "",
        0x00400007: exam_title(step.procedure_name, step.laterality),
        0x00400008: [_code(step.procedure)],
        0x00400009: step.identifier,
        0x00400010: [(one.name or one.ae_title)[:16] for one in step.stations][:1],
        0x00400011: step.room[:16],
        0x00400012: "",
        0x00321070: "contrast" if step.procedure.contrast else "",
        0x00400020: STATUS.get(ExamState(step.exam_state), ""),
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
