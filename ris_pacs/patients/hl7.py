"""ADT: patients come to be and change (HL7 2.5.1 chapter 3; IHE RAD-1, RAD-12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ris_pacs.catalog.queries import Partner
from ris_pacs.hl7.er7 import Message
from ris_pacs.hl7.pid import read_pid
from ris_pacs.hl7.reply import Reply, naming
from ris_pacs.hl7.values import text
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.inbox import About
from ris_pacs.patients.service import outside
from ris_pacs.patients.service.register import note_safety_fact

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

# What a patient's facts are called in a PID.
PID_PATHS = {
    "identifier": "PID-3",
    "family": "PID-5",
    "given": "PID-5",
    "birth_date": "PID-7",
    "sex": "PID-8",
    "email": "PID-13",
    "phone": "PID-13",
    "street": "PID-11",
    "language": "PID-15",
}


def keep_patient(uow: UnitOfWork, message: Message, partner: Partner, actor: Actor) -> Reply:
    """ADT^A01, A04, A05, A08, A28, A31. Raises FieldFault naming the field; nothing is half-done then."""
    said = read_pid(message)
    sender = outside.Sender(partner.site_id, partner.patient_issuer_id)
    with naming(PID_PATHS, "PID-3"):
        patient = outside.keep_patient(uow, said, sender, actor)
        for allergy in message["AL1"]:
            note_safety_fact(
                uow,
                patient.id,
                "allergy",
                text(allergy.at("3.2")) or text(allergy.at("3.1")),
                text(allergy.at("4.1")),
                actor,
            )
    return Reply(About(patient.id, patient.name.shown))
