"""What an order group says, field by field (2.5.1 chapter 4): each reader names the field that is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.queries import Device, Partner, Procedure
from ris_pacs.catalog.service.doctors import DoctorFacts, find_or_add_practitioner
from ris_pacs.catalog.service.sites import find_or_add_issuer
from ris_pacs.hl7.elements import Element
from ris_pacs.hl7.er7 import Message
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.hl7.groups import OrderGroup
from ris_pacs.hl7.identifiers import Identifier, entity_identifier
from ris_pacs.hl7.persons import practitioner
from ris_pacs.hl7.pid import read_pv1
from ris_pacs.hl7.times import Precision, read_moment
from ris_pacs.hl7.values import leaf, text
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import DomainError
from ris_pacs.orders.service.place import Diagnosis, VisitFacts

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

_PRIORITIES = {
    "S": "stat",
    "ST": "stat",
    "STAT": "stat",
    "A": "urgent",
    "ASAP": "urgent",
    "U": "urgent",
    "UR": "urgent",
}
_SIDES = {"RT": "R", "R": "R", "RIGHT": "R", "LT": "L", "L": "L", "LEFT": "L", "50": "B", "BI": "B", "B": "B"}
_ICD = frozenset({"I10", "I10C", "ICD10", "ICD-10", "ICD10CM", "ICD-10-CM", "I10CM"})


@dataclass(frozen=True)
class Context:
    uow: UnitOfWork
    message: Message
    partner: Partner
    actor: Actor

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.partner.zone)


def issuer_id(context: Context, number: Identifier, otherwise: int) -> int:
    if number.authority is None:
        return otherwise
    name = number.authority.namespace or number.authority.universal_id
    return find_or_add_issuer(context.uow, name[:64]).id


def accession(context: Context, group: OrderGroup) -> tuple[str | None, int | None]:
    """IPC-1, else OBR-18 for partners that use it so; None: we assign one."""
    for path, counts in (("IPC-1", True), ("OBR-18", context.partner.order_ids_from_obr)):
        element = group.at(path)
        if counts and element.has_value:
            number = entity_identifier(element)
            if number is None:
                continue
            # Exactly as sent: a control character or a 17th character is refused below, never cut off.
            raw = element.component(1).text
            return raw, issuer_id(context, number, context.partner.site.accession_issuer_id)
    return None, None


def study_uid(context: Context, group: OrderGroup) -> str | None:
    """IPC-3, else ZDS-1 for partners that use it so (IHE RAD TF-2 4.4.4.1.2.6)."""
    if group.at("IPC-3").has_value:
        return leaf(group.at("IPC-3"))
    if context.partner.order_ids_from_obr and group.at("ZDS-1").has_value:
        return leaf(group.at("ZDS-1"))
    return None


def procedure(context: Context, group: OrderGroup) -> Procedure:
    """OBR-4: code, text, code system; the alternative code of OBR-4.4 counts too."""
    if not group.at("OBR-4").has_value:
        raise FieldFault("OBR-4", "", "is missing", Condition.REQUIRED_FIELD_MISSING, "which procedure")
    for code, scheme in (("OBR-4.1", "OBR-4.3"), ("OBR-4.4", "OBR-4.6")):
        found = catalog.procedure_by_code(context.uow, text(group.at(code), 199), text(group.at(scheme), 199))
        if found is not None:
            return found
    raise FieldFault(
        "OBR-4", text(group.at("OBR-4.1"), 199), "is not in the procedure catalogue", Condition.TABLE_VALUE_NOT_FOUND
    )


def side(group: OrderGroup) -> str:
    """Procedure code modifier (OBR-45), else the site modifier of the specimen source (OBR-15.5)."""
    for path in ("OBR-45.1", "OBR-15.5"):
        side = _SIDES.get(text(group.at(path), 199).upper())
        if side:
            return side
    return ""


def priority(group: OrderGroup) -> str:
    """TQ1-9, else the sixth component of ORC-7 and OBR-27, else OBR-5 (HL7 table 0485)."""
    for path in ("TQ1-9.1", "ORC-7.6", "OBR-27.6", "OBR-5"):
        code = text(group.at(path), 199).upper()
        if code:
            return _PRIORITIES.get(code, "routine")
    return "routine"


def referrer(context: Context, group: OrderGroup) -> int | None:
    """Ordering provider: OBR-16, else ORC-12, else the referring doctor of PV1-8."""
    for element in (group.at("OBR-16"), group.at("ORC-12"), context.message.at("PV1-8")):
        doctor = practitioner(element, 199)
        if doctor is None or doctor.name is None or not doctor.name.family:
            continue
        name = doctor.name
        facts = DoctorFacts(name.family, name.given, doctor.npi or None, name.degree or name.suffix)
        return find_or_add_practitioner(context.uow, facts, context.actor).id
    return None


def diagnoses(group: OrderGroup) -> tuple[Diagnosis, ...]:
    """DG1-3 and OBR-31; a code of another list stays as text."""
    elements: list[Element] = [segment.at("3") for segment in group["DG1"]]
    elements += [one for one in group.at("OBR-31").repetitions() if one.has_value]
    found = []
    for element in elements:
        code, words, system = (text(element.component(place), 300) for place in (1, 2, 3))
        if code and system.upper() in _ICD:
            found.append(Diagnosis(code))
        elif code or words:
            found.append(Diagnosis("", f"{code} {words}".strip()))
    return tuple(dict.fromkeys(found))[:12]


def question(group: OrderGroup) -> str:
    """OBR-13 relevant clinical information, and the notes under the order."""
    parts = [text(group.at("OBR-13"), 4000, lines=True)]
    parts += [text(note.at("3"), 4000, lines=True) for note in group["NTE"]]
    return "\n".join(part for part in parts if part)[:4000]


def visit(context: Context) -> VisitFacts | None:
    said = read_pv1(context.message)
    if said is None or said.number is None:
        return None
    issuer = issuer_id(context, said.number, context.partner.patient_issuer_id)
    return VisitFacts(said.number.value, issuer, said.patient_class, said.location)


def asked_time(context: Context, group: OrderGroup) -> datetime | None:
    """TQ1-7, else ORC-7.4, else OBR-36; a date alone is no time. In the partner's zone where none is given."""
    for path in ("TQ1-7", "ORC-7.4", "OBR-27.4", "OBR-36"):
        moment = read_moment(group.at(path), context.zone)
        if moment is not None and moment.precision >= Precision.HOUR:
            return moment.utc.replace(second=0, microsecond=0)
    return None


def station(context: Context, group: OrderGroup, modality: str) -> tuple[Device | None, str]:
    """The device by IPC-9's AE title, else the only one of the modality in IPC-5 or OBR-24; or why there is none."""
    title = leaf(group.at("IPC-9"))
    device: Device | None
    if title:
        try:
            device = catalog.device(context.uow, title)
        except DomainError:
            return None, f"The order names the station {title}, which is not known"
        if device.room_id is None or device.retired_at is not None:
            return None, f"The station {title} has no room to book"
        return device, ""
    asked = leaf(group.at("IPC-5")) or leaf(group.at("OBR-24")) or modality
    device = catalog.device_by_modality(context.uow, context.partner.site_id, asked.upper())
    return (device, "") if device else (None, f"The order names a time, but no one station for {asked}")
