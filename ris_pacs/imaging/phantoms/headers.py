"""The modules that all objects share (PS3.3 C.7, C.12), and the parts of which headers are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID

from ris_pacs.imaging.phantoms.subject import Subject
from ris_pacs.kernel.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION

EXPLICIT_LITTLE = UID("1.2.840.10008.1.2.1")
JPEG_BASELINE = UID("1.2.840.10008.1.2.4.50")
LOSSLESS = {
    "jpeg-ls": UID("1.2.840.10008.1.2.4.80"),
    "j2k": UID("1.2.840.10008.1.2.4.90"),
    "htj2k": UID("1.2.840.10008.1.2.4.201"),
}
"""Transfer syntaxes that objects can be compressed to without loss."""

Values = Mapping[str, Any]

_MANUFACTURER = "RIS-PACS phantoms"


@dataclass
class Session:
    """One exam being acquired. uid: mints UIDs. lossless: "" or a key of LOSSLESS.

    body: a number that is the same in all exams of one patient, who looks the same in all of them.
    """

    subject: Subject
    uid: Callable[[], str]
    random: np.random.Generator
    seed: int
    lossless: str = ""
    clock: datetime = field(init=False)
    body: int = field(init=False)
    series: int = 0

    def __post_init__(self) -> None:
        self.clock = self.subject.started
        self.body = crc32(self.subject.patient_id.encode())
        self.frame_of_reference = self.uid()

    def wait(self, seconds: float) -> datetime:
        self.clock += timedelta(seconds=seconds)
        return self.clock

    def new_series(self, modality: str, sop_class: str, description: str, body_part: str, values: Values) -> Series:
        """What all objects of one series have in common. values: more elements, by keyword."""
        self.series += 1
        base = Dataset()
        _patient_and_study(base, self.subject)
        _series(base, self.subject, self.series, modality, description, body_part, self.clock)
        base.SOPClassUID = sop_class
        base.SeriesInstanceUID = self.uid()
        base.update(dataset(values))
        return Series(self, base)


class Series:
    def __init__(self, session: Session, base: Dataset) -> None:
        self.session, self.base = session, base
        self._count = 0

    def instance(self, values: Values, pixels: Values | None = None, after: float = 0.5) -> Dataset:
        """One object. values, pixels: its own elements by keyword; after: seconds since the one before."""
        self._count += 1
        made = Dataset()
        made.update(self.base)
        now = self.session.wait(after)
        made.SOPInstanceUID = self.session.uid()
        made.InstanceNumber = self._count
        made.InstanceCreationDate = made.ContentDate = now.strftime("%Y%m%d")
        made.InstanceCreationTime = made.ContentTime = now.strftime("%H%M%S.%f")[:-3]
        made.update(dataset(values))
        made.update(dataset(pixels or {}))
        _finish(made, self.session.lossless)
        return made


def dataset(values: Values) -> Dataset:
    """By keyword; a list of mappings becomes a sequence."""
    made = Dataset()
    for keyword, value in values.items():
        if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            setattr(made, keyword, Sequence([dataset(item) for item in value]))
        else:
            setattr(made, keyword, value)
    return made


def code(value: str, scheme: str, meaning: str) -> list[Values]:
    return [{"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}]


def grey(pixels: NDArray[Any], stored: int) -> Values:
    """The pixel module of one monochrome frame, or of frames × rows × columns (PS3.3 C.7.6.3)."""
    rows, columns = pixels.shape[-2:]
    allocated = pixels.dtype.itemsize * 8
    values: dict[str, Any] = {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": allocated,
        "BitsStored": stored,
        "HighBit": stored - 1,
        "PixelRepresentation": 0,
        "PixelData": np.ascontiguousarray(pixels).tobytes(),
    }
    if pixels.ndim == 3:
        values["NumberOfFrames"] = pixels.shape[0]
    return values


def jpeg_frames(frames: list[bytes], rows: int, columns: int, colour: bool, raw_bytes: int) -> Values:
    """The pixel module of 8-bit frames that are already JPEG (PS3.3 C.7.6.3, C.7.6.1.1.5)."""
    values: dict[str, Any] = {
        "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": "YBR_FULL_422" if colour else "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": f"{raw_bytes / sum(map(len, frames)):.2f}",
        "LossyImageCompressionMethod": "ISO_10918_1",
        "PixelData": encapsulate(frames),
    }
    if colour:
        values["PlanarConfiguration"] = 0
    return values


def _patient_and_study(base: Dataset, subject: Subject) -> None:
    base.SpecificCharacterSet = (
        list(subject.character_set) if len(subject.character_set) != 1 else subject.character_set[0]
    )
    base.PatientName = subject.patient_name
    base.PatientID = subject.patient_id
    base.PatientBirthDate = subject.birth_date.strftime("%Y%m%d") if subject.birth_date else ""
    base.PatientSex = subject.sex
    if subject.issuer_of_patient_id:
        base.IssuerOfPatientID = subject.issuer_of_patient_id
    started = subject.started
    if subject.birth_date:
        years = started.year - subject.birth_date.year
        years -= (started.month, started.day) < (subject.birth_date.month, subject.birth_date.day)
        base.PatientAge = f"{max(0, years):03d}Y"
    base.StudyInstanceUID = subject.study_uid
    base.StudyDate, base.StudyTime = started.strftime("%Y%m%d"), started.strftime("%H%M%S")
    base.StudyID = subject.study_id or subject.requested_procedure_id
    base.AccessionNumber = subject.accession_number
    base.ReferringPhysicianName = subject.referring_physician
    if subject.issuer_of_accession:
        base.IssuerOfAccessionNumberSequence = Sequence(
            [dataset({"LocalNamespaceEntityID": subject.issuer_of_accession})]
        )
    if subject.requested_procedure_description:
        base.StudyDescription = subject.requested_procedure_description
    offset = started.strftime("%z")
    if offset:
        base.TimezoneOffsetFromUTC = offset


def _series(
    base: Dataset, subject: Subject, number: int, modality: str, description: str, body_part: str, now: datetime
) -> None:
    base.Modality = modality
    base.SeriesNumber = number
    base.SeriesDescription = description
    base.ProtocolName = (subject.requested_procedure_description or description)[:64]
    base.SeriesDate, base.SeriesTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    base.AcquisitionDate, base.AcquisitionTime = base.SeriesDate, base.SeriesTime
    if body_part:
        base.BodyPartExamined = body_part
    if subject.operator:
        base.OperatorsName = subject.operator
    base.Manufacturer = _MANUFACTURER
    base.ManufacturerModelName = f"Drawn {modality}"
    base.DeviceSerialNumber = subject.station_ae or "0"
    base.SoftwareVersions = IMPLEMENTATION_VERSION
    base.InstitutionName = subject.institution
    base.StationName = subject.station_name or subject.station_ae
    base.BurnedInAnnotation = "NO"
    _request(base, subject, now)


def _request(base: Dataset, subject: Subject, now: datetime) -> None:
    """PS3.3 C.7.3.1: which request this answers, which performed step it belongs to."""
    request: dict[str, Any] = {}
    if subject.scheduled_step_id:
        request["ScheduledProcedureStepID"] = subject.scheduled_step_id
    if subject.requested_procedure_id:
        request["RequestedProcedureID"] = subject.requested_procedure_id
    if subject.requested_procedure_description:
        request["RequestedProcedureDescription"] = subject.requested_procedure_description
        request["ScheduledProcedureStepDescription"] = subject.requested_procedure_description
    if request:
        request |= {"AccessionNumber": subject.accession_number, "StudyInstanceUID": subject.study_uid}
        if subject.issuer_of_accession:
            request["IssuerOfAccessionNumberSequence"] = [{"LocalNamespaceEntityID": subject.issuer_of_accession}]
        base.RequestAttributesSequence = Sequence([dataset(request)])
    if subject.performed_step_uid:
        step = {
            "ReferencedSOPClassUID": "1.2.840.10008.3.1.2.3.3",
            "ReferencedSOPInstanceUID": subject.performed_step_uid,
        }
        base.ReferencedPerformedProcedureStepSequence = Sequence([dataset(step)])
        base.PerformedProcedureStepID = subject.performed_step_id or subject.scheduled_step_id
        base.PerformedProcedureStepStartDate = subject.started.strftime("%Y%m%d")
        base.PerformedProcedureStepStartTime = subject.started.strftime("%H%M%S")
        if subject.requested_procedure_description:
            base.PerformedProcedureStepDescription = subject.requested_procedure_description


def _finish(made: Dataset, lossless: str) -> None:
    """Compress where wanted, and add the file meta information."""
    syntax = EXPLICIT_LITTLE
    if made.get("LossyImageCompression") == "01":
        syntax = JPEG_BASELINE
    elif lossless and made.BitsAllocated <= 16:
        syntax = LOSSLESS[lossless]
        made.PixelData = encapsulate(_compressed(made, lossless))
    made["PixelData"].VR = "OB" if syntax != EXPLICIT_LITTLE or made.BitsAllocated == 8 else "OW"
    if syntax != EXPLICIT_LITTLE:
        made["PixelData"].is_undefined_length = True
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    made.file_meta = meta


def _compressed(made: Dataset, lossless: str) -> list[bytes]:
    kind = np.uint8 if made.BitsAllocated == 8 else np.uint16
    frames = np.frombuffer(made.PixelData, kind).reshape(-1, made.Rows, made.Columns)
    if lossless == "jpeg-ls":
        return [bytes(imagecodecs.jpegls_encode(frame)) for frame in frames]
    if lossless == "j2k":
        return [
            bytes(imagecodecs.jpeg2k_encode(frame, codecformat="J2K", reversible=True, level=0)) for frame in frames
        ]
    return [bytes(imagecodecs.htj2k_encode(frame, reversible=True)) for frame in frames]
