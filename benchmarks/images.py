"""Booked exams, and CT images of them as a scanner would send them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmwrite

from ris_pacs.catalog import queries as catalog
from ris_pacs.demo.people import people
from ris_pacs.dicom.handlers import StoredFile
from ris_pacs.imaging.file_meta import HEAD, parse_file_meta
from ris_pacs.imaging.phantoms.exam import acquire
from ris_pacs.imaging.phantoms.subject import Subject
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.uids import uid_mint
from ris_pacs.kernel.uow import System, UnitOfWork, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.orders.service import place
from ris_pacs.patients.service import register
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.scheduling.service import booking

LARGE, SMALL = 512, 128
"""Edge of an image in pixels of 16 bits: 0.5 MB, 34 KB."""
STATION = "CT1"
_mint = uid_mint()


@contextmanager
def image_folder(beside: Path) -> Iterator[Path]:
    """Where images wait to be sent: in memory where the system has such a folder; the disk is the receiver's."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="ris-pacs-bench-", dir=shared if shared.is_dir() else beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def booked_exams(system: System, count: int) -> list[Subject]:
    """CT exams of as many patients, ordered and booked by the services; what a scanner takes over of each."""
    found: list[Subject] = []
    while len(found) < count:  # Not all in one transaction, as the desk would not either.
        with unit_of_work(system) as uow:
            found += [_booked(uow, number) for number in range(len(found), min(count, len(found) + 50))]
    return found


def _booked(uow: UnitOfWork, number: int) -> Subject:
    site = catalog.sites(uow)[0]
    person = people()[number % len(people())]
    patient = register.register_patient(uow, register.Registration(person.facts, site.id, somebody_else=True), PROGRAM)
    procedure = catalog.procedure_by_code(uow, "CTCHEST")
    assert procedure is not None
    order = place.place_order(uow, place.NewOrder(patient.id, procedure.id, site.id), PROGRAM)
    exam = order.exams[0]
    step = scheduling.steps_of_exams(uow, [exam.id], PROGRAM)[0]
    room = next(one for one in catalog.rooms(uow, site.id) if one.name == STATION)
    starts_at = uow.now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    booking.book(uow, booking.Booking(step.id, room.id, starts_at, overbook_reason="benchmark"), PROGRAM)
    row = orders.exam_rows(uow, [exam.id], PROGRAM)[exam.id]
    return Subject(
        patient_name=row.patient.name.dicom(),
        patient_id=row.patient.mrn,
        issuer_of_patient_id=row.patient.mrn_issuer,
        study_uid=exam.study_instance_uid,
        accession_number=order.accession_number,
        issuer_of_accession=order.accession_issuer.namespace,
        birth_date=date.fromisoformat(person.facts.birth_date),
        sex=row.patient.sex,
        requested_procedure_id=exam.identifier,
        requested_procedure_description=row.title,
        scheduled_step_id=step.identifier,
        study_id=exam.identifier,
        started=starts_at,
        station_ae=STATION,
        station_name=STATION,
        institution=site.name,
    )


@cache
def _drawn(edge: int) -> Dataset:
    """One slice with a whole header, drawn once for all exams."""
    anybody = Subject("Nobody", "0", _mint(), "0", "0", "0", requested_procedure_id="0", scheduled_step_id="0")
    image = next(iter(acquire("CT", "chest", anybody, uid=_mint, seed=1, images=1)))
    pixels = np.resize(image.pixel_array, (LARGE, LARGE))[:edge, :edge]
    image.Rows = image.Columns = edge
    image.PixelData = pixels.tobytes()
    return image


def write_series(subject: Subject, count: int, folder: Path, edge: int = LARGE) -> list[StoredFile]:
    """One series of an exam as files, each with UIDs of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    image = _of(subject, edge)
    files = []
    for number in range(1, count + 1):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = _mint()
        image.InstanceNumber = number
        path = folder / f"{subject.accession_number}-{number:05}.dcm"
        dcmwrite(path, image, enforce_file_format=True)
        files.append(_stored(path))
    return files


def _of(subject: Subject, edge: int) -> Dataset:
    """The drawn slice as one of this exam, in a series of its own."""
    image = copy(_drawn(edge))
    image.file_meta = copy(image.file_meta)
    image.PatientName = subject.patient_name
    image.PatientID = subject.patient_id
    image.IssuerOfPatientID = subject.issuer_of_patient_id
    image.PatientBirthDate = f"{subject.birth_date:%Y%m%d}"
    image.PatientSex = subject.sex
    image.AccessionNumber = subject.accession_number
    image.StudyInstanceUID = subject.study_uid
    image.StudyID = subject.study_id
    image.SeriesInstanceUID = _mint()
    image.StudyDate = f"{subject.started:%Y%m%d}"
    issuer, request = Dataset(), Dataset()
    issuer.LocalNamespaceEntityID = subject.issuer_of_accession
    image.IssuerOfAccessionNumberSequence = [issuer]
    request.AccessionNumber = subject.accession_number
    request.RequestedProcedureID = subject.requested_procedure_id
    request.ScheduledProcedureStepID = subject.scheduled_step_id
    image.RequestAttributesSequence = [request]
    return image


def _stored(path: Path) -> StoredFile:
    with path.open("rb") as file:
        meta = parse_file_meta(file.read(HEAD))
    return StoredFile(meta.sop_class, meta.sop_instance, meta.transfer_syntax, path, meta.offset)
