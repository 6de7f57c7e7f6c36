"""Devices at the other end of a DICOM association: DCMTK's tools, and pynetdicom where it takes several steps."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from ssl import SSLContext

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


# How storescu is told to propose the file's own transfer syntax.
_PROPOSE = {
    "1.2.840.10008.1.2": "-xi",
    "1.2.840.10008.1.2.1": "-xe",
    "1.2.840.10008.1.2.1.99": "-xd",
    "1.2.840.10008.1.2.2": "-xb",
    "1.2.840.10008.1.2.4.50": "-xy",
    "1.2.840.10008.1.2.4.51": "-xx",
    "1.2.840.10008.1.2.4.70": "-xs",
    "1.2.840.10008.1.2.4.80": "-xt",
    "1.2.840.10008.1.2.4.90": "-xv",
    "1.2.840.10008.1.2.4.91": "-xw",
    "1.2.840.10008.1.2.5": "-xr",
}


# How getscu and the other SCPs are told to prefer it.
PREFER = {syntax: option.replace("-x", "+x") for syntax, option in _PROPOSE.items()}


def store(practice: Practice, calling: str, *files: Path) -> None:
    """storescu, each file in the transfer syntax that it has; an association for each of them."""
    by_syntax: dict[str, list[Path]] = {}
    for file in files:
        by_syntax.setdefault(str(dcmread(file, stop_before_pixels=True).file_meta.TransferSyntaxUID), []).append(file)
    for syntax, same in by_syntax.items():
        done = dcmtk("storescu", "-v", "-R", _PROPOSE[syntax], *address(practice, calling), *same)
        assert done.returncode == 0, done.stdout
        assert done.stdout.count("Received Store Response (Success)") == len(same), done.stdout


@contextmanager
def storescp(folder: Path, port: int, title: str, takes: str = "+xa") -> Iterator[None]:
    """DCMTK's receiver: takes every transfer syntax, or what `takes` says, and writes what comes bit for bit."""
    folder.mkdir()
    process = subprocess.Popen(
        [tool("storescp"), "-aet", title, takes, "-pm", "+B", "-od", str(folder), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: dcmtk("echoscu", "-aec", title, "127.0.0.1", port).returncode == 0, "storescp")
        yield
    finally:
        process.kill()
        process.wait(PATIENCE)


def free_port() -> int:
    """For a tool that cannot say which free port it took."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def data_set_of(path: Path) -> bytes:
    """A file without preamble and file meta information, whose length is its first element (PS3.10 7.1)."""
    raw = path.read_bytes()
    assert raw[128:132] == b"DICM"
    return raw[144 + int.from_bytes(raw[140:144], "little") :]


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
    assert create(practice, station, item, uid) == 0x0000
    return uid


def create(practice: Practice, station: str, item: Dataset, uid: str) -> int:
    """N-CREATE under this UID; returns the status."""
    with association(practice, station, ModalityPerformedProcedureStep) as made:
        status, _ = made.send_n_create(_begun(station, item), ModalityPerformedProcedureStep, uid)
    return int(status.Status)


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


# --- images


def image(item: Dataset, number: int = 1, series: str = "", **differing: object) -> Dataset:
    """A CT image as the modality makes it from a worklist item. series: UID; without one, a series of its own."""
    step = item.ScheduledProcedureStepSequence[0]
    request = Dataset()
    request.AccessionNumber = item.AccessionNumber
    request.RequestedProcedureID = item.RequestedProcedureID
    request.ScheduledProcedureStepID = step.ScheduledProcedureStepID
    made = Dataset()
    made.SpecificCharacterSet = item.get("SpecificCharacterSet", "ISO_IR 192")
    made.SOPClassUID, made.SOPInstanceUID = CT, generate_uid()
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "AccessionNumber"):
        setattr(made, name, item.get(name, ""))
    made.SeriesInstanceUID = series or generate_uid()
    made.SeriesNumber, made.InstanceNumber = 1, number
    made.Modality, made.StudyDescription, made.SeriesDescription = "CT", "CT chest", "Axial"
    made.StudyDate, made.StudyTime = f"{datetime.now(ZONE):%Y%m%d}", "101500"
    made.RequestAttributesSequence = [request]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows = made.Columns = 128
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    shade = np.add.outer(np.arange(128), np.arange(128)) * 16 + number
    made.PixelData = shade.astype("<u2").tobytes()
    made["PixelData"].VR = "OW"
    for keyword, value in differing.items():
        setattr(made, keyword, value)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def series(item: Dataset, count: int, **differing: object) -> list[Dataset]:
    uid = generate_uid()
    return [image(item, number, uid, **differing) for number in range(1, count + 1)]


def write(folder: Path, images: Sequence[Dataset]) -> list[Path]:
    """As files; returns where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{one.SOPInstanceUID}.dcm" for one in images]
    for one, path in zip(images, paths, strict=True):
        one.save_as(path, enforce_file_format=True)
    return paths


# --- storage commitment


@contextmanager
def listening_for_reports(tls: SSLContext | None = None) -> Iterator[tuple[int, list[tuple[int, Dataset]]]]:
    """A device that takes storage commitment reports: its port, and what was reported so far (event type, report)."""
    reports: list[tuple[int, Dataset]] = []

    def take(event: evt.Event) -> tuple[int, None]:
        reports.append((event.event_type, event.event_information))
        return 0x0000, None

    ae = AE("DEVICE")
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    handlers = [(evt.EVT_N_EVENT_REPORT, take)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=tls)
    assert server is not None
    try:
        yield server.server_address[1], reports
    finally:
        server.shutdown()


def ask_for_commitment(practice: Practice, calling: str, references: Sequence[tuple[str, str]]) -> str:
    """N-ACTION for (SOP class, SOP instance) pairs; returns the transaction UID."""
    asked = Dataset()
    asked.TransactionUID = generate_uid()
    asked.ReferencedSOPSequence = []
    for sop_class, uid in references:
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sop_class, uid
        asked.ReferencedSOPSequence.append(reference)
    with association(practice, calling, StorageCommitmentPushModel) as made:
        status, _ = made.send_n_action(asked, 1, StorageCommitmentPushModel, COMMITMENT_INSTANCE)
    assert status.Status == 0x0000, status
    return str(asked.TransactionUID)
