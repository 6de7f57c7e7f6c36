"""Enrolment of patients by a code from the desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from ris_pacs.accounts.service import NewUser, add_user
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.patients import queries as patients
from ris_pacs.portal import queries, rules
from ris_pacs.portal.errors import HasAccount, WrongCode
from ris_pacs.portal.models import PortalCode

if TYPE_CHECKING:
    from ris_pacs.accounts.queries import User
    from ris_pacs.kernel.uow import UnitOfWork

# A code from the desk is what lets somebody in; the account is made by the program.
ENROLMENT = Actor("program", "enrolment", Role.ADMIN)
WRONG = "This code and birth date do not go together, or the code is too old. Ask the practice for a new one."


@dataclass(frozen=True)
class Enrolment:
    """birth_date: ISO 8601."""

    code: str
    birth_date: str
    email: str
    password: str


def make_code(uow: UnitOfWork, patient_id: int, actor: Actor) -> str:
    """Shown once, to be handed to the patient; earlier codes of the patient are void.

    Raises NoSuchPatient, HasAccount, Forbidden.
    """
    demand(actor, Right.PATIENT_EDIT)
    patient = patients.patient(uow, patient_id, actor)
    if queries.account_of(uow, patient.id):
        raise HasAccount("This patient has an account already; an administrator can set a new password.")
    uow.session.execute(
        update(PortalCode)
        .where(PortalCode.patient_id == patient.id, PortalCode.used_at.is_(None), PortalCode.ends_at > uow.now)
        .values(ends_at=uow.now)
    )
    code = rules.new_code()
    uow.session.add(
        PortalCode(
            patient_id=patient.id,
            code_hash=rules.hash_code(code),
            made_at=uow.now,
            made_by=actor.name,
            ends_at=uow.now + rules.CODE_LIFE,
        )
    )
    audit.record(uow, actor, "make portal code", ("patient", patient.id), patient_id=patient.id)
    return code


def enrol(uow: UnitOfWork, asked: Enrolment) -> User:
    """An account that sees the patient's own record. Raises WrongCode, HasAccount, EmailTaken, Invalid.

    After WrongCode the caller counts the failure in a transaction of its own.
    """
    row = _open_code(uow, asked.code)
    patient = patients.patient_of_visible_order(uow, row.patient_id) if row is not None else None
    if row is None or patient is None or patient.birth_date != asked.birth_date:
        raise WrongCode(WRONG, "code")
    if queries.account_of(uow, patient.id):
        raise HasAccount("There is an account already: sign in, or ask the practice.")
    row.used_at = uow.now
    user = add_user(
        uow,
        NewUser(asked.email, patient.name.shown, asked.password, Role.PATIENT, patient_id=patient.id),
        ENROLMENT,
    )
    audit.record(uow, ENROLMENT, "enrol", ("patient", patient.id), patient_id=patient.id)
    return user


def count_wrong_code(uow: UnitOfWork, code: str) -> None:
    """Somebody guesses the birth date that goes with a code: it is void after a few."""
    row = _open_code(uow, code)
    if row is not None:
        row.failures += 1


def _open_code(uow: UnitOfWork, code: str) -> PortalCode | None:
    return uow.session.scalar(
        select(PortalCode)
        .where(
            PortalCode.code_hash == rules.hash_code(code),
            PortalCode.used_at.is_(None),
            PortalCode.ends_at > uow.now,
            PortalCode.failures < rules.MOST_FAILURES,
        )
        .with_for_update()
    )
