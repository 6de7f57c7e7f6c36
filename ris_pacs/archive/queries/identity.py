"""Whose a study is by the record, where its objects say something else (FEATURES.md D6: coerced on the way out)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.archive import rules
from ris_pacs.archive.models import Study, StudyLink
from ris_pacs.kernel.person import PersonName
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.patients import queries as patients

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Identity:
    """As DICOM writes it. accession_number: "" where the study answers no order or several."""

    name: str
    patient_id: str
    issuer: str
    birth_date: str
    sex: str
    accession_number: str


def corrected_identity(uow: UnitOfWork, study_id: int) -> Identity | None:
    """What the record says of a study that the caller has found visible; None where the objects agree with it."""
    study = uow.session.get(Study, study_id)
    if study is None or study.patient_id is None:
        return None
    patient = patients.rows_of_visible(uow, [study.patient_id])[study.patient_id]
    sex = "" if patient.sex == "U" else patient.sex
    numbers = uow.session.scalars(
        select(Order.accession_number)
        .join(RequestedProcedure, RequestedProcedure.order_id == Order.id)
        .join(StudyLink, StudyLink.requested_procedure_id == RequestedProcedure.id)
        .where(StudyLink.study_id == study_id, StudyLink.undone_at.is_(None))
        .distinct()
    ).all()
    accession_number = numbers[0] if len(numbers) == 1 else ""
    said = PersonName.from_dicom(study.received_name)
    agrees = (
        study.received_patient_id == patient.mrn
        and rules.same_words(said.shown, patient.name.shown)
        and study.received_birth_date in ("", _date(patient.birth_date))
        and study.received_sex in ("", sex)
        and (not accession_number or study.accession_number == accession_number)
    )
    if agrees:
        return None
    return Identity(
        name=patient.name.dicom(),
        patient_id=patient.mrn,
        issuer=patient.mrn_issuer,
        birth_date=_date(patient.birth_date),
        sex=sex,
        accession_number=accession_number,
    )


def _date(birth_date: str | None) -> str:
    """ISO to DA; a date that is known in part is no DA."""
    digits = (birth_date or "").replace("-", "")
    return digits if len(digits) == len("20261124") else ""
