"""Real DICOM files in the archive, taken in as the program takes in every other."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset

from ris_pacs.archive.service.receive import Source, receive_file
from ris_pacs.archive.service.store import store_object
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.uow import System, unit_of_work
from tests import practice
from tests.archive.objects import patient_of
from tests.imaging.samples import sample


def keep_file(system: System, file: Path | bytes) -> str:
    """The SOP Instance UID of the object that the file holds, stored byte for byte."""
    raw = file if isinstance(file, bytes) else file.read_bytes()
    received = receive_file(system.blobs, io.BytesIO(raw), Source("TEST"))
    with unit_of_work(system) as uow:
        store_object(uow, received, PROGRAM)
    return received.instance.sop_instance_uid


def image_of_exam(system: System, booked: practice.Booked, number: int = 1, **differing: str) -> Dataset:
    """A small CT image (128 × 128) with the keys and the patient of an exam; UIDs as in tests.archive.objects."""
    patient = replace(patient_of(system, booked.patient_id), **differing)
    dataset = dcmread(sample("CT_small.dcm"))
    study = booked.study_instance_uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, f"{study}.1"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{study}.1.{number}"
    dataset.AccessionNumber, dataset.InstanceNumber = booked.accession_number, number
    dataset.PatientName, dataset.PatientID = patient.name, patient.patient_id
    dataset.PatientBirthDate, dataset.PatientSex = patient.birth_date, patient.sex
    return dataset


def as_file(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def store_image(system: System, booked: practice.Booked, number: int = 1, **differing: str) -> str:
    return keep_file(system, as_file(image_of_exam(system, booked, number, **differing)))
