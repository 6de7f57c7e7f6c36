"""A document as a DICOM object: Encapsulated PDF Storage (PS3.3 A.45.1)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, EncapsulatedPDFStorage, ExplicitVRLittleEndian

from ris_pacs.kernel.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION

MANUFACTURER = "RIS-PACS"


@dataclass(frozen=True)
class Document:
    """name: PN; birth_date: DA; made_at: in the zone of the site. accession_number: "" where there are several."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    name: str
    patient_id: str
    issuer: str
    birth_date: str
    sex: str
    accession_number: str
    accession_issuer: str
    title: str
    description: str
    number: int
    made_at: datetime


def pdf_object(said: Document, pdf: bytes) -> bytes:
    """A file (PS3.10) with the PDF in it."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(said.sop_instance_uid)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    dataset.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    dataset.SpecificCharacterSet = "ISO_IR 192"
    _whose(dataset, said)
    _what(dataset, said)
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    dataset.EncapsulatedDocumentLength = len(pdf)
    out = io.BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def _whose(dataset: Dataset, said: Document) -> None:
    dataset.PatientName, dataset.PatientID = said.name, said.patient_id
    if said.issuer:
        dataset.IssuerOfPatientID = said.issuer
    dataset.PatientBirthDate, dataset.PatientSex = said.birth_date, said.sex
    dataset.StudyInstanceUID, dataset.StudyID, dataset.ReferringPhysicianName = said.study_instance_uid, "", ""
    dataset.StudyDate, dataset.StudyTime = "", ""
    dataset.AccessionNumber = said.accession_number
    if said.accession_number and said.accession_issuer:
        issuer = Dataset()
        issuer.LocalNamespaceEntityID = said.accession_issuer
        dataset.IssuerOfAccessionNumberSequence = [issuer]


def _what(dataset: Dataset, said: Document) -> None:
    day, clock = f"{said.made_at:%Y%m%d}", f"{said.made_at:%H%M%S}"
    dataset.SOPClassUID, dataset.SOPInstanceUID = EncapsulatedPDFStorage, said.sop_instance_uid
    dataset.Modality, dataset.SeriesInstanceUID, dataset.SeriesNumber = "DOC", said.series_instance_uid, 9000
    dataset.SeriesDescription, dataset.Manufacturer = said.description[:64], MANUFACTURER
    dataset.ConversionType, dataset.BurnedInAnnotation = "WSD", "YES"
    dataset.InstanceNumber = said.number
    dataset.ContentDate, dataset.ContentTime = day, clock
    dataset.AcquisitionDateTime = f"{said.made_at:%Y%m%d%H%M%S%z}"
    dataset.TimezoneOffsetFromUTC = f"{said.made_at:%z}"
    dataset.DocumentTitle = said.title
    dataset.ConceptNameCodeSequence = []
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
