"""Referring doctors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.catalog import queries, rules
from ris_pacs.catalog.models import Practitioner
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.kernel.text import fold

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class DoctorFacts:
    family: str
    given: str = ""
    npi: str | None = None
    suffix: str = ""
    practice: str = ""
    phone: str = ""


def find_or_add_practitioner(uow: UnitOfWork, facts: DoctorFacts, actor: Actor) -> Practitioner:
    """The doctor with this NPI; without one, the doctor of the same name and practice; else a new one.

    Raises Invalid, BadNpi.
    """
    npi = rules.check_npi(facts.npi) if facts.npi else None
    if npi is not None:
        known = uow.session.scalar(select(Practitioner).where(Practitioner.npi == npi))
        if known is not None:
            return known
    if not facts.family.strip():
        raise Invalid("A referring doctor needs a family name.", "family")
    folded = fold(f"{facts.family} {facts.given} {facts.practice}")[:300]
    if npi is None:
        known = uow.session.scalar(
            select(Practitioner).where(Practitioner.folded == folded, Practitioner.npi.is_(None)).limit(1)
        )
        if known is not None:
            return known
    doctor = Practitioner(
        npi=npi,
        family=facts.family.strip()[:64],
        given=facts.given.strip()[:64],
        suffix=facts.suffix.strip()[:32],
        practice=facts.practice.strip()[:120],
        phone=facts.phone.strip()[:40],
        folded=folded,
    )
    uow.session.add(doctor)
    uow.session.flush()
    return doctor


def set_npi(uow: UnitOfWork, practitioner_id: int, npi: str, actor: Actor) -> Practitioner:
    """The number that a doctor is known by to payers. Raises BadNpi, Invalid (somebody else's), NoSuchPractitioner."""
    demand(actor, Right.BILLING_EDIT)
    doctor = queries.practitioner(uow, practitioner_id)
    number = rules.check_npi(npi)
    holder = uow.session.scalar(
        select(Practitioner).where(Practitioner.npi == number, Practitioner.id != practitioner_id)
    )
    if holder is not None:
        raise Invalid(f"{number} is the NPI of {holder.given} {holder.family}.".replace("  ", " "), "npi")
    audit.record(uow, actor, "set NPI", ("doctor", doctor.id), patient_id=None, detail={"npi": [doctor.npi, number]})
    doctor.npi = number
    uow.session.flush()
    return doctor
