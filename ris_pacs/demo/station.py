"""What a modality makes of its worklist entry: the header of its objects and its performed step."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from ris_pacs.demo.people import people
from ris_pacs.demo.pictures import seeded_uids
from ris_pacs.demo.plan import TYPED, WRONG_PATIENT, PlannedExam
from ris_pacs.demo.practice import DOCTORS
from ris_pacs.imaging.phantoms.subject import Subject
from ris_pacs.kernel.person import PersonName
from ris_pacs.orders.queries import Order
from ris_pacs.orders.rules import exam_title
from ris_pacs.patients.queries import PatientRow
from ris_pacs.patients.rules import Identity
from ris_pacs.worklist import service as worklist
from ris_pacs.worklist.queries import StepReference

WITHOUT_MPPS = ("CR", "ES")


def taken_over(exam: PlannedExam, order: Order, patient: PatientRow, step: str, zone: ZoneInfo) -> Subject:
    """What the station took over from its worklist, or, in an odd exam, what somebody typed or chose instead.

    step: the Scheduled Procedure Step ID.
    """
    assert exam.moments is not None
    requested = order.exams[0]
    subject = Subject(
        patient_name=patient.name.dicom(),
        patient_id=patient.mrn,
        issuer_of_patient_id=patient.mrn_issuer,
        study_uid=requested.study_instance_uid,
        accession_number=order.accession_number,
        issuer_of_accession=order.accession_issuer.namespace,
        birth_date=_whole(patient.birth_date),
        sex=patient.sex,
        requested_procedure_id=requested.identifier,
        requested_procedure_description=exam_title(exam.procedure.name, exam.laterality),
        scheduled_step_id=step,
        performed_step_uid="" if exam.procedure.modality in WITHOUT_MPPS else step_uid(exam),
        performed_step_id=f"P{step[1:]}",
        study_id=requested.identifier,
        laterality=exam.laterality,
        referring_physician="^".join((DOCTORS[exam.doctor].family, DOCTORS[exam.doctor].given)),
        operator="Castaneda^Ruben",
        started=exam.moments.begins.astimezone(zone),
        station_ae=exam.room,
        station_name=exam.room,
        institution=order.site.name,
    )
    if exam.oddity == TYPED:
        return _typed(subject, exam)
    return _wrongly_chosen(subject, exam) if exam.oddity == WRONG_PATIENT else subject


def _typed(subject: Subject, exam: PlannedExam) -> Subject:
    """The name with its last letter missing, and none of the numbers."""
    return replace(
        subject,
        patient_name=subject.patient_name[:-1],
        issuer_of_patient_id="",
        issuer_of_accession="",
        accession_number="",
        requested_procedure_id="",
        scheduled_step_id="",
        study_uid=seeded_uids(f"typed {exam.key}")(),
    )


def _wrongly_chosen(subject: Subject, exam: PlannedExam) -> Subject:
    """The numbers of this exam with somebody else's name."""
    other = people()[(exam.person.number + 11) % len(people())].facts
    return replace(
        subject,
        patient_name=other.name.dicom(),
        patient_id=f"M{exam.person.number + 90:07}",
        birth_date=_whole(other.birth_date),
        sex=other.sex,
    )


def begun_step(exam: PlannedExam, subject: Subject, device_id: int) -> worklist.BegunStep:
    """The MPPS N-CREATE for what the station took over."""
    assert exam.moments is not None
    reference = StepReference(
        subject.accession_number, subject.requested_procedure_id, subject.scheduled_step_id, subject.study_uid
    )
    return worklist.BegunStep(
        sop_instance_uid=step_uid(exam),
        references=(reference,),
        identity=Identity(
            patient_id=subject.patient_id,
            name=PersonName.from_dicom(subject.patient_name),
            birth_date=subject.birth_date.isoformat() if subject.birth_date else "",
            sex=subject.sex,
        ),
        started_at=exam.moments.begins,
        identifier=subject.performed_step_id,
        device_id=device_id,
        station_ae_title=exam.room,
        modality=exam.procedure.modality,
        description=subject.requested_procedure_description,
        shown={"name": subject.patient_name, "id": subject.patient_id},
    )


def step_uid(exam: PlannedExam) -> str:
    return seeded_uids(f"performed step {exam.key}")()


def _whole(birth_date: str | None) -> date | None:
    """The date when it is known to the day."""
    return date.fromisoformat(birth_date) if birth_date and len(birth_date) == 10 else None
