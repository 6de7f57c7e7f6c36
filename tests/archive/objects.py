"""Objects as modalities send them, at the core's door."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from ris_pacs.archive import queries
from ris_pacs.archive.models import Study
from ris_pacs.archive.queries import inbox
from ris_pacs.archive.service.link import ReceivedKeys, RequestKeys
from ris_pacs.archive.service.store import (
    InstanceFacts,
    Outcome,
    PatientFacts,
    ReceivedObject,
    SeriesFacts,
    StudyFacts,
    store_object,
)
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.patients import queries as patients
from tests import practice

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
SCANNER = Actor("device", "CT1", Role.SYSTEM, 1, "a1", "10.0.0.7")
JOHN = PatientFacts("X-1", "", "SMITH^JOHN", "19500101", "M")


def an_object(
    number: int = 1,
    *,
    study: str = "1.2.3",
    series: str = "",
    accession: str = "",
    issuer: str = "",
    requests: tuple[RequestKeys, ...] = (),
    mpps: tuple[str, ...] = (),
    patient: PatientFacts = JOHN,
    modality: str = "CT",
    content: str = "",
    size: int = 1000,
    device_id: int | None = None,
) -> ReceivedObject:
    """An image. series: its UID; the first of the study when not named. content: other words, another digest."""
    series_uid = series or f"{study}.1"
    uid = f"{series_uid}.{number}"
    return ReceivedObject(
        study=StudyFacts(study, study_date="20261124", study_time="1042", description="Chest"),
        series=SeriesFacts(series_uid, modality=modality, number=1, station="CT1"),
        instance=InstanceFacts(
            sop_class_uid=CT_IMAGE,
            sop_instance_uid=uid,
            transfer_syntax_uid=EXPLICIT,
            size=size,
            digest=hashlib.sha256(f"{uid} {content}".encode()).hexdigest(),
            dataset_offset=300,
            number=number,
        ),
        patient=patient,
        keys=ReceivedKeys(study, accession, issuer, requests, mpps),
        source="CT1",
        device_id=device_id,
    )


def patient_of(system: System, patient_id: int, **differing: str) -> PatientFacts:
    """The patient as the worklist gave it to the modality."""
    with read_only(system) as uow:
        known = patients.patient(uow, patient_id, PROGRAM)
    said = PatientFacts(
        patient_id=known.mrn,
        name=known.name.dicom().upper(),
        birth_date=(known.birth_date or "").replace("-", ""),
        sex=known.sex,
    )
    return replace(said, **differing)


def of_exam(system: System, booked: practice.Booked, number: int = 1, **differing: object) -> ReceivedObject:
    """An image of an exam with all its keys right."""
    with read_only(system) as uow:
        exam = orders.exam_order(uow, booked.exam_id, PROGRAM).exams[0]
    request = RequestKeys(booked.accession_number, exam.identifier)
    said: dict[str, object] = {
        "study": booked.study_instance_uid,
        "accession": booked.accession_number,
        "requests": (request,),
        "patient": patient_of(system, booked.patient_id),
    }
    return an_object(number, **{**said, **differing})  # type: ignore[arg-type]


def request_of(system: System, booked: practice.Booked, **differing: str) -> RequestKeys:
    with read_only(system) as uow:
        exam = orders.exam_order(uow, booked.exam_id, PROGRAM).exams[0]
    return replace(RequestKeys(booked.accession_number, exam.identifier), **differing)


def store(system: System, *received: ReceivedObject, actor: Actor = SCANNER) -> list[str]:
    """Each in a transaction of its own; says what became of them."""
    return [_store(system, one, actor).kind for one in received]


def _store(system: System, received: ReceivedObject, actor: Actor) -> Outcome:
    with unit_of_work(system) as uow:
        return store_object(uow, received, actor)


def study(system: System, uid: str = "1.2.3") -> queries.StudyRow:
    with read_only(system) as uow:
        return queries.study_rows(uow, queries.visible_studies(uow, PROGRAM).where(Study.study_instance_uid == uid))[0]


def linked(system: System, uid: str = "1.2.3") -> set[int]:
    return set(study(system, uid).linked)


def cases(system: System) -> list[tuple[str, str]]:
    """Reason and words of what waits in the reconciliation inbox, the newest first."""
    with read_only(system) as uow:
        return [(one.reason, one.text) for one in inbox.open_cases(uow, PROGRAM)]


def reasons(system: System) -> list[str]:
    return [reason for reason, _ in cases(system)]


def device_id(system: System, title: str) -> int:
    with read_only(system) as uow:
        found = catalog.known_device(uow, title)
        assert found is not None
        return found.id
