"""Devices at the other end of a DICOM association: DCMTK's tools, and pynetdicom where it takes several steps."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import ModalityPerformedProcedureStep, StorageCommitmentPushModel

from tests.dicom.peers import tool
from tests.flow.practice_running import PATIENCE, ZONE, Practice, until

CALLED = "RISPACS"
CT = str(CTImageStorage)
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"

# The return keys of a modality's worklist query, as DCMTK's findscu takes them.
WORKLIST_KEYS = (
    "0008,0050",
    "0010,0010",
    "0010,0020",
    "0010,0030",
    "0010,0040",
    "0020,000D",
    "0032,1060",
    "0040,1001",
    "0040,0100[0].0008,0060",
    "0040,0100[0].0040,0001",
    "0040,0100[0].0040,0002",
    "0040,0100[0].0040,0003",
    "0040,0100[0].0040,0009",
)


def dcmtk(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run one of DCMTK's tools to its end; what it said in both streams together."""
    return subprocess.run(
        [tool(name), *map(str, arguments)],
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "TCP_NODELAY": "1"},
    )


def address(practice: Practice, calling: str) -> tuple[object, ...]:
    """Arguments of every SCU of DCMTK: who calls whom, where."""
    return ("-aet", calling, "-aec", CALLED, "127.0.0.1", practice.ports["dicom"])


def find(practice: Practice, calling: str, folder: Path, model: str, *keys: str) -> list[Dataset]:
    """findscu. model: "-W", "-P" or "-S"; keys: "0010,0010=Oko*", an earlier one of the same tag is overridden."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("rsp*.dcm"):
        old.unlink()
    options = [part for key in keys for part in ("-k", key)]
    done = dcmtk("findscu", "-v", model, "-X", "-od", folder, *options, *address(practice, calling))
    assert done.returncode == 0, done.stdout
    assert "Received Final Find Response (Success)" in done.stdout, done.stdout
    return [dcmread(path) for path in sorted(folder.glob("rsp*.dcm"))]


def worklist(practice: Practice, calling: str, folder: Path, *keys: str) -> list[Dataset]:
    """What the worklist answers to these matching keys."""
    tags = {key.partition("=")[0] for key in keys}
    return find(practice, calling, folder, "-W", *(key for key in WORKLIST_KEYS if key not in tags), *keys)


def listed(practice: Practice, station: str, folder: Path) -> list[str]:
    """Accession numbers on a station's worklist."""
    items = worklist(practice, station, folder, f"0040,0100[0].0040,0001={station}")
    return [item.AccessionNumber for item in items]


def store(practice: Practice, calling: str, *files: Path) -> None:
    """storescu, each file in its own transfer syntax."""
    done = dcmtk("storescu", "-v", "-xf", *_any_syntax(practice), *address(practice, calling), *files)
    assert done.returncode == 0, done.stdout


def _any_syntax(practice: Practice) -> tuple[object, ...]:
    raise NotImplementedError


# --- pynetdicom


@contextmanager
def association(practice: Practice, calling: str, *abstract_syntaxes: str) -> Iterator[Association]:
    ae = AE(calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = PATIENCE
    for uid in abstract_syntaxes:
        ae.add_requested_context(uid)
    made = ae.associate("127.0.0.1", practice.ports["dicom"], ae_title=CALLED)
    assert made.is_established, f"{calling} was not admitted"
    try:
        yield made
    finally:
        if made.is_established:
            made.release()


def begin(practice: Practice, station: str, item: Dataset) -> str:
    """N-CREATE for a worklist item; returns the UID of the performed step."""
    uid = generate_uid()
    with association(practice, station, ModalityPerformedProcedureStep) as made:
        status, _ = made.send_n_create(_begun(station, item), ModalityPerformedProcedureStep, uid)
    assert status.Status == 0x0000, status
    return uid


def _begun(station: str, item: Dataset) -> Dataset:
    """PS3.4 Table F.7.2-1."""
    step = item.ScheduledProcedureStepSequence[0]
    reference = Dataset()
    reference.StudyInstanceUID = item.StudyInstanceUID
    reference.AccessionNumber = item.AccessionNumber
    reference.RequestedProcedureID = item.RequestedProcedureID
    reference.ScheduledProcedureStepID = step.ScheduledProcedureStepID
    reference.ReferencedStudySequence = []
    reference.RequestedProcedureDescription = item.get("RequestedProcedureDescription", "")
    reference.ScheduledProcedureStepDescription = ""
    reference.ScheduledProtocolCodeSequence = []
    now = datetime.now(ZONE)
    begun = Dataset()
    begun.SpecificCharacterSet = "ISO_IR 192"
    begun.ScheduledStepAttributesSequence = [reference]
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"):
        setattr(begun, name, item.get(name, ""))
    begun.ReferencedPatientSequence = []
    begun.PerformedProcedureStepID = "P1"
    begun.PerformedStationAETitle = station
    begun.PerformedStationName = begun.PerformedLocation = ""
    begun.PerformedProcedureStepStartDate, begun.PerformedProcedureStepStartTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    begun.PerformedProcedureStepStatus = "IN PROGRESS"
    begun.PerformedProcedureStepDescription = begun.PerformedProcedureTypeDescription = ""
    begun.ProcedureCodeSequence = []
    begun.PerformedProcedureStepEndDate = begun.PerformedProcedureStepEndTime = ""
    begun.Modality = step.Modality
    begun.StudyID = ""
    begun.PerformedProtocolCodeSequence = []
    begun.PerformedSeriesSequence = []
    return begun


def end(practice: Practice, station: str, uid: str, images: Sequence[Dataset], state: str = "COMPLETED") -> int:
    """N-SET with the objects that were made; returns the status."""
    series: dict[str, Dataset] = {}
    for image in images:
        one = series.setdefault(image.SeriesInstanceUID, Dataset())
        one.SeriesInstanceUID = image.SeriesInstanceUID
        one.SeriesDescription = one.PerformingPhysicianName = one.OperatorsName = one.RetrieveAETitle = ""
        one.ProtocolName = "Chest"
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
        one.ReferencedImageSequence = [*one.get("ReferencedImageSequence", []), reference]
        one.ReferencedNonImageCompositeSOPInstanceSequence = []
    now = datetime.now(ZONE)
    ended = Dataset()
    ended.PerformedProcedureStepStatus = state
    ended.PerformedProcedureStepEndDate, ended.PerformedProcedureStepEndTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    ended.PerformedSeriesSequence = list(series.values())
    with association(practice, station, ModalityPerformedProcedureStep) as made:
        status, _ = made.send_n_set(ended, ModalityPerformedProcedureStep, uid)
    return int(status.Status)
