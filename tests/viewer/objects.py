"""Objects for the viewer to show: series drawn here, and pydicom's own test files as a study of their own."""

from __future__ import annotations

from copy import deepcopy
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from ris_pacs.archive import queries
from ris_pacs.archive.service.receive import Source, receive_file
from ris_pacs.archive.service.store import store_object
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.uow import System, unit_of_work
from tests.archive.objects import study as study_by_uid
from tests.imaging.samples import sample

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ROWS, COLUMNS = 96, 128
AXIAL = [1, 0, 0, 0, 1, 0]
WORDS = {
    "PatientName": "Okafor^Amara",
    "PatientID": "M0044102",
    "PatientBirthDate": "19680603",
    "PatientSex": "F",
    "StudyDate": "20261124",
    "StudyTime": "103100",
}


def dataset(sop_class: str, study: str, series: str, **values: Any) -> Dataset:
    """An object with what every object needs; its UIDs are new."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = sop_class, generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = study, series
    made.AccessionNumber = made.StudyID = ""
    for name, value in {**WORDS, **values}.items():
        setattr(made, name, value)
    return made


def picture(pixels: NDArray[Any], study: str, series: str, **values: Any) -> Dataset:
    """A grey picture of these stored values: 8 or 16 bits, signed or not as they are."""
    made = dataset(CT_IMAGE, study, series, **{"Modality": "CT", **values})
    made.Rows, made.Columns = pixels.shape
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, made.get("PhotometricInterpretation", "MONOCHROME2")
    made.BitsAllocated = made.BitsStored = 8 * pixels.itemsize
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.PixelData = pixels.tobytes()
    return made


def disc(value: int, outside: int = -1000, radius: float = 30) -> NDArray[np.int16]:
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    inside = (rows - ROWS / 2) ** 2 + (columns - COLUMNS / 2) ** 2 < radius**2
    return np.where(inside, value, outside).astype(np.int16)


def ct_series(
    count: int = 5,
    *,
    study: str = "",
    reference: str = "",
    first: float = 0,
    apart: float = 10,
    spacing: tuple[float, float] = (0.5, 2.0),
    **values: Any,
) -> list[Dataset]:
    """Axial pictures of discs that shrink and brighten from one to the next. apart: mm between them."""
    study, series = study or generate_uid(), generate_uid()
    return [
        picture(
            disc(40 + 20 * number, radius=40 - 3 * number),
            study,
            series,
            InstanceNumber=number + 1,
            ImagePositionPatient=[-50, -50, first + apart * number],
            ImageOrientationPatient=AXIAL,
            PixelSpacing=list(spacing) if spacing[0] else None,
            SliceThickness=apart,
            FrameOfReferenceUID=reference or generate_uid(),
            RescaleSlope=1,
            RescaleIntercept=0,
            WindowCenter=40,
            WindowWidth=400,
            **{"SeriesNumber": 2, "SeriesDescription": "Axial 10.0", **values},
        )
        for number in range(count)
    ]


def test_file(name: str) -> Dataset:
    """One of pydicom's files as the only object of a study of its own."""
    read = pydicom.dcmread(sample(name))
    made = deepcopy(read)
    made.StudyInstanceUID, made.SeriesInstanceUID = generate_uid(), generate_uid()
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return made


test_file.__test__ = False  # type: ignore[attr-defined]  # A file for tests, no test.


def keep(system: System, *datasets: Dataset) -> queries.StudyRow:
    """Store them as a modality would; the study of the first."""
    for one in datasets:
        file = BytesIO()
        pydicom.dcmwrite(file, one, enforce_file_format=True)
        file.seek(0)
        received = receive_file(system.blobs, file, Source("CT1"))
        with unit_of_work(system) as uow:
            store_object(uow, received, PROGRAM)
    return study_by_uid(system, datasets[0].StudyInstanceUID)
